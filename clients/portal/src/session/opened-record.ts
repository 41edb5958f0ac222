/**
 * A record that was read and checked in the worker, as plain data for the page.
 *
 * @module
 */
import { decodeUtf8, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { recordIdShape } from '../../../../shared/protocol/src/index.ts'
import type { Participant } from '../../../sdk/src/participant.ts'
import type { RecordAnswer } from '../../../sdk/src/record-answer.ts'
import { formatRecordFile } from '../../../sdk/src/record-file.ts'
import type { RecordReport } from '../../../sdk/src/verify-record.ts'
import type { People } from './people.ts'

export interface CheckedRecord {
  readonly recordId: string
  readonly version: number
  readonly latestVersion: number
  /** FHIR R4 as it was signed. */
  readonly resource: Readonly<Record<string, unknown>>
  readonly author: { readonly ref: string; readonly name: string }
  readonly report: RecordReport
  readonly details: readonly { readonly label: string; readonly value: string }[]
}

/** Opened records are kept in the worker's memory for a while, so that lists do not read them twice. */
const MAX_OPENED = 500

export class RecordReader {
  readonly #client: () => Promise<Participant>
  readonly #people: People
  readonly #opened = new Map<string, Promise<CheckedRecord>>()
  readonly #answers = new Map<string, RecordAnswer>()

  constructor(client: () => Promise<Participant>, people: People) {
    this.#client = client
    this.#people = people
  }

  open(record: string): Promise<CheckedRecord> {
    const known = this.#opened.get(record)
    if (known !== undefined) return known
    const fresh = this.#read(record)
    this.#opened.set(record, fresh)
    fresh.catch(() => this.#opened.delete(record))
    if (this.#opened.size > MAX_OPENED) this.#opened.delete(this.#opened.keys().next().value as string)
    return fresh
  }

  /** Reads it again and runs every check again. */
  openAgain(record: string): Promise<CheckedRecord> {
    this.#opened.delete(record)
    return this.open(record)
  }

  /** What was read last; for a correction. */
  async answer(record: string): Promise<RecordAnswer> {
    return this.#answers.get(record) ?? (await (await this.#client()).read(recordIdShape(record, 'record')))
  }

  /** The record with its proofs, for `trusthealth record verify`. */
  async file(record: string): Promise<string> {
    const { serverRef } = (await this.#client()).options
    return formatRecordFile({ serverRef, answer: await this.answer(record) })
  }

  forget(): void {
    this.#opened.clear()
    this.#answers.clear()
  }

  async #read(record: string): Promise<CheckedRecord> {
    const client = await this.#client()
    const answer = await client.read(recordIdShape(record, 'record'))
    const report = await client.verify(answer)
    this.#answers.set(record, answer)
    const { measurement } = await client.evidence()
    const { commitment, log } = answer
    return {
      recordId: answer.recordId,
      version: answer.version,
      latestVersion: answer.latestVersion,
      resource: JSON.parse(decodeUtf8(answer.ehr)) as Readonly<Record<string, unknown>>,
      author: { ref: answer.author, name: await this.#people.nameOf(answer.author) },
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
