/**
 * The doctor's part of the portal.
 *
 * @module
 */
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Popover.css'
import '@mantine/core/styles/Combobox.css'
import '../theme/work.css'
import '../theme/doctor.css'
import { IconCalendar, IconInbox } from '@tabler/icons-react'
import { lazy } from 'react'
import type { RoleModule } from '../role-module.ts'
import { Day } from './day.tsx'
import { Outbox } from './outbox.tsx'
import { Tools } from './tools.tsx'

const Patient = lazy(async () => ({ default: (await import('./patient.tsx')).Patient }))
const Group = lazy(async () => ({ default: (await import('./group.tsx')).Group }))

export const role: RoleModule = {
  nav: [
    { path: '', label: 'doctor.nav.day', icon: IconCalendar },
    { path: 'outbox', label: 'doctor.nav.outbox', icon: IconInbox },
  ],
  screens: [
    { path: '', show: () => <Day /> },
    { path: 'patient/:ref', show: ({ params: { ref = '' } }) => <Patient key={ref} patient={ref} /> },
    {
      path: 'group/:chain',
      show: ({ me, params: { chain = '' } }) => <Group key={chain} chainId={chain} me={me.ref} />,
    },
    { path: 'outbox', show: () => <Outbox /> },
  ],
  tools: (place) => <Tools {...place} />,
  width: 'full',
  density: 'compact',
  dates: 'clinical',
}
