/**
 * The patient's part of the portal.
 *
 * @module
 */
import { IconDownload, IconEye, IconFileText, IconKey, IconMessages, IconUserCheck } from '@tabler/icons-react'
import { lazy } from 'react'
import type { RoleModule } from '../role-module.ts'
import { Records } from './records.tsx'

const Record = lazy(async () => ({ default: (await import('./record.tsx')).Record }))
const Looked = lazy(async () => ({ default: (await import('./looked.tsx')).Looked }))
const Access = lazy(async () => ({ default: (await import('./access.tsx')).Access }))
const Messages = lazy(async () => ({ default: (await import('./messages.tsx')).Messages }))
const Permission = lazy(async () => ({ default: (await import('./permission.tsx')).Permission }))
const Keys = lazy(async () => ({ default: (await import('./keys.tsx')).Keys }))
const Download = lazy(async () => ({ default: (await import('./download-page.tsx')).DownloadPage }))

export const role: RoleModule = {
  nav: [
    { path: '', label: 'patient.nav.records', icon: IconFileText },
    { path: 'looked', label: 'patient.nav.looked', icon: IconEye },
    { path: 'access', label: 'patient.nav.access', icon: IconUserCheck },
    { path: 'keys', label: 'patient.nav.keys', icon: IconKey },
    { path: 'messages', label: 'patient.nav.messages', icon: IconMessages },
    { path: 'download', label: 'patient.nav.download', icon: IconDownload },
  ],
  screens: [
    { path: '', show: ({ me }) => <Records me={me} /> },
    { path: 'record/:id', show: ({ me, params }) => <Record id={params['id'] ?? ''} me={me} /> },
    { path: 'looked', show: () => <Looked /> },
    { path: 'access', show: ({ me }) => <Access me={me} /> },
    { path: 'permission/:id', show: ({ me, params }) => <Permission id={params['id'] ?? ''} me={me} /> },
    { path: 'keys', show: ({ me }) => <Keys me={me} /> },
    { path: 'messages', show: ({ me }) => <Messages me={me} /> },
    { path: 'download', show: () => <Download /> },
  ],
  width: 'narrow',
  density: 'comfortable',
  dates: 'plain',
}
