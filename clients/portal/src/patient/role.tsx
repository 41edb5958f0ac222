/**
 * The patient's part of the portal.
 *
 * @module
 */
import { IconDownload, IconEye, IconFileText, IconKey, IconUserCheck } from '@tabler/icons-react'
import { lazy, Suspense, type ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { RoleModule } from '../role-module.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { Records } from './records.tsx'

const Record = lazy(async () => ({ default: (await import('./record.tsx')).Record }))
const Looked = lazy(async () => ({ default: (await import('./looked.tsx')).Looked }))
const Access = lazy(async () => ({ default: (await import('./access.tsx')).Access }))
const Permission = lazy(async () => ({ default: (await import('./permission.tsx')).Permission }))
const Keys = lazy(async () => ({ default: (await import('./keys.tsx')).Keys }))
const Download = lazy(async () => ({ default: (await import('./download-page.tsx')).DownloadPage }))

function Screens({ me }: { readonly me: IdentityCard }): ReactNode {
  return (
    <Suspense fallback={<Loading />}>
      <Switch>
        <Route path="/patient">
          <Records me={me} />
        </Route>
        <Route path="/patient/record/:id">{({ id }) => <Record id={id} me={me} />}</Route>
        <Route path="/patient/looked">
          <Looked />
        </Route>
        <Route path="/patient/access">
          <Access />
        </Route>
        <Route path="/patient/permission/:id">{({ id }) => <Permission id={id} />}</Route>
        <Route path="/patient/keys">
          <Keys me={me} />
        </Route>
        <Route path="/patient/download">
          <Download />
        </Route>
        <Route>
          <Records me={me} />
        </Route>
      </Switch>
    </Suspense>
  )
}

export const role: RoleModule = {
  nav: [
    { path: '', label: 'patient.nav.records', icon: IconFileText },
    { path: 'looked', label: 'patient.nav.looked', icon: IconEye },
    { path: 'access', label: 'patient.nav.access', icon: IconUserCheck },
    { path: 'keys', label: 'patient.nav.keys', icon: IconKey },
    { path: 'download', label: 'patient.nav.download', icon: IconDownload },
  ],
  Screens,
  width: 'narrow',
  density: 'comfortable',
}
