/**
 * What a role's module gives to the frame around it.
 *
 * @module
 */
import type { Icon } from '@tabler/icons-react'
import type { ComponentType } from 'react'
import type { IdentityCard } from './session/core-area.ts'

/** One entry of a role's navigation. */
export interface NavItem {
  /** Below the role's path: `looked` is `/patient/looked`; empty: the role's first screen. */
  readonly path: string
  /** Key of its text. */
  readonly label: string
  readonly icon: Icon
}

/** What a role's module gives: `export const role: RoleModule`. */
export interface RoleModule {
  readonly nav: readonly NavItem[]
  /** Everything below the header; routes inside it start at `/<path>`. */
  readonly Screens: ComponentType<{ readonly me: IdentityCard }>
  /** Measure of the main column: `narrow` 960 px, `full`. */
  readonly width: 'narrow' | 'full'
  readonly density: 'comfortable' | 'compact'
}
