/**
 * The auditor's part of the portal.
 *
 * @module
 */
import '../theme/work.css'
import { IconBlocks, IconFlag, IconListCheck, IconServer, IconShieldSearch } from '@tabler/icons-react'
import type { RoleModule } from '../role-module.ts'
import { Block } from './block.tsx'
import { Blocks } from './blocks.tsx'
import { Checkpoints } from './checkpoints.tsx'
import { Misuse } from './misuse.tsx'
import { Servers } from './servers.tsx'
import { Verify } from './verify.tsx'

export const role: RoleModule = {
  nav: [
    { path: '', label: 'auditor.nav.verify', icon: IconShieldSearch },
    { path: 'blocks', label: 'auditor.nav.blocks', icon: IconBlocks },
    { path: 'checkpoints', label: 'auditor.nav.checkpoints', icon: IconListCheck },
    { path: 'servers', label: 'auditor.nav.servers', icon: IconServer },
    { path: 'misuse', label: 'auditor.nav.misuse', icon: IconFlag },
  ],
  screens: [
    { path: '', show: () => <Verify /> },
    { path: 'blocks', show: () => <Blocks /> },
    { path: 'blocks/:number', show: ({ params: { number } }) => <Block key={number} number={Number(number)} /> },
    { path: 'checkpoints', show: () => <Checkpoints /> },
    { path: 'servers', show: () => <Servers /> },
    { path: 'misuse', show: () => <Misuse /> },
  ],
  width: 'full',
  density: 'compact',
  dates: 'plain',
}
