/**
 * Who may read what: one function, no state. Spec: docs/protocol/08-access.md §8.1, §8.2.
 *
 * A permission is looked for; without one the answer is a refusal, and among several reasons the nearest: a current
 * permission that does not reach this record, then one that has not started, then the one that ended last.
 *
 * @module
 */
import type { PatientPolicy } from '../../../../shared/ledger-model/src/index.ts'
import type { ErrorCode } from '../../../../shared/protocol/src/index.ts'

export type PermissionKind = 'self' | 'warrant' | 'grant' | 'emergency' | 'hospital'

export interface Permission {
  readonly kind: PermissionKind
  /** The warrant, grant or emergency access that allows it. */
  readonly id?: string
}

/** The client, with what the ledger says of it now. */
export interface Actor {
  readonly kind: 'patient' | 'practitioner' | 'organization' | 'auditor'
  readonly ref: string
  readonly mspId: string
  /** Thumbprint of the key that opened the session. */
  readonly kid: string
  /** Hospitals of the actor's organisation; of a hospital, itself. */
  readonly hospitals: readonly string[]
}

/** What of a record decides. */
export interface RecordFacts {
  readonly recordId: string
  readonly ehrType: string
  /** Clinical date, or when it was stored if the record states none. */
  readonly dateMs: number
  /** Hospital of the warrant under which it was stored. */
  readonly hospital: string
}

export interface AccessQuestion {
  readonly actor: Actor
  readonly patient: string
  /** Absent: whether the actor may see anything of the patient at all. */
  readonly record?: RecordFacts
  /** Why, a code of HL7 v3 PurposeOfUse; a grant must be for it. */
  readonly purpose: string
  /** Time by which permissions have ended. */
  readonly nowMs: number
  /** Time by which permissions have begun. */
  readonly reachedMs: number
  readonly policy: PatientPolicy
  /** Scope of a warrant of which the full text was shown, by hex hash as the ledger records it. */
  readonly scopeOf: (warrantHash: string) => readonly string[] | undefined
  /** Open emergency access of this actor to this patient. */
  readonly emergency?: string
  /** When the actor's last emergency access to this patient ended, Unix ms; asked only where nothing allows. */
  readonly emergencyEnd?: () => number | undefined
}

export type Decision =
  { readonly allowed: true; readonly permission: Permission } | { readonly allowed: false; readonly code: ErrorCode }

/** A permission of the actor that does not apply, and how near it came. */
interface Miss {
  readonly code: ErrorCode
  /** 4 suspended, 3 current but not for this, 2 not started, 1 ended. */
  readonly rank: 1 | 2 | 3 | 4
  /** When it ended or starts. */
  readonly atMs: number
}

type PolicyWarrant = PatientPolicy['warrants'][number]
type PolicyGrant = PatientPolicy['grants'][number]

export function decide(question: AccessQuestion): Decision {
  const { actor, patient, policy } = question
  if (actor.kind === 'auditor' || policy.patientRef !== patient) return denied('ACCESS_DENIED')
  if (actor.kind === 'patient') return decideSelf(question)
  if (policy.suspended.some((ref) => ref === actor.ref)) return denied('PARTICIPANT_SUSPENDED')

  const misses: Miss[] = []
  for (const warrant of policy.warrants) {
    if (!warrant.doctors.some((ref) => ref === actor.ref)) continue
    const miss = missOfWarrant(warrant, question)
    if (miss === undefined) return allowed({ kind: 'warrant', id: warrant.jti })
    misses.push(miss)
  }
  for (const grant of policy.grants) {
    if (!isGrantee(grant, actor)) continue
    const miss = missOfGrant(grant, question)
    if (miss === undefined) return allowed({ kind: 'grant', id: grant.jti })
    misses.push(miss)
  }
  if (isHospitalsOwn(question)) return allowed({ kind: 'hospital' })
  if (question.emergency !== undefined) return allowed({ kind: 'emergency', id: question.emergency })
  const atMs = question.emergencyEnd?.()
  if (atMs !== undefined) misses.push({ code: 'EMERGENCY_ENDED', rank: 1, atMs })
  return denied(nearest(misses)?.code ?? 'ACCESS_DENIED')
}

/** The patient, with a key that is registered now. */
function decideSelf({ actor, patient, policy }: AccessQuestion): Decision {
  if (actor.ref !== patient) return denied('ACCESS_DENIED')
  if (policy.status === 'suspended') return denied('PARTICIPANT_SUSPENDED')
  const isActive = policy.keys.some((key) => key.kid === actor.kid && key.removedMs === null)
  return isActive ? allowed({ kind: 'self' }) : denied('CREDENTIAL_REJECTED')
}

/** §8.1: the hospital that registered the patient reads what its own doctors or itself stored under it. */
function isHospitalsOwn({ actor, policy, record }: AccessQuestion): boolean {
  if (actor.kind !== 'organization' || !policy.hospitals.some((ref) => ref === actor.ref)) return false
  return record === undefined || record.hospital === actor.ref
}

function missOfWarrant(warrant: PolicyWarrant, question: AccessQuestion): Miss | undefined {
  const { record, scopeOf } = question
  const outside = missOfPeriod(warrant, question, {
    revoked: 'WARRANT_REVOKED',
    early: 'WARRANT_NOT_YET_VALID',
    late: 'WARRANT_EXPIRED',
  })
  if (outside !== undefined) return outside
  const scope = scopeOf(warrant.warrantHash)
  if (scope === undefined) return { code: 'WARRANT_NOT_PRESENTED', rank: 3, atMs: 1 }
  if (record === undefined || inScope(scope, record.ehrType)) return undefined
  return { code: 'WARRANT_SCOPE_EXCEEDED', rank: 3, atMs: 0 }
}

/** A grant to a hospital is for its doctors too. */
function isGrantee(grant: PolicyGrant, actor: Actor): boolean {
  return grant.grantee === actor.ref || actor.hospitals.some((ref) => ref === grant.grantee)
}

function missOfGrant(grant: PolicyGrant, question: AccessQuestion): Miss | undefined {
  const { record, purpose, policy } = question
  if (grant.suspended || policy.suspended.some((ref) => ref === grant.grantee)) {
    return { code: 'PARTICIPANT_SUSPENDED', rank: 4, atMs: 0 }
  }
  const outside = missOfPeriod(grant, question, {
    revoked: 'GRANT_REVOKED',
    early: 'GRANT_NOT_YET_VALID',
    late: 'GRANT_EXPIRED',
  })
  if (outside !== undefined) return outside
  const fits =
    grant.purpose === purpose &&
    (record === undefined ||
      (inScope(grant.scope, record.ehrType) &&
        (grant.records.length === 0 || grant.records.some((id) => id === record.recordId)) &&
        grant.except?.some((id) => id === record.recordId) !== true &&
        record.dateMs >= grant.fromMs &&
        (grant.toMs === 0 || record.dateMs <= grant.toMs)))
  return fits ? undefined : { code: 'GRANT_SCOPE_EXCEEDED', rank: 3, atMs: 0 }
}

/** From the start on and before the end: RFC 7519 §4.1.4 refuses at `exp` itself. */
function missOfPeriod(
  period: { readonly nbfMs: number; readonly expMs: number; readonly revokedMs: number | null },
  { nowMs, reachedMs }: Pick<AccessQuestion, 'nowMs' | 'reachedMs'>,
  codes: { readonly revoked: ErrorCode; readonly early: ErrorCode; readonly late: ErrorCode },
): Miss | undefined {
  const { nbfMs, expMs, revokedMs } = period
  if (revokedMs !== null) return { code: codes.revoked, rank: 1, atMs: revokedMs }
  if (reachedMs < nbfMs) return { code: codes.early, rank: 2, atMs: -nbfMs }
  if (nowMs >= expMs) return { code: codes.late, rank: 1, atMs: expMs }
  return undefined
}

function nearest(misses: readonly Miss[]): Miss | undefined {
  let best: Miss | undefined
  for (const miss of misses) {
    if (best === undefined || miss.rank > best.rank || (miss.rank === best.rank && miss.atMs > best.atMs)) best = miss
  }
  return best
}

export function inScope(scope: readonly string[], ehrType: string): boolean {
  return scope.some((kind) => kind === '*' || kind === ehrType)
}

function allowed(permission: Permission): Decision {
  return { allowed: true, permission }
}

function denied(code: ErrorCode): Decision {
  return { allowed: false, code }
}
