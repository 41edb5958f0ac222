/**
 * Identifiers: their forms, their types and how new ones are made. Types are branded, so that a record id cannot stand
 * where a warrant id belongs. Spec: docs/protocol/01-conventions.md §1.2.
 *
 * @module
 */
import { encodeHex } from '../../crypto/src/bytes.ts'
import type { Crypto } from '../../crypto/src/port.ts'
import { requireLength } from '../../crypto/src/sizes.ts'
import { type Shape, text } from './shape.ts'

declare const brand: unique symbol
/** Text that was checked to have the form `B`. */
type Branded<B extends string> = string & { readonly [brand]: B }

export type PatientRef = Branded<'PatientRef'>
/** A doctor. */
export type PractitionerRef = Branded<'PractitionerRef'>
/** A hospital. */
export type HospitalRef = Branded<'HospitalRef'>
export type AuditorRef = Branded<'AuditorRef'>
/** A TEE server. */
export type ServerRef = Branded<'ServerRef'>
export type ParticipantRef = PatientRef | PractitionerRef | HospitalRef | AuditorRef | ServerRef
/** Who signs records: a doctor, or a hospital for those it keeps itself. */
export type AuthorRef = PractitionerRef | HospitalRef

export type RecordId = Branded<'RecordId'>
export type WarrantId = Branded<'WarrantId'>
export type GrantId = Branded<'GrantId'>
export type RevocationId = Branded<'RevocationId'>
export type KeyStatementId = Branded<'KeyStatementId'>
export type BatchId = Branded<'BatchId'>
export type EmergencyId = Branded<'EmergencyId'>
export type ChainId = Branded<'ChainId'>
export type AppointmentId = Branded<'AppointmentId'>

export type MspId = Branded<'MspId'>
/** RFC 7638 thumbprint of a P-256 key, 43 characters of base64url. */
export type Kid = Branded<'Kid'>
/** 64 lower-case hexadecimal digits. */
export type Sha256Hex = Branded<'Sha256Hex'>
/** Id of a ledger transaction, 64 lower-case hexadecimal digits. */
export type TxId = Branded<'TxId'>

interface RefOfLetter {
  readonly p: PatientRef
  readonly d: PractitionerRef
  readonly h: HospitalRef
  readonly a: AuditorRef
  readonly s: ServerRef
}
interface IdOfLetter {
  readonly w: WarrantId
  readonly g: GrantId
  readonly v: RevocationId
  readonly k: KeyStatementId
  readonly b: BatchId
  readonly e: EmergencyId
  readonly c: ChainId
  readonly t: AppointmentId
}

export const patientRefShape = lettered<PatientRef>('p')
export const practitionerRefShape = lettered<PractitionerRef>('d')
export const hospitalRefShape = lettered<HospitalRef>('h')
export const auditorRefShape = lettered<AuditorRef>('a')
export const serverRefShape = lettered<ServerRef>('s')
export const participantRefShape = lettered<ParticipantRef>('pdhas')
export const authorRefShape = lettered<AuthorRef>('dh')

export const recordIdShape = lettered<RecordId>('r')
export const warrantIdShape = lettered<WarrantId>('w')
export const grantIdShape = lettered<GrantId>('g')
export const revocationIdShape = lettered<RevocationId>('v')
export const keyStatementIdShape = lettered<KeyStatementId>('k')
export const batchIdShape = lettered<BatchId>('b')
export const emergencyIdShape = lettered<EmergencyId>('e')
export const chainIdShape = lettered<ChainId>('c')
export const appointmentIdShape = lettered<AppointmentId>('t')
/** What a revocation can name. */
export const revocableIdShape = lettered<WarrantId | GrantId>('wg')

export const mspIdShape = branded<MspId>(text({ max: 32, pattern: /^[A-Za-z][A-Za-z0-9]{1,31}$/ }))
// 43 characters hold 258 bits: the last one has two zero bits in canonical base64url.
export const kidShape = branded<Kid>(text({ max: 43, pattern: /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/ }))
export const sha256HexShape = branded<Sha256Hex>(text({ max: 64, pattern: /^[0-9a-f]{64}$/ }))
export const txIdShape = branded<TxId>(text({ max: 64, pattern: /^[0-9a-f]{64}$/ }))

/** A new participant reference: random, never derived from anything about the participant. */
export function newRef<L extends keyof RefOfLetter>(crypto: Crypto, letter: L): RefOfLetter[L] {
  return randomId(crypto, letter) as RefOfLetter[L]
}

/** A new identifier of a warrant (`w`), grant (`g`), revocation (`v`), key statement (`k`), batch (`b`) and so on. */
export function newId<L extends keyof IdOfLetter>(crypto: Crypto, letter: L): IdOfLetter[L] {
  return randomId(crypto, letter) as IdOfLetter[L]
}

/**
 * A new record id: 48 bits of time, so that the store's index grows at one end, and 80 random bits.
 * @throws {RangeError} unless 0 <= nowMs < 2^48.
 */
export function newRecordId(crypto: Crypto, nowMs: number): RecordId {
  if (!Number.isSafeInteger(nowMs) || nowMs < 0 || nowMs >= 2 ** 48) throw new RangeError('nowMs must have 48 bits')
  return `r-${nowMs.toString(16).padStart(12, '0')}${encodeHex(crypto.randomBytes(10))}` as RecordId
}

/** A digest in the form that JSON carries. @param digest 32 bytes. */
export function sha256Hex(digest: Uint8Array): Sha256Hex {
  requireLength('digest', digest, 32)
  return encodeHex(digest) as Sha256Hex
}

/** When the author made the id, as the author says; order and display only, never a decision. */
export function recordIdTimeMs(record: RecordId): number {
  return Number.parseInt(record.slice(2, 14), 16)
}

export function isPatientRef(ref: ParticipantRef): ref is PatientRef {
  return ref.startsWith('p-')
}
export function isPractitionerRef(ref: ParticipantRef): ref is PractitionerRef {
  return ref.startsWith('d-')
}
export function isHospitalRef(ref: ParticipantRef): ref is HospitalRef {
  return ref.startsWith('h-')
}
export function isAuditorRef(ref: ParticipantRef): ref is AuditorRef {
  return ref.startsWith('a-')
}
export function isServerRef(ref: ParticipantRef): ref is ServerRef {
  return ref.startsWith('s-')
}

function randomId(crypto: Crypto, letter: string): string {
  return `${letter}-${encodeHex(crypto.randomBytes(16))}`
}

function lettered<T extends string>(letters: string): Shape<T> {
  return branded<T>(text({ max: 34, pattern: new RegExp(`^[${letters}]-[0-9a-f]{32}$`) }))
}

function branded<T extends string>(shape: Shape<string>): Shape<T> {
  return shape as Shape<T>
}
