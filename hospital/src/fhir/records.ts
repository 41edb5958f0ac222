/**
 * The façade's records, by way of the hospital's own attested session.
 *
 * @module
 */
import type { NewRecord, PreparedRecord, StoredRecord } from '../../../clients/sdk/src/author.ts'
import { codeOf, type Retention } from '../../../clients/sdk/src/errors.ts'
import type { HospitalClient } from '../../../clients/sdk/src/hospital.ts'
import { allItems, type OnBehalf } from '../../../clients/sdk/src/participant.ts'
import {
  recordAnswerShape,
  type LogPlace,
  type RecordAnswer,
  type RecordItem,
} from '../../../clients/sdk/src/record-answer.ts'
import { concat, encodeHex, encodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  decodeCbor,
  ERROR_TABLE,
  isErrorCode,
  type ErrorCode,
  patientTag,
  type PatientRef,
  type RecordId,
  type TreatmentKey,
} from '../../../shared/protocol/src/index.ts'
import type { LedgerRelay } from '../ports.ts'
import type { Kept, Records, RecordToStore, Refused, StoredVersion } from './ports.ts'

/** Records may have 4 MiB each, and an answer must fit into one message. */
const READ_AT_ONCE = 128
const LIST_PAGE = 256
const WARRANT_AGE_MS = 30_000
const MAX_UNDER_WAY = 10_000

export interface SessionRecordsParts {
  readonly crypto: Crypto
  readonly client: HospitalClient
  readonly ledgerRelay: Pick<LedgerRelay, 'countTags' | 'findRecord'>
  /** Every version of a patient's treatment key. */
  readonly treatmentKeys: (patient: PatientRef) => readonly TreatmentKey[]
  readonly nowMs: () => number
}

export class SessionRecords implements Records {
  readonly #parts: SessionRecordsParts
  readonly #underWay = new Map<string, Promise<PreparedRecord>>()
  readonly #keys = new Map<RecordId, string>()
  readonly #warrants = new Map<PatientRef, { readonly jws: Promise<string>; readonly untilMs: number }>()

  constructor(parts: SessionRecordsParts) {
    this.#parts = parts
  }

  async counts(patients: readonly PatientRef[]): Promise<readonly number[]> {
    const { crypto, ledgerRelay, treatmentKeys } = this.#parts
    const tags = patients.map((patient) =>
      treatmentKeys(patient).map((key) => encodeHex(patientTag(crypto, key, patient))),
    )
    const counts = await ledgerRelay.countTags(tags.flat())
    let next = 0
    return tags.map((own) => own.reduce((sum) => sum + (counts[next++] ?? 0), 0))
  }

  async list(patient: PatientRef): Promise<readonly RecordItem[]> {
    const { client } = this.#parts
    const items: RecordItem[] = []
    const pages = allItems((cursor) =>
      client.list(patient, { limit: LIST_PAGE, ...(cursor === undefined ? {} : { cursor }) }),
    )
    for await (const item of pages) items.push(item)
    return items
  }

  read(record: RecordId, version?: number, by?: OnBehalf): Promise<RecordAnswer> {
    return this.#parts.client.read(record, { ...(version === undefined ? {} : { version }), ...byMember(by) })
  }

  async readMany(records: readonly RecordId[], by?: OnBehalf): Promise<readonly (RecordAnswer | Refused)[]> {
    const all: (RecordAnswer | Refused)[] = []
    for (let i = 0; i < records.length; i += READ_AT_ONCE) {
      all.push(...(await this.#readSome(records.slice(i, i + READ_AT_ONCE), by)))
    }
    return all
  }

  versions(record: RecordId, by?: OnBehalf) {
    return this.#parts.client.versions(record, byMember(by))
  }

  async retention(record: RecordId): Promise<Retention | undefined> {
    const { client, ledgerRelay } = this.#parts
    // Whoever commits under a record's id can do so from elsewhere, too: what that organisation must keep is not ours.
    const places = await ledgerRelay.findRecord(record)
    return places.length === 0 ? undefined : await client.retentionAt(places, client.identity.mspId)
  }

  verify(answer: RecordAnswer) {
    return this.#parts.client.verify(answer)
  }

  accessLog(patient: PatientRef, page: { readonly cursor?: string; readonly limit?: number; readonly by?: OnBehalf }) {
    return this.#parts.client.accessLog(patient, page)
  }

  async prepare(records: readonly RecordToStore[]): Promise<readonly PreparedRecord[]> {
    const { client } = this.#parts
    const wanted = await Promise.all(
      records.map(async (record): Promise<NewRecord> => ({ ...record, warrant: await this.#warrant(record.patient) })),
    )
    return await Promise.all(wanted.map((record) => client.prepare(record)))
  }

  async send(prepared: readonly PreparedRecord[]): Promise<readonly (StoredVersion | Refused)[]> {
    const { client } = this.#parts
    const [only] = prepared
    const outcomes = await this.#sending(prepared, async () =>
      only !== undefined && prepared.length === 1 ? [await client.send(only)] : await client.sendMany(prepared),
    )
    return outcomes.map((outcome) => {
      if (!('code' in outcome)) return storedVersionOf(outcome)
      this.#refused(outcome.recordId, outcome.code)
      return { code: outcome.code }
    })
  }

  /**
   * Signed and encrypted. The same record asked for again while its fate is not known is the same bytes again, so that
   * nothing is stored twice.
   */
  #prepare(record: NewRecord): Promise<PreparedRecord> {
    const { crypto, client } = this.#parts
    const { patient, ehr, corrects } = record
    const words = `${patient} ${corrects?.record ?? ''} ${corrects?.version ?? ''} `
    const key = encodeHex(crypto.sha256(concat(encodeUtf8(words), ehr)))
    const known = this.#underWay.get(key)
    if (known !== undefined) return known
    const prepared = client.prepare(record)
    if (this.#underWay.size >= MAX_UNDER_WAY) this.#underWay.clear()
    this.#underWay.set(key, prepared)
    void prepared.then(
      ({ recordId }) => this.#keys.set(recordId, key),
      () => this.#underWay.delete(key),
    )
    return prepared
  }

  async #sending<T>(prepared: readonly PreparedRecord[], work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code = codeOf(error)
      if (code !== undefined) for (const { recordId } of prepared) this.#refused(recordId, code)
      throw error
    }
  }

  /** What is refused is made anew the next time, under the permission of then; what is away is sent again as it is. */
  #refused(record: RecordId, code: ErrorCode): void {
    if (ERROR_TABLE[code].kind === 'unavailable') return
    this.#settle(record)
    this.#warrants.clear()
  }

  async storeOrKeep(record: RecordToStore): Promise<StoredVersion | Kept> {
    const prepared = await this.#prepare({ ...record, warrant: await this.#warrant(record.patient) })
    const outcome = await this.#sending([prepared], () => this.#parts.client.sendOrKeep(prepared))
    this.#settle(prepared.recordId)
    if ('kept' in outcome) return { kept: true, record: outcome.recordId, away: outcome.code }
    return storedVersionOf(outcome)
  }

  #settle(record: RecordId): void {
    const key = this.#keys.get(record)
    if (key !== undefined) this.#underWay.delete(key)
    this.#keys.delete(record)
  }

  async #readSome(records: readonly RecordId[], by?: OnBehalf): Promise<readonly (RecordAnswer | Refused)[]> {
    if (records.length === 0) return []
    try {
      const answer = await this.#parts.client.session.request('record.read-many', { records, ...byMember(by) })
      return (answer['results'] as readonly Readonly<Record<string, unknown>>[]).map((result) => {
        const { ok, ...rest } = result
        if (ok === true) return recordAnswerShape(rest, 'record')
        return { code: isErrorCode(rest['code']) ? rest['code'] : 'TEE_FAULT' }
      })
    } catch (error) {
      // Together they are too large for one message.
      if (codeOf(error) !== 'RECORD_TOO_LARGE') throw error
      if (records.length === 1) return [await this.read(records[0] as RecordId, undefined, by)]
      const half = records.length >> 1
      return [...(await this.#readSome(records.slice(0, half), by)), ...(await this.#readSome(records.slice(half), by))]
    }
  }

  /** The registration warrant, asked for again after half a minute: it may have been replaced or taken back. */
  #warrant(patient: PatientRef): Promise<string> {
    const nowMs = this.#parts.nowMs()
    const known = this.#warrants.get(patient)
    if (known !== undefined && known.untilMs > nowMs) return known.jws
    const jws = this.#parts.client.registrationWarrant(patient)
    this.#warrants.set(patient, { jws, untilMs: nowMs + WARRANT_AGE_MS })
    jws.catch(() => this.#warrants.delete(patient))
    return jws
  }
}

function storedVersionOf({ recordId, version, log, receipt }: StoredRecord): StoredVersion {
  return { record: recordId, version, storedMs: storedMsOf(log), receipt }
}

function byMember(by: OnBehalf | undefined): { readonly by?: OnBehalf } {
  return by === undefined ? {} : { by }
}

/** The log entry of the version says when the trusted application took it (protocol §8.3). */
export function storedMsOf(log: LogPlace): number {
  const entry = decodeCbor(log.entry) as Readonly<Record<string, unknown>>
  return typeof entry['timeMs'] === 'number' ? entry['timeMs'] : 0
}
