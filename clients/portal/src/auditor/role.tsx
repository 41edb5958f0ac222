/**
 * The auditor's part of the portal.
 *
 * @module
 */
import '../theme/work.css'
import { IconBlocks, IconFlag, IconListCheck, IconServer, IconShieldSearch } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { RoleModule } from '../role-module.ts'
import { Block } from './block.tsx'
import { Blocks } from './blocks.tsx'
import { Checkpoints } from './checkpoints.tsx'
import { Misuse } from './misuse.tsx'
import { Servers } from './servers.tsx'
import { Verify } from './verify.tsx'

function Screens(): ReactNode {
  return (
    <Switch>
      <Route path="/auditor/blocks">
        <Blocks />
      </Route>
      <Route path="/auditor/blocks/:number">{({ number }) => <Block key={number} number={Number(number)} />}</Route>
      <Route path="/auditor/checkpoints">
        <Checkpoints />
      </Route>
      <Route path="/auditor/servers">
        <Servers />
      </Route>
      <Route path="/auditor/misuse">
        <Misuse />
      </Route>
      <Route>
        <Verify />
      </Route>
    </Switch>
  )
}

export const role: RoleModule = {
  nav: [
    { path: '', label: 'auditor.nav.verify', icon: IconShieldSearch },
    { path: 'blocks', label: 'auditor.nav.blocks', icon: IconBlocks },
    { path: 'checkpoints', label: 'auditor.nav.checkpoints', icon: IconListCheck },
    { path: 'servers', label: 'auditor.nav.servers', icon: IconServer },
    { path: 'misuse', label: 'auditor.nav.misuse', icon: IconFlag },
  ],
  Screens,
  width: 'full',
  density: 'compact',
}
