/**
 * The hospital staff's part of the portal.
 *
 * @module
 */
import '@mantine/core/styles/Combobox.css'
import '../theme/work.css'
import { IconAmbulance, IconCalendarPlus, IconHome, IconUpload, IconUserPlus } from '@tabler/icons-react'
import { lazy, Suspense, type ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { RoleModule } from '../role-module.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { Home } from './home.tsx'

const Register = lazy(async () => ({ default: (await import('./register.tsx')).Register }))
const Book = lazy(async () => ({ default: (await import('./book.tsx')).Book }))
const Import = lazy(async () => ({ default: (await import('./import.tsx')).Import }))
const Emergencies = lazy(async () => ({ default: (await import('./emergencies.tsx')).Emergencies }))

function Screens({ me }: { readonly me: IdentityCard }): ReactNode {
  return (
    <Suspense fallback={<Loading />}>
      <Switch>
        <Route path="/staff/register">
          <Register me={me} />
        </Route>
        <Route path="/staff/book">
          <Book />
        </Route>
        <Route path="/staff/import">
          <Import />
        </Route>
        <Route path="/staff/emergencies">
          <Emergencies />
        </Route>
        <Route>
          <Home />
        </Route>
      </Switch>
    </Suspense>
  )
}

export const role: RoleModule = {
  nav: [
    { path: '', label: 'staff.nav.home', icon: IconHome },
    { path: 'register', label: 'staff.nav.register', icon: IconUserPlus },
    { path: 'book', label: 'staff.nav.book', icon: IconCalendarPlus },
    { path: 'import', label: 'staff.nav.import', icon: IconUpload },
    { path: 'emergencies', label: 'staff.nav.emergencies', icon: IconAmbulance },
  ],
  Screens,
  width: 'full',
  density: 'compact',
}
