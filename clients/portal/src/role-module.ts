/**
 * What a role's module gives to the frame around it.
 *
 * @module
 */
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { DateForm } from './i18n/i18n.tsx'
import type { Found } from './shell/matching.ts'
import type { IdentityCard } from './session/core-area.ts'

/** One entry of a role's navigation. */
export interface NavItem {
  /** Below the role's path: `looked` is `/patient/looked`; empty: the role's first screen. */
  readonly path: string
  /** Key of its text. */
  readonly label: string
  readonly icon: Icon
}

/** One screen of a role. */
interface RoleScreen {
  /** As in `NavItem`, with `:name` for a part that varies; empty: shown for every other address too. */
  readonly path: string
  readonly show: (place: {
    readonly me: IdentityCard
    readonly params: Readonly<Record<string, string | undefined>>
  }) => ReactNode
}

/** What the frame knows when it shows a role's part of the header. */
export interface ToolsPlace {
  /** Screens of the role by their names. */
  readonly commands: readonly Found[]
  /** Undefined: not known yet. */
  readonly isServerUp: boolean | undefined
}

/** What a role's module gives: `export const role: RoleModule`. */
export interface RoleModule {
  readonly nav: readonly NavItem[]
  readonly screens: readonly RoleScreen[]
  /** In the header, beside the product's name; the role's row in roles.ts says that there is something. */
  readonly tools?: (place: ToolsPlace) => ReactNode
  /** Measure of the main column: `narrow` 960 px, `full`. */
  readonly width: 'narrow' | 'full'
  readonly density: 'comfortable' | 'compact'
  readonly dates: DateForm
}
