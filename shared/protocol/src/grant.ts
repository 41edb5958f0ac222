/**
 * Grants: access that a patient gives beyond an appointment, to anyone, for kinds, dates, single records, one purpose
 * and a time. They stand on the ledger as they are; whether one was revoked is for the ledger to say.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.5.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import { type Scope, scopeIncludes, scopeShape } from './ehr-types.ts'
import { ProtocolError } from './errors.ts'
import {
  type GrantId,
  grantIdShape,
  type Kid,
  type ParticipantRef,
  participantRefShape,
  type PatientRef,
  patientRefShape,
  type RecordId,
  recordIdShape,
} from './ids.ts'
import {
  parseStatement,
  prepareStatement,
  signStatement,
  type UnsignedStatement,
  type UnverifiedStatement,
} from './jws.ts'
import { isPeriod, numericDateShape } from './jwt-times.ts'
import { checkSignedByPatient, type PatientSigner } from './patient-signer.ts'
import { refuseAs } from './refusal.ts'
import { distinct, oneOf, optional, refine, type Shape, struct, uint } from './shape.ts'

const TYP = 'trusthealth-grant+jwt'

export const MAX_GRANT_RECORDS = 256

/** Codes of HL7 v3 PurposeOfUse: treatment, emergency treatment, research, payment, operations, patient, family. */
export const PURPOSES = ['TREAT', 'ETREAT', 'HRESCH', 'HPAYMT', 'HOPERAT', 'PATRQT', 'FAMRQT'] as const
export type Purpose = (typeof PURPOSES)[number]
export const purposeShape: Shape<Purpose> = oneOf(...PURPOSES)

export interface Grant {
  readonly jti: GrantId
  readonly iss: PatientRef
  readonly grantee: ParticipantRef
  readonly scope: Scope
  /** At most 256, none twice; empty: every record that scope and dates allow. */
  readonly records: readonly RecordId[]
  /** Records that scope and dates would allow and the patient keeps back, 1 to 256, none twice; only where `records` is empty. */
  readonly except?: readonly RecordId[]
  /** First and last moment of the clinical date, both included; 0 is open. */
  readonly fromMs: number
  readonly toMs: number
  readonly purpose: Purpose
  /** Seconds; the first in which the grant holds. */
  readonly nbf: number
  /** Seconds; the first in which it does not. */
  readonly exp: number
}

/** An empty list is not written: one grant has one text. */
export const grantExceptShape: Shape<readonly RecordId[]> = distinct(recordIdShape, { min: 1, max: MAX_GRANT_RECORDS })

export const grantShape: Shape<Grant> = refine(
  struct({
    jti: grantIdShape,
    iss: patientRefShape,
    grantee: participantRefShape,
    scope: scopeShape,
    records: distinct(recordIdShape, { max: MAX_GRANT_RECORDS }),
    except: optional(grantExceptShape),
    fromMs: uint(),
    toMs: uint(),
    purpose: purposeShape,
    nbf: numericDateShape,
    exp: numericDateShape,
  }),
  (grant) =>
    isPeriod(grant) &&
    (grant.toMs === 0 || grant.fromMs <= grant.toMs) &&
    (grant.except === undefined || grant.records.length === 0) &&
    grant.grantee !== grant.iss,
  'has terms that contradict each other',
)

/** @throws {ProtocolError} `MESSAGE_MALFORMED` if the terms are not those of a grant. */
export function issueGrant(crypto: Crypto, key: SigningKey, grant: Grant): string {
  return signStatement(crypto, key, TYP, grantShape(grant, 'grant'))
}

/** As `issueGrant`, for a signer elsewhere. */
export function prepareGrant(kid: Kid, grant: Grant): UnsignedStatement {
  return prepareStatement(kid, TYP, grantShape(grant, 'grant'))
}

/** Checks form only. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function parseGrant(jws: string): UnverifiedStatement<Grant> {
  return parseStatement(jws, TYP, grantShape)
}

/** @throws {ProtocolError} `GRANT_INVALID`: malformed, of another patient, or not signed by an active key. */
export function verifyGrant(crypto: Crypto, jws: string, signer: PatientSigner): Grant {
  return refuseAs('GRANT_INVALID', 'the grant is not signed by an active key of the patient', () =>
    checkSignedByPatient(crypto, parseGrant(jws), signer),
  )
}

/** The terms of a grant as the ledger lists them, times in milliseconds. */
export interface GrantTerms extends Pick<Grant, 'grantee' | 'records' | 'except' | 'fromMs' | 'toMs'> {
  readonly scope: readonly string[]
  readonly purpose: string
  readonly nbfMs: number
  readonly expMs: number
}

export interface GrantUse {
  readonly reader: ParticipantRef
  readonly recordId: RecordId
  readonly ehrType: string
  /** Clinical date of the record. */
  readonly dateMs: number
  readonly purpose: string
  readonly nowMs: number
}

export function grantTerms({ nbf, exp, ...grant }: Grant): GrantTerms {
  return { ...grant, nbfMs: nbf * 1_000, expMs: exp * 1_000 }
}

/**
 * Whether a grant covers one use; whether it is revoked is not decided here.
 *
 * @throws {ProtocolError} `ACCESS_DENIED` for another reader; `GRANT_NOT_YET_VALID`; `GRANT_EXPIRED`;
 * `GRANT_SCOPE_EXCEEDED` for another kind, record, date or purpose.
 */
export function checkGrantTerms(terms: GrantTerms, use: GrantUse): void {
  if (terms.grantee !== use.reader) throw new ProtocolError('ACCESS_DENIED', 'the grant is for another reader')
  if (!(use.nowMs >= terms.nbfMs)) throw new ProtocolError('GRANT_NOT_YET_VALID', 'the grant has not started')
  if (!(use.nowMs < terms.expMs)) throw new ProtocolError('GRANT_EXPIRED', 'the grant has ended')
  if (!covers(terms, use)) throw new ProtocolError('GRANT_SCOPE_EXCEEDED', 'the grant does not cover this')
}

function covers({ scope, records, except, fromMs, toMs, purpose }: GrantTerms, use: GrantUse): boolean {
  if (purpose !== use.purpose || !scopeIncludes(scope, use.ehrType)) return false
  if (records.length > 0 && !records.includes(use.recordId)) return false
  if (except?.includes(use.recordId) === true) return false
  return (fromMs === 0 || use.dateMs >= fromMs) && (toMs === 0 || use.dateMs <= toMs)
}
