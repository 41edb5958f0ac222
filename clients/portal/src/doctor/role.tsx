/**
 * The doctor's part of the portal.
 *
 * @module
 */
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/Combobox.css'
import '../theme/work.css'
import '../theme/doctor.css'
import { IconCalendar, IconInbox } from '@tabler/icons-react'
import { lazy, Suspense, type ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { RoleModule } from '../role-module.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { Day } from './day.tsx'
import { Outbox } from './outbox.tsx'

const Patient = lazy(async () => ({ default: (await import('./patient.tsx')).Patient }))
const Group = lazy(async () => ({ default: (await import('./group.tsx')).Group }))

function Screens({ me }: { readonly me: IdentityCard }): ReactNode {
  return (
    <Suspense fallback={<Loading />}>
      <Switch>
        <Route path="/doctor/patient/:ref">{({ ref }) => <Patient key={ref} patient={ref} />}</Route>
        <Route path="/doctor/group/:chain">{({ chain }) => <Group key={chain} chainId={chain} me={me.ref} />}</Route>
        <Route path="/doctor/outbox">
          <Outbox />
        </Route>
        <Route>
          <Day />
        </Route>
      </Switch>
    </Suspense>
  )
}

export const role: RoleModule = {
  nav: [
    { path: '', label: 'doctor.nav.day', icon: IconCalendar },
    { path: 'outbox', label: 'doctor.nav.outbox', icon: IconInbox },
  ],
  Screens,
  width: 'full',
  density: 'compact',
}
