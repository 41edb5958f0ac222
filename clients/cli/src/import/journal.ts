/**
 * How far an import of one file has come, beside the state: after kill -9 the next run goes on at the line after the
 * last batch, and sends the batch that was under way again as it was. Records carry the ids and salts that were drawn
 * before, so nothing is stored twice.
 *
 * A file is known by its content and by who imports it, not by its name.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  bool,
  bytes,
  commitmentFromJson,
  commitmentToJson,
  decodeMessage,
  encodeCbor,
  list,
  literal,
  optional,
  recordIdShape,
  struct,
  text,
  uint,
  type CborValue,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'
import type { PreparedRecord } from '../../../sdk/src/author.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import { readChunks } from './items.ts'

const MAX_KEPT_REFUSALS = 10_000

const refusalShape = struct({
  file: text({ max: 4_096 }),
  position: uint(),
  code: text({ max: 64 }),
  reason: text({ max: 4_096 }),
})
/** An item that was not stored, and why. */
export type Refusal = Infer<typeof refusalShape>

const journalShape = struct({
  v: literal(1),
  file: text({ max: 4_096 }),
  /** Last line or entry of which all is settled; 0: none. */
  position: uint(),
  stored: uint(),
  leftOut: uint(),
  refusedCount: uint(),
  refused: list(refusalShape, { max: MAX_KEPT_REFUSALS }),
  isDone: bool(),
  finishedMs: optional(uint()),
})
export type JournalState = Infer<typeof journalShape>

/** A batch with the places of its records in the file. */
export interface PendingBatch {
  readonly records: readonly PreparedRecord[]
  readonly positions: readonly number[]
  /** Settled when the batch is. */
  readonly endPosition: number
  readonly leftOut: number
}

const pendingShape = struct({
  v: literal(1),
  endPosition: uint(),
  leftOut: uint(),
  records: list(
    struct({
      recordId: recordIdShape,
      version: uint({ min: 1 }),
      commitment: (value: unknown) => value as CborValue,
      envelope: bytes({ min: 1, max: 8 * 2 ** 20 }),
      position: uint(),
    }),
    { max: 1_000 },
  ),
})
const PENDING_LIMITS = { maxBytes: 64 * 2 ** 20 }

export class ImportJournal {
  readonly #path: string
  #state: JournalState

  private constructor(path: string, state: JournalState) {
    this.#path = path
    this.#state = state
  }

  /** @param who reference of whoever imports, and of the patient where one was named. */
  static async open(folder: string, path: string, name: string, who: string): Promise<ImportJournal> {
    const hash = createHash('sha256').update(who).update('\0')
    for await (const chunk of readChunks(path, name)) hash.update(chunk)
    const journalPath = join(folder, `${hash.digest('hex').slice(0, 32)}.json`)
    const known = readJsonFile(journalPath)
    const state = known === undefined ? startOf(name) : journalShape(known, 'import journal')
    return new ImportJournal(journalPath, state)
  }

  get state(): JournalState {
    return this.#state
  }

  /** The batch that was under way when the last run ended. */
  pending(): PendingBatch | undefined {
    const path = this.#pendingPath()
    if (!existsSync(path)) return undefined
    const { records, ...rest } = decodeMessage(
      new Uint8Array(readFileSync(path)),
      pendingShape,
      'batch',
      PENDING_LIMITS,
    )
    return {
      leftOut: rest.leftOut,
      endPosition: rest.endPosition,
      positions: records.map(({ position }) => position),
      records: records.map(({ recordId, version, commitment, envelope }) => ({
        recordId,
        version,
        commitment: commitmentFromJson(commitment),
        envelope,
      })),
    }
  }

  /** Before a batch is sent. */
  begin(batch: PendingBatch): void {
    const records = batch.records.map(({ recordId, version, commitment, envelope }, i) => ({
      recordId,
      version,
      commitment: { ...commitmentToJson(commitment) },
      envelope,
      position: batch.positions[i] as number,
    }))
    const { endPosition, leftOut } = batch
    writePrivateFile(this.#pendingPath(), encodeCbor({ v: 1, endPosition, leftOut, records }))
  }

  /** After a batch: everything up to `position` is settled. */
  settle(change: {
    readonly position: number
    readonly stored: number
    readonly leftOut: number
    readonly refused: readonly Refusal[]
  }): void {
    const { stored, leftOut, refusedCount, refused } = this.#state
    this.#write({
      ...this.#state,
      position: change.position,
      stored: stored + change.stored,
      leftOut: leftOut + change.leftOut,
      refusedCount: refusedCount + change.refused.length,
      refused: [...refused, ...change.refused].slice(0, MAX_KEPT_REFUSALS),
    })
    rmSync(this.#pendingPath(), { force: true })
  }

  finish(nowMs: number): void {
    this.#write({ ...this.#state, isDone: true, finishedMs: nowMs })
  }

  /** Forgets what was done: the file is imported as if it were new. */
  restart(name: string): void {
    this.#write(startOf(name))
    rmSync(this.#pendingPath(), { force: true })
  }

  #write(state: JournalState): void {
    this.#state = state
    writePrivateFile(this.#path, `${JSON.stringify(state)}\n`)
  }

  #pendingPath(): string {
    return this.#path.replace(/\.json$/, '.pending')
  }
}

function startOf(file: string): JournalState {
  return { v: 1, file, position: 0, stored: 0, leftOut: 0, refusedCount: 0, refused: [], isDone: false }
}
