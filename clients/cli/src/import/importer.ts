/**
 * Imports resources of one file: finds the patient of each, signs and sends them in batches with one signature each,
 * and keeps the journal. A bad item is refused with its place and reason; the others go on.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ERROR_TABLE, isErrorCode, type ErrorCode, type PatientRef } from '../../../../shared/protocol/src/index.ts'
import { MAX_RECORDS_AT_ONCE, type Author, type PreparedRecord, type StoreOutcome } from '../../../sdk/src/author.ts'
import { codeOf, isUnavailable } from '../../../sdk/src/errors.ts'
import { isBad, readItems, type BadItem, type ImportItem, type ResourceItem } from './items.ts'
import type { ImportJournal, PendingBatch, Refusal } from './journal.ts'

/** A batch is closed when it has so many records or bytes of ciphertext; an answer must fit into one message too. */
const MAX_BATCH_RECORDS = Math.min(200, MAX_RECORDS_AT_ONCE)
const MAX_BATCH_BYTES = 3 * 2 ** 20
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** How long parts may be away before the import stops; the next run goes on from there. */
const GIVE_UP_MS = 60_000

export interface ImportTarget {
  readonly author: Author
  /**
   * The patient of a resource; a Patient may be registered here. Undefined: it is about no patient, and is left out.
   * @throws with a code, for an item that cannot be stored.
   */
  patientOf(item: ResourceItem): Promise<PatientRef | undefined>
  /** Compact JWS under which the author stores for this patient. */
  warrantFor(patient: PatientRef): Promise<string>
}

export interface ImportOptions {
  readonly path: string
  /** As the person wrote it. */
  readonly name: string
  readonly journal: ImportJournal
  readonly target: ImportTarget
  /** Ends between two batches when aborted. */
  readonly signal: AbortSignal
  /** Stops after so many items of this file; the next run goes on there. */
  readonly maxItems?: number
  readonly onProgress: (journal: ImportJournal) => void
  readonly nowMs: () => number
}

/** Runs until the file is done, the signal is aborted, or `maxItems` were settled. @returns whether the file is done. */
export async function importFile(options: ImportOptions): Promise<boolean> {
  const { journal, target } = options
  if (journal.state.isDone) return true
  await resumePending(options)
  const first = journal.state.position
  const batch = new Batch(target.author)
  for await (const item of readItems(options.path, options.name)) {
    if (item.position <= first) continue
    await batch.add(item, target)
    const isAtLimit = options.maxItems !== undefined && batch.endPosition - first >= options.maxItems
    if (!batch.isFull && !isAtLimit) continue
    await flush(batch, options)
    if (isAtLimit || options.signal.aborted) return false
  }
  await flush(batch, options)
  journal.finish(options.nowMs())
  options.onProgress(journal)
  return true
}

/** What was under way when the last run ended goes first, as it was. */
async function resumePending(options: ImportOptions): Promise<void> {
  const { journal } = options
  const pending = journal.pending()
  if (pending !== undefined && pending.endPosition > journal.state.position) await send(pending, [], options)
}

async function flush(batch: Batch, options: ImportOptions): Promise<void> {
  if (batch.isEmpty) return
  const { pending, refused } = batch.take()
  if (pending.records.length > 0) options.journal.begin(pending)
  await send(pending, refused, options)
}

async function send(pending: PendingBatch, refusedBefore: readonly Refusal[], options: ImportOptions): Promise<void> {
  const { journal, name, onProgress } = options
  const outcomes = pending.records.length === 0 ? [] : await sendUntilSettled(pending.records, options)
  const refused = outcomes.flatMap((outcome, i): Refusal[] => {
    if (!('code' in outcome)) return []
    const { code } = outcome
    return [{ file: name, position: pending.positions[i] ?? 0, code, reason: ERROR_TABLE[code].meaning }]
  })
  journal.settle({
    position: pending.endPosition,
    stored: outcomes.length - refused.length,
    leftOut: pending.leftOut,
    refused: [...refusedBefore, ...refused].toSorted((a, b) => a.position - b.position),
  })
  onProgress(journal)
}

/** Repeats while a part is away; the same records are stored once. @throws the last error after a minute. */
async function sendUntilSettled(
  records: readonly PreparedRecord[],
  { target, signal }: ImportOptions,
): Promise<readonly StoreOutcome[]> {
  const untilMs = performance.now() + GIVE_UP_MS
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    let failure: unknown
    try {
      const outcomes = await target.author.sendMany(records)
      const waits = outcomes.find((one) => 'code' in one && ERROR_TABLE[one.code].kind === 'unavailable')
      if (waits === undefined) return outcomes
      failure = waits
    } catch (error) {
      if (!isUnavailable(error)) throw error
      failure = error
    }
    if (performance.now() + pauseMs > untilMs || signal.aborted) throw asError(failure)
    await sleep(pauseMs)
  }
}

function asError(failure: unknown): Error {
  if (failure instanceof Error) return failure
  return Object.assign(new Error('not settled'), { code: (failure as { code: ErrorCode }).code })
}

/** Records that will be sent together, and what was decided about items between them. */
class Batch {
  readonly #author: Author
  #records: PreparedRecord[] = []
  #positions: number[] = []
  #refused: Refusal[] = []
  #bytes = 0
  #leftOut = 0
  endPosition = 0

  constructor(author: Author) {
    this.#author = author
  }

  get isFull(): boolean {
    return this.#records.length >= MAX_BATCH_RECORDS || this.#bytes >= MAX_BATCH_BYTES || this.#refused.length >= 1_000
  }

  get isEmpty(): boolean {
    return this.#records.length === 0 && this.#refused.length === 0 && this.#leftOut === 0
  }

  async add(item: ImportItem, target: ImportTarget): Promise<void> {
    this.endPosition = Math.max(this.endPosition, item.position)
    if (isBad(item)) {
      this.#refuse(item)
      return
    }
    try {
      const patient = await target.patientOf(item)
      if (patient === undefined) {
        this.#leftOut++
        return
      }
      const warrant = await target.warrantFor(patient)
      const prepared = await this.#author.prepare({ patient, ehr: item.bytes, warrant })
      this.#records.push(prepared)
      this.#positions.push(item.position)
      this.#bytes += prepared.envelope.length
    } catch (error) {
      const code = codeOf(error) ?? codeIn(error)
      // A part that is away stops the import; anything else is about this item.
      if (code === undefined || isUnavailable(error)) throw error
      const { file, position } = item
      this.#refuse({ file, position, code, reason: reasonOf(error, code) })
    }
  }

  take(): { readonly pending: PendingBatch; readonly refused: readonly Refusal[] } {
    const pending = {
      records: this.#records,
      positions: this.#positions,
      endPosition: this.endPosition,
      leftOut: this.#leftOut,
    }
    const refused = this.#refused
    this.#records = []
    this.#positions = []
    this.#refused = []
    this.#bytes = 0
    this.#leftOut = 0
    return { pending, refused }
  }

  #refuse({ file, position, code, reason }: BadItem): void {
    this.#refused.push({ file, position, code, reason })
  }
}

function codeIn(error: unknown): ErrorCode | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return isErrorCode(code) ? code : undefined
}

function reasonOf(error: unknown, code: ErrorCode): string {
  const words = (error as { words?: { reason?: string } }).words
  return words?.reason ?? ERROR_TABLE[code].meaning
}
