/**
 * A record that was read and checked in the worker, as plain data for the page.
 *
 * @module
 */
import { decodeUtf8, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { recordIdShape, recordIdTimeMs } from '../../../../shared/protocol/src/index.ts'
import { formatExact, parseExact, parseForReading } from '../fhir/exact-json.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import type { Participant } from '../../../sdk/src/participant.ts'
import type { RecordAnswer } from '../../../sdk/src/record-answer.ts'
import type { ErasedReport } from '../../../sdk/src/verify-erased.ts'
import type { RecordReport } from '../../../sdk/src/verify-record.ts'
import type { People } from './people.ts'

export interface OpenedRecord {
  readonly recordId: string
  readonly version: number
  readonly latestVersion: number
  /** FHIR R4 as it was signed. */
  readonly resource: Readonly<Record<string, unknown>>
  readonly author: { readonly ref: string; readonly name: string; readonly hospital: string }
  readonly report: RecordReport
  readonly details: readonly { readonly label: string; readonly value: string }[]
}

/** The marker of an erased record: what ran, and details for who wants them. */
export interface ErasedRecord {
  readonly report: ErasedReport
  /** When its author prepared it. */
  readonly writtenMs: number
  readonly details: OpenedRecord['details']
}

/** Opened records are kept in the worker's memory for a while, so that lists do not read them twice. */
const MAX_OPENED = 500

/** Where no version is given, the newest is meant. */
export class RecordReader {
  readonly #client: () => Promise<Participant>
  readonly #people: People
  readonly #opened = new Map<string, Promise<OpenedRecord>>()
  readonly #answers = new Map<string, RecordAnswer>()

  constructor(client: () => Promise<Participant>, people: People) {
    this.#client = client
    this.#people = people
  }

  open(record: string, version?: number): Promise<OpenedRecord> {
    const key = keyOf(record, version)
    const known = this.#opened.get(key)
    if (known !== undefined) return known
    const fresh = this.#read(record, version)
    this.#opened.set(key, fresh)
    fresh.catch(() => this.#opened.delete(key))
    if (this.#opened.size > MAX_OPENED) this.#opened.delete(this.#opened.keys().next().value as string)
    return fresh
  }

  /** Reads it again and runs every check again. */
  openAgain(record: string, version?: number): Promise<OpenedRecord> {
    this.#opened.delete(keyOf(record, version))
    return this.open(record, version)
  }

  /** @throws {ClientError} `MESSAGE_MALFORMED` for a record that is there. */
  async erased(record: string): Promise<ErasedRecord> {
    const client = await this.#client()
    const report = await client.findErased(recordIdShape(record, 'record'))
    if (report === undefined) throw new ClientError('MESSAGE_MALFORMED')
    const { measurement } = await client.evidence()
    const { recordId, logIndex } = report
    return {
      report,
      writtenMs: recordIdTimeMs(recordId),
      details: [
        { label: 'seal.detail.record', value: recordId },
        ...(logIndex === undefined ? [] : [{ label: 'seal.detail.logentry', value: String(logIndex) }]),
        { label: 'seal.detail.server', value: measurement },
      ],
    }
  }

  /** What was read last; for a correction or an erasure. */
  async answer(record: string, version?: number): Promise<RecordAnswer> {
    const known = this.#answers.get(keyOf(record, version))
    return known ?? (await this.#ask(record, version))
  }

  /** The record with its proofs, for `trusthealth record verify`. */
  async file(record: string, version?: number): Promise<string> {
    const { formatRecordFile } = await import('../../../sdk/src/record-file.ts')
    const { serverRef } = (await this.#client()).options
    return formatRecordFile({ serverRef, answer: await this.answer(record, version) })
  }

  /** FHIR JSON for people who want to see the data: indented, every digit as it was signed. */
  async data(record: string, version?: number): Promise<string> {
    const text = decodeUtf8((await this.answer(record, version)).ehr)
    try {
      return formatExact(parseExact(text), undefined, 2)
    } catch (error) {
      if (error instanceof SyntaxError) return text
      throw error
    }
  }

  /** Its versions are read again when they are asked for. */
  forgetOne(record: string): void {
    for (const known of [this.#opened, this.#answers]) {
      for (const key of known.keys()) if (key.startsWith(`${record} `)) known.delete(key)
    }
  }

  forget(): void {
    this.#opened.clear()
    this.#answers.clear()
  }

  async #ask(record: string, version: number | undefined): Promise<RecordAnswer> {
    const id = recordIdShape(record, 'record')
    return await (await this.#client()).read(id, version === undefined ? {} : { version })
  }

  async #read(record: string, version: number | undefined): Promise<OpenedRecord> {
    const client = await this.#client()
    const answer = await this.#ask(record, version)
    const report = await client.verify(answer)
    this.#answers.set(keyOf(record, answer.version), answer)
    if (version === undefined) this.#answers.set(keyOf(record, undefined), answer)
    const { measurement } = await client.evidence()
    const { commitment, log } = answer
    const name = await this.#people.nameOf(answer.author)
    const hospital = await this.#people.organizationName(report.author?.mspId ?? '')
    return {
      recordId: answer.recordId,
      version: answer.version,
      latestVersion: answer.latestVersion,
      resource: parseForReading(decodeUtf8(answer.ehr)) as Readonly<Record<string, unknown>>,
      author: { ref: answer.author, name, hospital },
      report,
      details: [
        { label: 'seal.detail.record', value: answer.recordId },
        { label: 'seal.detail.version', value: String(answer.version) },
        { label: 'seal.detail.fingerprint', value: encodeHex(commitment.ehrHash) },
        { label: 'seal.detail.block', value: String(commitment.block) },
        { label: 'seal.detail.transaction', value: commitment.txId },
        { label: 'seal.detail.batch', value: `${commitment.batchId} / ${commitment.index}` },
        { label: 'seal.detail.logentry', value: `${log.index} / ${log.size}` },
        { label: 'seal.detail.author', value: answer.author },
        { label: 'seal.detail.server', value: measurement },
      ],
    }
  }
}

function keyOf(record: string, version: number | undefined): string {
  return `${record} ${version ?? ''}`
}
