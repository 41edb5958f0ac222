/**
 * Writing records: the fingerprints go to the ledger by way of the hospital, then the text goes encrypted to the trusted
 * application, which is told where they are and asks the ledger about them and the permission at once. Doctors and, for earlier records, hospitals write.
 * Spec: docs/protocol/04-records.md §4.1 to §4.3.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  batchSigningInput,
  encodeRecordUpload,
  isErrorCode,
  list,
  makeCommitment,
  newRecordId,
  SALT_BYTES,
  sealEnvelope,
  warrantHash,
  type AuthorRef,
  type CborValue,
  type Commitment,
  type ErrorCode,
  type PatientRef,
  type RecordId,
  type TreatmentKey,
} from '../../../shared/protocol/src/index.ts'
import { ClientError, codeOf, isUnavailable } from './errors.ts'
import type { CommittedPlace } from './hospital-answers/ledger.ts'
import type { OutboxEntry } from './hospital-answers/outbox.ts'
import { Participant } from './participant.ts'
import { storedShape, type RecordAnswer, type Stored } from './record-answer.ts'

/** A record to write. */
export interface NewRecord {
  readonly patient: PatientRef
  /** FHIR R4 JSON in UTF-8; these bytes are what is signed and stored. */
  readonly ehr: Uint8Array
  /** Compact JWS of the patient's warrant that covers it. */
  readonly warrant: string
  /** Corrects this version of a record. */
  readonly corrects?: { readonly record: RecordId; readonly version: number; readonly ehrHash: Uint8Array }
}

/** A record with its fingerprints and ciphertext made; sending it again stores it once. */
export interface PreparedRecord {
  readonly recordId: RecordId
  readonly version: number
  readonly commitment: Commitment
  /** `C_P`. */
  readonly envelope: Uint8Array
}

export interface StoredRecord extends Stored {
  readonly recordId: RecordId
  readonly version: number
  readonly place: CommittedPlace
}

/** The hospital keeps it, encrypted; it is not in the patient's record yet. */
export interface KeptRecord {
  readonly kept: true
  readonly recordId: RecordId
  readonly version: number
  readonly sinceMs: number
  /** What was away. */
  readonly code: ErrorCode
}

/** One of many records: stored, or refused with its code. */
export type StoreOutcome = StoredRecord | { readonly recordId: RecordId; readonly code: ErrorCode }

/** Records in one signed batch and one request. */
export const MAX_RECORDS_AT_ONCE = 256

export class Author extends Participant {
  /** Draws id and salt, computes the fingerprints, encrypts. */
  async prepare(record: NewRecord): Promise<PreparedRecord> {
    const key = await this.keyring.newest(record.patient)
    const { crypto, clock } = this.options
    return prepareRecord(crypto, key, this.identity.ref as AuthorRef, record, clock.nowMs())
  }

  /**
   * Writes one record. Resolves with its receipt: then it is durable in the store and on the ledger.
   * After an error of kind `unavailable`, `send` the same prepared record again: nothing is stored twice.
   */
  async store(record: NewRecord): Promise<StoredRecord> {
    return await this.send(await this.prepare(record))
  }

  async send(prepared: PreparedRecord): Promise<StoredRecord> {
    const { recordId, version, envelope } = prepared
    const place = await this.#commit([prepared])
    const stored = await this.session.request('record.store', { envelope, kind: 'record', place: saidPlace(place) })
    return { ...storedShape(stored, 'receipt'), recordId, version, place }
  }

  /**
   * As `store`, but while the record server or the ledger is away the record is left with the hospital, encrypted: it is
   * **not** in the patient's record yet. The hospital delivers its own; a doctor's goes up with `deliverKept`.
   */
  async storeOrKeep(record: NewRecord): Promise<StoredRecord | KeptRecord> {
    return await this.sendOrKeep(await this.prepare(record))
  }

  async sendOrKeep(prepared: PreparedRecord): Promise<StoredRecord | KeptRecord> {
    try {
      return await this.send(prepared)
    } catch (error) {
      if (!isAway(error)) throw error
      const { recordId, version, commitment, envelope } = prepared
      const signature = await this.#sign([commitment])
      const { sinceMs } = await this.options.hospital.keep(this.requestSigner, signature, commitment, envelope)
      return { kept: true, recordId, version, sinceMs, code: codeOf(error) ?? 'SERVER_UNAVAILABLE' }
    }
  }

  /** Sends what the hospital kept for this author. What is refused stays, with its code. @returns how each one stands. */
  async deliverKept(): Promise<readonly OutboxEntry[]> {
    const { hospital } = this.options
    const signer = this.requestSigner
    const waiting = (await hospital.outbox(signer)).filter(
      ({ author, state }) => state === 'waiting' && author === this.identity.ref,
    )
    const outcomes: OutboxEntry[] = []
    for (const entry of waiting) {
      const { record, version, place } = entry
      const envelope = await hospital.keptEnvelope(signer, record, version)
      if (envelope === undefined) continue
      try {
        const stored = await this.session.request('record.store', { envelope, kind: 'record' })
        const { receipt } = storedShape(stored, 'receipt')
        await hospital.keptDelivered(signer, record, version, receipt)
        outcomes.push({ ...entry, state: 'delivered', receipt })
      } catch (error) {
        const code = codeOf(error)
        if (code === undefined) throw error
        outcomes.push({ ...entry, ...(place === undefined ? {} : { place }), code })
        if (code === 'SERVER_UNAVAILABLE') break
      }
    }
    return outcomes
  }

  /**
   * Writes up to 256 records under one signature, in as few requests as the record server has room for.
   * @returns one outcome for each, in order.
   */
  async storeMany(records: readonly NewRecord[]): Promise<StoreOutcome[]> {
    return await this.sendMany(await Promise.all(records.map((record) => this.prepare(record))))
  }

  async sendMany(prepared: readonly PreparedRecord[]): Promise<StoreOutcome[]> {
    if (prepared.length === 0) return []
    if (prepared.length > MAX_RECORDS_AT_ONCE) throw new RangeError(`at most ${MAX_RECORDS_AT_ONCE} records at once`)
    const place = await this.#commit(prepared)
    const results = await this.#upload(prepared, place)
    return prepared.map(({ recordId, version }, i) => {
      const result = results[i] as StoreResult
      if (result['ok'] !== true) return { recordId, code: isErrorCode(result['code']) ? result['code'] : 'TEE_FAULT' }
      const { receipt, log } = result
      return {
        ...storedShape({ receipt, log }, 'receipt'),
        recordId,
        version,
        place: { ...place, index: place.index + i },
      }
    })
  }

  /** A corrected text of a record that was read. The old version stays readable. */
  correct(answer: RecordAnswer, patient: PatientRef, ehr: Uint8Array, warrant: string): Promise<StoredRecord> {
    const { recordId, version, commitment } = answer
    return this.store({ patient, ehr, warrant, corrects: { record: recordId, version, ehrHash: commitment.ehrHash } })
  }

  async #upload(prepared: readonly PreparedRecord[], place: CommittedPlace): Promise<readonly StoreResult[]> {
    const results: StoreResult[] = []
    for (const group of groupsWithin(prepared, await this.session.maxRecordBytes())) {
      results.push(...(await this.#uploadGroup(group, { ...place, index: place.index + results.length })))
    }
    return results
  }

  async #uploadGroup(group: readonly PreparedRecord[], first: CommittedPlace): Promise<readonly StoreResult[]> {
    try {
      const envelopes = group.map(({ envelope }) => envelope)
      const answer = await this.session.request('record.store-many', { envelopes, place: saidPlace(first) })
      const results = resultsShape(answer['results'], 'results')
      if (results.length !== group.length) throw new ClientError('MESSAGE_MALFORMED')
      return results
    } catch (error) {
      // The one is refused, the others go on.
      if (group.length === 1 && codeOf(error) === 'RECORD_TOO_LARGE') return [{ ok: false, code: 'RECORD_TOO_LARGE' }]
      throw error
    }
  }

  async #commit(prepared: readonly PreparedRecord[]): Promise<CommittedPlace> {
    const { hospital, commitments } = this.options
    const author = this.identity.ref as AuthorRef
    const items = prepared.map(({ commitment }) => commitment)
    const signature = await this.#sign(items)
    if (commitments !== undefined) return await commitments.commit(author, signature, items)
    return await hospital.commit(this.requestSigner, signature, items)
  }

  async #sign(items: readonly Commitment[]): Promise<Uint8Array> {
    const author = this.identity.ref as AuthorRef
    return await this.identity.signer.sign(batchSigningInput(this.options.crypto, author, items))
  }
}

/** The record itself was not looked at, or is there without its fingerprint: the same again may go. */
function isAway(error: unknown): boolean {
  return isUnavailable(error) || codeOf(error) === 'COMMITMENT_MISSING'
}

/** @param nowMs goes into the record's id, which is ordered by time. */
export function prepareRecord(
  crypto: Crypto,
  treatmentKey: TreatmentKey,
  author: AuthorRef,
  { patient, ehr, warrant, corrects }: NewRecord,
  nowMs: number,
): PreparedRecord {
  const recordId = corrects?.record ?? newRecordId(crypto, nowMs)
  const version = (corrects?.version ?? 0) + 1
  const previous = corrects?.ehrHash ?? new Uint8Array()
  const salt = crypto.randomBytes(SALT_BYTES)
  const commitment = makeCommitment(crypto, treatmentKey, {
    recordId,
    version,
    patient,
    author,
    salt,
    ehr,
    warrantHash: warrantHash(crypto, warrant),
    previous,
  })
  const upload = encodeRecordUpload({ recordId, version, ehr, salt, warrant, previous })
  return { recordId, version, commitment, envelope: sealEnvelope(crypto, treatmentKey, patient, 'record', upload) }
}

/** As the trusted application answers for one record. */
type StoreResult = Readonly<Record<string, CborValue>>

const resultsShape = list((value: unknown) => value as StoreResult, { max: MAX_RECORDS_AT_ONCE })

/** Of a request beside its envelopes, and beside each of them. */
const REQUEST_BYTES = 128
const ITEM_BYTES = 8

/** As many as fit into one request each, in order; a record that fits into none is alone. */
function groupsWithin(prepared: readonly PreparedRecord[], maxRecordBytes: number): PreparedRecord[][] {
  const groups: PreparedRecord[][] = []
  let room = 0
  for (const one of prepared) {
    const bytes = one.envelope.length + ITEM_BYTES
    if (groups.length === 0 || bytes > room) {
      groups.push([])
      room = maxRecordBytes - REQUEST_BYTES
    }
    groups.at(-1)?.push(one)
    room -= bytes
  }
  return groups
}

function saidPlace({ batchId, index, block }: CommittedPlace): { readonly [name: string]: CborValue } {
  return { batchId, index, block }
}
