/**
 * Warrants: a patient's signed permission for the doctors of one appointment, or for the hospital itself, to store and
 * see some kinds of records until a time. Whether one is recorded and not revoked is for the ledger to say.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.3; refusals 04-records.md §4.3.
 *
 * @module
 */
import { encodeUtf8 } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import { type Scope, scopeIncludes, scopeShape } from './ehr-types.ts'
import { ProtocolError } from './errors.ts'
import {
  type AuthorRef,
  authorRefShape,
  type HospitalRef,
  hospitalRefShape,
  isHospitalRef,
  type Kid,
  type PatientRef,
  patientRefShape,
  type WarrantId,
  warrantIdShape,
} from './ids.ts'
import {
  checkSignedByOneOf,
  MAX_STATEMENT_BYTES,
  parseStatement,
  prepareStatement,
  signStatement,
  type UnsignedStatement,
  type UnverifiedStatement,
} from './jws.ts'
import { isNotYet, isOver, isPeriod, numericDateShape, SECONDS_PER_DAY } from './jwt-times.ts'
import type { PatientSigner } from './patient-signer.ts'
import { refuseAs } from './refusal.ts'
import { distinct, refine, type Shape, struct, text } from './shape.ts'

const TYP = 'trusthealth-warrant+jwt'
const WARRANT = label('warrant')

export const MAX_WARRANT_DAYS = 366
export const MAX_WARRANT_PARTIES = 16
/** UTF-16 units of `aux`. */
export const MAX_AUX_LENGTH = 2_048

export interface Warrant {
  readonly jti: WarrantId
  readonly iss: PatientRef
  /** 1 to 16, none twice, in the order of a chain; may name the hospital itself. */
  readonly doctors: readonly AuthorRef[]
  readonly hospital: HospitalRef
  /** Seconds; the first in which the warrant holds. */
  readonly nbf: number
  /** Seconds; the first in which it does not. At most 366 days after `nbf`. */
  readonly exp: number
  readonly scope: Scope
  /** Whatever patient and hospital agree to write here; empty if nothing. */
  readonly aux: string
}

/** Members that a warrant and its recording have alike. */
export const warrantMembers = {
  jti: warrantIdShape,
  iss: patientRefShape,
  doctors: distinct(authorRefShape, { min: 1, max: MAX_WARRANT_PARTIES }),
  hospital: hospitalRefShape,
  nbf: numericDateShape,
  exp: numericDateShape,
}

export const warrantShape: Shape<Warrant> = refine(
  struct({ ...warrantMembers, scope: scopeShape, aux: text({ max: MAX_AUX_LENGTH }) }),
  hasRightTerms,
  'has terms that contradict each other',
)

/** What both forms must satisfy: a period of at most 366 days, no other hospital than its own. */
export function hasRightTerms({ doctors, hospital, nbf, exp }: Omit<Warrant, 'scope' | 'aux'>): boolean {
  if (!isPeriod({ nbf, exp }) || exp - nbf > MAX_WARRANT_DAYS * SECONDS_PER_DAY) return false
  return doctors.every((ref) => !isHospitalRef(ref) || ref === hospital)
}

/** @throws {ProtocolError} `MESSAGE_MALFORMED` if the terms are not those of a warrant. */
export function issueWarrant(crypto: Crypto, key: SigningKey, warrant: Warrant): string {
  return signStatement(crypto, key, TYP, warrantShape(warrant, 'warrant'))
}

/** As `issueWarrant`, for a signer elsewhere. */
export function prepareWarrant(kid: Kid, warrant: Warrant): UnsignedStatement {
  return prepareStatement(kid, TYP, warrantShape(warrant, 'warrant'))
}

/** Reads a warrant without checking anything but its form. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function parseWarrant(jws: string): UnverifiedStatement<Warrant> {
  return parseStatement(jws, TYP, warrantShape)
}

/** What the ledger records of a warrant: 32 bytes over the compact JWS, signature included. */
export function warrantHash(crypto: Crypto, jws: string): Uint8Array {
  if (jws.length > MAX_STATEMENT_BYTES) throw new RangeError('a statement has at most 16 KiB')
  return crypto.sha256(WARRANT, encodeUtf8(jws))
}

/**
 * Reads a warrant and checks that an active key of the patient signed it, in the patient's name.
 * @throws {ProtocolError} `STATEMENT_MALFORMED`, `WARRANT_SIGNATURE_INVALID`, `WARRANT_PARTY_MISMATCH`
 */
export function verifyWarrant(crypto: Crypto, jws: string, signer: PatientSigner): Warrant {
  const statement = parseWarrant(jws)
  refuseAs('WARRANT_SIGNATURE_INVALID', 'no active key of the patient signed the warrant', () => {
    checkSignedByOneOf(crypto, signer.patientKeys, statement)
  })
  if (statement.payload.iss !== signer.patient) throw partyMismatch()
  return statement.payload
}

export interface WarrantUse {
  readonly patient: PatientRef
  /** Who wants to store or see under the warrant: a doctor, or the hospital itself. */
  readonly author: AuthorRef
  /** The author's hospital, where it is known. */
  readonly hospital?: HospitalRef
  readonly ehrType: string
  readonly nowMs: number
  /** Time by which the warrant has begun, where that is known less well; default `nowMs`. */
  readonly reachedMs?: number
}

/**
 * Everything that can be told of a warrant without the ledger, in the order of §4.3.
 *
 * @throws {ProtocolError} `STATEMENT_MALFORMED`, `WARRANT_SIGNATURE_INVALID`, `WARRANT_PARTY_MISMATCH`,
 * `WARRANT_NOT_YET_VALID`, `WARRANT_EXPIRED`, `WARRANT_SCOPE_EXCEEDED`
 */
export function checkWarrant(crypto: Crypto, jws: string, expected: WarrantUse & PatientSigner): Warrant {
  const warrant = verifyWarrant(crypto, jws, expected)
  checkWarrantTerms(warrant, expected)
  return warrant
}

/** As `checkWarrant`, for a warrant whose signature was verified before. */
export function checkWarrantTerms(warrant: Warrant, use: WarrantUse): void {
  checkWarrantParties(warrant, use)
  checkWarrantPeriod(warrant, use)
  checkWarrantScope(warrant, use.ehrType)
}

/** @throws {ProtocolError} `WARRANT_PARTY_MISMATCH` */
export function checkWarrantParties(
  { iss, doctors, hospital }: Pick<Warrant, 'iss' | 'doctors' | 'hospital'>,
  use: Pick<WarrantUse, 'patient' | 'author' | 'hospital'>,
): void {
  if (iss !== use.patient || !doctors.includes(use.author)) throw partyMismatch()
  if (use.hospital !== undefined && hospital !== use.hospital) throw partyMismatch()
}

/** @throws {ProtocolError} `WARRANT_NOT_YET_VALID`, `WARRANT_EXPIRED` */
export function checkWarrantPeriod(
  period: Pick<Warrant, 'nbf' | 'exp'>,
  { nowMs, reachedMs = nowMs }: Pick<WarrantUse, 'nowMs' | 'reachedMs'>,
): void {
  if (isNotYet(period, reachedMs)) throw new ProtocolError('WARRANT_NOT_YET_VALID', 'the warrant has not started')
  if (isOver(period, nowMs)) throw new ProtocolError('WARRANT_EXPIRED', 'the warrant has ended')
}

/** @throws {ProtocolError} `WARRANT_SCOPE_EXCEEDED` */
export function checkWarrantScope({ scope }: Pick<Warrant, 'scope'>, ehrType: string): void {
  if (!scopeIncludes(scope, ehrType)) {
    throw new ProtocolError('WARRANT_SCOPE_EXCEEDED', 'the warrant does not cover this kind of record')
  }
}

function partyMismatch(): ProtocolError {
  return new ProtocolError('WARRANT_PARTY_MISMATCH', 'the warrant names another patient, doctor or hospital')
}
