/**
 * The hospital staff's part of the portal.
 *
 * @module
 */
import '@mantine/core/styles/Combobox.css'
import '../theme/work.css'
import { IconAmbulance, IconCalendarPlus, IconHome, IconUpload, IconUserPlus } from '@tabler/icons-react'
import { lazy } from 'react'
import type { RoleModule } from '../role-module.ts'
import { Home } from './home.tsx'

const Register = lazy(async () => ({ default: (await import('./register.tsx')).Register }))
const Book = lazy(async () => ({ default: (await import('./book.tsx')).Book }))
const Import = lazy(async () => ({ default: (await import('./import.tsx')).Import }))
const Emergencies = lazy(async () => ({ default: (await import('./emergencies.tsx')).Emergencies }))

export const role: RoleModule = {
  nav: [
    { path: '', label: 'staff.nav.home', icon: IconHome },
    { path: 'register', label: 'staff.nav.register', icon: IconUserPlus },
    { path: 'book', label: 'staff.nav.book', icon: IconCalendarPlus },
    { path: 'import', label: 'staff.nav.import', icon: IconUpload },
    { path: 'emergencies', label: 'staff.nav.emergencies', icon: IconAmbulance },
  ],
  screens: [
    { path: '', show: () => <Home /> },
    { path: 'register', show: ({ me }) => <Register me={me} /> },
    { path: 'book', show: () => <Book /> },
    { path: 'import', show: () => <Import /> },
    { path: 'emergencies', show: () => <Emergencies /> },
  ],
  width: 'full',
  density: 'compact',
}
