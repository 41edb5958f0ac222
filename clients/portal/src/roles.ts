/**
 * The roles of the portal, one row each. A role has its own folder, catalogue and chunk; see README.md.
 *
 * @module
 */
import type { ParticipantKind } from '../../sdk/src/identity.ts'
import type { Catalogue } from './i18n/locales.ts'
import type { RoleModule } from './role-module.ts'

interface RoleRow {
  readonly kind: ParticipantKind
  readonly path: string
  readonly catalogue: Catalogue
  /** Room in the header is kept for them, so that nothing moves when the role is loaded. */
  readonly hasTools: boolean
  readonly load: () => Promise<RoleModule>
}

export const ROLES: readonly RoleRow[] = [
  {
    kind: 'patient',
    path: '/patient',
    catalogue: 'patient',
    hasTools: false,
    load: async () => (await import('./patient/role.tsx')).role,
  },
  {
    kind: 'practitioner',
    path: '/doctor',
    catalogue: 'doctor',
    hasTools: true,
    load: async () => (await import('./doctor/role.tsx')).role,
  },
  {
    kind: 'organization',
    path: '/staff',
    catalogue: 'staff',
    hasTools: true,
    load: async () => (await import('./staff/role.tsx')).role,
  },
  {
    kind: 'auditor',
    path: '/auditor',
    catalogue: 'auditor',
    hasTools: false,
    load: async () => (await import('./auditor/role.tsx')).role,
  },
]

export function roleOf(kind: ParticipantKind): RoleRow | undefined {
  return ROLES.find((row) => row.kind === kind)
}
