/**
 * The hospital staff's part of the portal.
 *
 * @module
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Popover.css'
import '@mantine/core/styles/Combobox.css'
import '../theme/work.css'
import {
  IconAmbulance,
  IconCalendarPlus,
  IconDeviceLaptop,
  IconDownload,
  IconHome,
  IconMessages,
  IconServer,
  IconUpload,
  IconUserPlus,
  IconUsers,
} from '@tabler/icons-react'
import { lazy } from 'react'
import type { RoleModule } from '../role-module.ts'
import { Home } from './home.tsx'
import { Tools } from './tools.tsx'

const Register = lazy(async () => ({ default: (await import('./register.tsx')).Register }))
const Book = lazy(async () => ({ default: (await import('./book.tsx')).Book }))
const People = lazy(async () => ({ default: (await import('./people.tsx')).People }))
const Person = lazy(async () => ({ default: (await import('./person.tsx')).Person }))
const Import = lazy(async () => ({ default: (await import('./import.tsx')).Import }))
const Emergencies = lazy(async () => ({ default: (await import('./emergencies.tsx')).Emergencies }))
const Questions = lazy(async () => ({ default: (await import('./questions.tsx')).Questions }))
const Export = lazy(async () => ({ default: (await import('./export.tsx')).Export }))
const System = lazy(async () => ({ default: (await import('./system.tsx')).System }))
const MyDevice = lazy(async () => ({ default: (await import('./my-device.tsx')).MyDevice }))

export const role: RoleModule = {
  nav: [
    { path: '', label: 'staff.nav.home', icon: IconHome },
    { path: 'register', label: 'staff.nav.register', icon: IconUserPlus },
    { path: 'book', label: 'staff.nav.book', icon: IconCalendarPlus },
    { path: 'people', label: 'staff.nav.people', icon: IconUsers },
    { path: 'import', label: 'staff.nav.import', icon: IconUpload },
    { path: 'export', label: 'staff.nav.export', icon: IconDownload },
    { path: 'emergencies', label: 'staff.nav.emergencies', icon: IconAmbulance },
    { path: 'questions', label: 'staff.nav.questions', icon: IconMessages },
    { path: 'system', label: 'staff.nav.system', icon: IconServer },
    { path: 'device', label: 'staff.nav.device', icon: IconDeviceLaptop },
  ],
  screens: [
    { path: '', show: () => <Home /> },
    { path: 'register', show: ({ me }) => <Register me={me} /> },
    { path: 'book', show: () => <Book /> },
    { path: 'people', show: () => <People /> },
    { path: 'people/:id', show: ({ params }) => <Person key={params['id']} id={params['id'] ?? ''} /> },
    { path: 'import', show: () => <Import /> },
    { path: 'export', show: () => <Export /> },
    { path: 'emergencies', show: () => <Emergencies /> },
    { path: 'questions', show: () => <Questions /> },
    { path: 'system', show: () => <System /> },
    { path: 'device', show: ({ me }) => <MyDevice me={me} /> },
  ],
  tools: ({ commands }) => <Tools commands={commands} />,
  width: 'full',
  density: 'compact',
  dates: 'clinical',
}
