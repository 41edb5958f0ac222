/**
 * The roles of the portal, one row each. A role has its own folder, catalogue and chunk; see README.md.
 *
 * @module
 */
import type { Icon } from '@tabler/icons-react'
import type { ComponentType } from 'react'
import type { ParticipantKind } from '../../sdk/src/identity.ts'
import type { Catalogue } from './i18n/locales.ts'
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

interface RoleRow {
  readonly kind: ParticipantKind
  readonly path: string
  readonly catalogue: Catalogue
  readonly load: () => Promise<RoleModule>
}

export const ROLES: readonly RoleRow[] = [
  {
    kind: 'patient',
    path: '/patient',
    catalogue: 'patient',
    load: async () => (await import('./patient/role.tsx')).role,
  },
  {
    kind: 'practitioner',
    path: '/doctor',
    catalogue: 'doctor',
    load: async () => (await import('./doctor/role.tsx')).role,
  },
  {
    kind: 'organization',
    path: '/staff',
    catalogue: 'staff',
    load: async () => (await import('./staff/role.tsx')).role,
  },
  {
    kind: 'auditor',
    path: '/auditor',
    catalogue: 'auditor',
    load: async () => (await import('./auditor/role.tsx')).role,
  },
]

export function roleOf(kind: ParticipantKind): RoleRow | undefined {
  return ROLES.find((row) => row.kind === kind)
}
