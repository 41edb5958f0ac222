/**
 * Commitments: what the ledger learns of one version of a record, and the author's signature over many of them. Only
 * digests: nobody without the treatment key can tell or test whose record it is.
 * Spec: docs/protocol/04-records.md §4.1 and §4.2.
 *
 * @module
 */
import { concat, decodeHex, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto, SigningKey, VerifyingKey } from '../../crypto/src/port.ts'
import { requireLength } from '../../crypto/src/sizes.ts'
import { merkleRoot } from '../../tlog/src/frontier.ts'
import { leafHash } from '../../tlog/src/hash.ts'
import { encodeCbor } from './cbor.ts'
import {
  type AuthorRef,
  type PatientRef,
  type RecordId,
  recordIdShape,
  sha256Hex,
  type Sha256Hex,
  sha256HexShape,
} from './ids.ts'
import type { TreatmentKey } from './keys.ts'
import { bytes, refine, type Shape, struct, uint } from './shape.ts'

export const SALT_BYTES = 32
export const MAX_BATCH_COMMITMENTS = 1_000

const PATIENT_TAG = label('patient-tag')
const DOCTOR_TAG = label('doctor-tag')
const EHR = label('ehr')
const COMMIT = label('commit')
const NONE = new Uint8Array(0)

/** One version of one record. Digests have 32 bytes. */
export interface Commitment {
  readonly recordId: RecordId
  /** 1 up. */
  readonly version: number
  readonly patientTag: Uint8Array
  readonly doctorTag: Uint8Array
  readonly ehrHash: Uint8Array
  readonly warrantHash: Uint8Array
  /** `ehrHash` of the version before; empty for version 1. */
  readonly previous: Uint8Array
}

/** The same on the ledger: digests in hex, `previous` empty text for version 1. */
export interface CommitmentJson {
  readonly recordId: RecordId
  readonly version: number
  readonly patientTag: Sha256Hex
  readonly doctorTag: Sha256Hex
  readonly ehrHash: Sha256Hex
  readonly warrantHash: Sha256Hex
  readonly previous: Sha256Hex | ''
}

/** A commitment as the members of a CBOR message (docs/protocol/04-records.md §4.6). */
export const commitmentMembers = {
  recordId: recordIdShape,
  version: uint({ min: 1 }),
  patientTag: bytes({ length: 32 }),
  doctorTag: bytes({ length: 32 }),
  ehrHash: bytes({ length: 32 }),
  warrantHash: bytes({ length: 32 }),
  previous: bytes({ max: 32 }),
}
export const commitmentShape: Shape<Commitment> = refine(
  struct(commitmentMembers),
  hasRightPrevious,
  'has a predecessor that does not fit its version',
)

/** Members of a commitment in JSON. */
export const commitmentJsonMembers = {
  recordId: recordIdShape,
  version: uint({ min: 1 }),
  patientTag: sha256HexShape,
  doctorTag: sha256HexShape,
  ehrHash: sha256HexShape,
  warrantHash: sha256HexShape,
  previous: previousHex,
}
export const commitmentJsonShape: Shape<CommitmentJson> = refine(
  struct(commitmentJsonMembers),
  ({ version, previous }) => (version === 1) === (previous === ''),
  'has a predecessor that does not fit its version',
)

/** What stands for the patient on the ledger: 32 bytes, the same for all records under one version of the key. */
export function patientTag(crypto: Crypto, treatmentKey: TreatmentKey, patient: PatientRef): Uint8Array {
  return crypto.hmac(treatmentKey.tagKey, PATIENT_TAG, encodeUtf8(patient))
}

/** What stands for the author: 32 bytes, which the contract recomputes, so that nobody commits in another's name. */
export function doctorTag(crypto: Crypto, author: AuthorRef, tagOfPatient: Uint8Array): Uint8Array {
  requireLength('tagOfPatient', tagOfPatient, 32)
  return crypto.sha256(DOCTOR_TAG, encodeCbor([author, tagOfPatient]))
}

/** @param salt 32 random bytes, fresh for each version. @param ehr the record as it is stored. @returns 32 bytes. */
export function ehrHash(crypto: Crypto, salt: Uint8Array, ehr: Uint8Array): Uint8Array {
  requireLength('salt', salt, SALT_BYTES)
  return crypto.sha256(EHR, salt, ehr)
}

export interface CommitmentInput {
  readonly recordId: RecordId
  readonly version: number
  readonly patient: PatientRef
  readonly author: AuthorRef
  readonly ehr: Uint8Array
  /** 32 bytes. */
  readonly salt: Uint8Array
  /** 32 bytes, `warrantHash` of warrant.ts. */
  readonly warrantHash: Uint8Array
  /** 32 bytes, or absent for version 1. */
  readonly previous?: Uint8Array
}

/** The commitment to what an author stores. @throws {RangeError} for wrong sizes, a version without predecessor. */
export function makeCommitment(crypto: Crypto, treatmentKey: TreatmentKey, input: CommitmentInput): Commitment {
  const { recordId, version, patient, author, ehr, salt, warrantHash, previous = NONE } = input
  const tag = patientTag(crypto, treatmentKey, patient)
  const commitment = {
    recordId,
    version,
    patientTag: tag,
    doctorTag: doctorTag(crypto, author, tag),
    ehrHash: ehrHash(crypto, salt, ehr),
    warrantHash,
    previous,
  }
  requireCommitment(commitment)
  return commitment
}

/** The encoding that is hashed: a CBOR array in the order of the spec. @throws {RangeError} for wrong sizes. */
export function encodeCommitment(c: Commitment): Uint8Array {
  requireCommitment(c)
  return encodeCbor([c.recordId, c.version, c.patientTag, c.doctorTag, c.ehrHash, c.warrantHash, c.previous])
}

/** RFC 6962 leaf hash of the encoding, 32 bytes. */
export function commitmentLeaf(crypto: Crypto, commitment: Commitment): Uint8Array {
  return leafHash(crypto, encodeCommitment(commitment))
}

/**
 * What the author signs for all items at once, in their order. A single item is a batch of one.
 * @param items 1 to 1,000.
 * @throws {RangeError}
 */
export function batchSigningInput(crypto: Crypto, author: AuthorRef, items: readonly Commitment[]): Uint8Array {
  if (items.length < 1 || items.length > MAX_BATCH_COMMITMENTS) throw new RangeError('a batch has 1 to 1,000 items')
  const root = merkleRoot(
    crypto,
    items.map((item) => commitmentLeaf(crypto, item)),
  )
  return concat(COMMIT, encodeCbor([author, items.length, root]))
}

/** @returns 64 bytes, r ‖ s. @throws {RangeError} unless there are 1 to 1,000 items. */
export function signCommitments(
  crypto: Crypto,
  key: SigningKey,
  author: AuthorRef,
  items: readonly Commitment[],
): Uint8Array {
  return crypto.sign(key, batchSigningInput(crypto, author, items))
}

/** Whether `author` signed exactly these items in this order. Whose items they are is told by `doctorTag`. */
export function verifyCommitments(
  crypto: Crypto,
  key: VerifyingKey,
  author: AuthorRef,
  items: readonly Commitment[],
  signature: Uint8Array,
): boolean {
  return crypto.verify(key, batchSigningInput(crypto, author, items), signature)
}

export function commitmentToJson(c: Commitment): CommitmentJson {
  requireCommitment(c)
  return {
    recordId: c.recordId,
    version: c.version,
    patientTag: sha256Hex(c.patientTag),
    doctorTag: sha256Hex(c.doctorTag),
    ehrHash: sha256Hex(c.ehrHash),
    warrantHash: sha256Hex(c.warrantHash),
    previous: c.previous.length === 0 ? '' : sha256Hex(c.previous),
  }
}

/** @throws {ProtocolError} `MESSAGE_MALFORMED`, also where the predecessor does not fit the version. */
export function commitmentFromJson(json: unknown): Commitment {
  return commitmentFromChecked(commitmentJsonShape(json, 'commitment'))
}

/** As `commitmentFromJson`, of what has been checked. */
export function commitmentFromChecked(checked: CommitmentJson): Commitment {
  return {
    recordId: checked.recordId,
    version: checked.version,
    patientTag: decodeHex(checked.patientTag),
    doctorTag: decodeHex(checked.doctorTag),
    ehrHash: decodeHex(checked.ehrHash),
    warrantHash: decodeHex(checked.warrantHash),
    previous: decodeHex(checked.previous),
  }
}

function requireCommitment(c: Commitment): void {
  if (!Number.isSafeInteger(c.version) || c.version < 1) throw new RangeError('version must be an integer from 1 up')
  requireLength('patientTag', c.patientTag, 32)
  requireLength('doctorTag', c.doctorTag, 32)
  requireLength('ehrHash', c.ehrHash, 32)
  requireLength('warrantHash', c.warrantHash, 32)
  if (!hasRightPrevious(c)) throw new RangeError('previous must have 32 bytes, or none for version 1')
}

function hasRightPrevious({ version, previous }: Commitment): boolean {
  return previous.length === (version === 1 ? 0 : 32)
}

function previousHex(value: unknown, where: string): Sha256Hex | '' {
  return value === '' ? '' : sha256HexShape(value, where)
}
