/**
 * The list of a patient's permissions that are current, or ended a short time ago. It is one state key, so that a policy
 * costs few reads; what is older stands only at the permission's own key.
 *
 * @module
 */
import { LedgerError, MAX_ACTIVE_PERMISSIONS, PERMISSION_RETENTION_MS } from '../../../shared/ledger-model/src/index.ts'

interface Permission {
  readonly jti: string
  readonly expMs: number
  readonly revokedMs: number | null
}

/**
 * The list with one more, without those that ended long ago.
 * @throws {LedgerError} `PERMISSIONS_TOO_MANY`
 */
export function withPermission<T extends Permission>(current: readonly T[], added: T, nowMs: number): readonly T[] {
  const recent = current.filter((permission) => endOf(permission) + PERMISSION_RETENTION_MS > nowMs)
  if (recent.filter((permission) => endOf(permission) > nowMs).length >= MAX_ACTIVE_PERMISSIONS) {
    throw new LedgerError('PERMISSIONS_TOO_MANY', 'the patient has too many permissions in force')
  }
  return [...recent, added]
}

/** The list with one of them revoked; unchanged if it has left the list. */
export function withRevocation<T extends Permission>(current: readonly T[], jti: string, nowMs: number): readonly T[] {
  return current.map((permission) => (permission.jti === jti ? { ...permission, revokedMs: nowMs } : permission))
}

function endOf(permission: Permission): number {
  return Math.min(permission.expMs, permission.revokedMs ?? permission.expMs)
}
