/**
 * Transactions, all or nothing: written down whole, then stored in signed batches, and shown by this API in one step when
 * all of it is stored. A kill in the middle leaves nothing of it to be seen until the next start has ended it; what waits
 * for the record server or the ledger goes on by itself.
 *
 * Limits: what the record server refuses after it took another part stays in the patient's record there, and is hidden
 * here for good.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { MAX_RECORDS_AT_ONCE, type PreparedRecord } from '../../../clients/sdk/src/author.ts'
import { codeOf } from '../../../clients/sdk/src/errors.ts'
import { equalBytes } from '../../../shared/crypto/src/index.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import { REFUSED_FOR_GOOD } from '../refused-for-good.ts'
import { FhirRequestError } from './errors.ts'
import type { HiddenVersions, RecordVersionKey } from './hidden-versions.ts'
import { MAX_BATCH_BYTES } from './limits.ts'
import type { Records, RecordToStore, StoredVersion } from './ports.ts'
import type { FhirStore } from './store.ts'
import type {
  KnownTransaction,
  TransactionJournal,
  TransactionPlan,
  TransactionResults,
} from './transaction-journal.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** An answer that nobody came for. */
const REMEMBERED_MS = 7 * 86_400_000

export interface TransactionsParts {
  readonly store: FhirStore
  readonly journal: TransactionJournal
  readonly hidden: HiddenVersions
  /** Sees hidden versions, too. */
  readonly records: Pick<Records, 'prepare' | 'send' | 'versions'>
  /** Puts all of it into the index and the hospital's own store; inside a transaction of the store. */
  readonly apply: (plan: TransactionPlan, stored: readonly StoredVersion[]) => TransactionResults
  readonly nowMs: () => number
  readonly onFault: (error: unknown) => void
}

export interface EndedTransaction {
  readonly plan: TransactionPlan
  readonly results: TransactionResults
}

/** It is kept and goes on by itself. */
export interface WaitingTransaction {
  readonly away: ErrorCode
}

export class Transactions {
  readonly #parts: TransactionsParts
  readonly #underWay = new Map<string, Promise<EndedTransaction>>()
  readonly #busy = new Map<string, readonly string[]>()
  #timer: NodeJS.Timeout | undefined
  #pauseMs = FIRST_PAUSE_MS
  #isStopped = false

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    for (const { id, keys } of parts.journal.open()) this.#busy.set(id, keys)
  }

  /** Ends what was begun before. */
  start(): void {
    const { journal, nowMs } = this.#parts
    journal.forget(nowMs() - REMEMBERED_MS)
    if (this.#busy.size > 0) void this.#endOpen()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await Promise.allSettled(this.#underWay.values())
  }

  /** @throws {FhirRequestError} `FHIR_TRANSACTION_UNDER_WAY`: one that waits writes what one of the keys names. */
  requireFree(keys: readonly string[]): void {
    if (this.#busy.size === 0) return
    const busy = new Set([...this.#busy.values()].flat())
    const key = keys.find((one) => busy.has(one))
    if (key !== undefined) throw new FhirRequestError('FHIR_TRANSACTION_UNDER_WAY', { detail: key })
  }

  /**
   * What came of a transaction whose client was not told; `undefined`: none such is known.
   * @throws {FhirRequestError} why it was refused; the next one is a new one.
   */
  async known(digest: string): Promise<EndedTransaction | WaitingTransaction | undefined> {
    const { journal } = this.#parts
    const known = journal.find(digest)
    if (known === undefined) return undefined
    if (known.state === 'open') return await this.#endOrWait(known.id)
    journal.remove(known.id)
    if (known.results === undefined) throw refusal(known)
    return { plan: known.plan, results: known.results }
  }

  /**
   * @param records in the order of the writes that are not local.
   * @throws {FhirRequestError} the code of what was refused, nothing is stored; `FHIR_TRANSACTION_INCOMPLETE`.
   */
  async run(plan: TransactionPlan, records: readonly RecordToStore[]): Promise<EndedTransaction | WaitingTransaction> {
    const { store, journal, hidden, nowMs, apply } = this.#parts
    if (records.length === 0) {
      return { plan, results: await store.together(() => apply(plan, [])) }
    }
    const prepared = await this.#parts.records.prepare(records)
    const id = randomUUID()
    await store.together(() => {
      journal.add(id, plan, prepared, nowMs())
      hidden.hide(id, prepared.map(keyOf))
    })
    this.#busy.set(id, plan.keys)
    return await this.#endOrWait(id)
  }

  async #endOrWait(id: string): Promise<EndedTransaction | WaitingTransaction> {
    const { store, journal, onFault } = this.#parts
    try {
      const ended = await this.#end(id)
      await store.together(() => journal.remove(id))
      return ended
    } catch (error) {
      // Refused: nothing waits, and whoever asked is told now.
      if (!this.#busy.has(id)) {
        journal.remove(id)
        throw error
      }
      const code = codeOf(error)
      if (code === undefined) onFault(error)
      this.#later()
      return { away: code ?? 'SERVICE_FAULT' }
    }
  }

  #end(id: string): Promise<EndedTransaction> {
    let run = this.#underWay.get(id)
    if (run === undefined) {
      run = this.#send(id).finally(() => this.#underWay.delete(id))
      this.#underWay.set(id, run)
    }
    return run
  }

  async #send(id: string): Promise<EndedTransaction> {
    const { store, journal, hidden, apply } = this.#parts
    const { plan } = journal.get(id) as KnownTransaction
    const prepared = journal.recordsOf(id)
    const stored = new Map<PreparedRecord, StoredVersion>()
    let refused: ErrorCode | undefined
    for (const batch of batchesOf(prepared)) {
      refused = await this.#sendBatch(batch, stored)
      if (refused !== undefined) break
    }
    if (refused !== undefined) throw await this.#refuse(id, prepared, stored, refused)
    const results = await store.together(() => {
      const made = apply(
        plan,
        prepared.map((one) => stored.get(one) as StoredVersion),
      )
      journal.markDone(id, made)
      hidden.show(prepared.map(keyOf))
      return made
    })
    this.#busy.delete(id)
    return { plan, results }
  }

  /** @returns why one was refused. @throws when it is not known, or a part is away. */
  async #sendBatch(
    batch: readonly PreparedRecord[],
    stored: Map<PreparedRecord, StoredVersion>,
  ): Promise<ErrorCode | undefined> {
    let refused: ErrorCode | undefined
    try {
      const outcomes = await this.#parts.records.send(batch)
      batch.forEach((one, i) => {
        const outcome = outcomes[i] ?? { code: 'TEE_FAULT' }
        if (!('code' in outcome)) stored.set(one, outcome)
        else if (isFinalOutcome(outcome.code)) refused ??= outcome.code
        else throw new FhirRequestError(outcome.code)
      })
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined || !REFUSED_FOR_GOOD.has(code)) throw error
      refused ??= code
    }
    return refused
  }

  /** Versions that are not the transaction's own, of others who wrote in between, are shown again. */
  async #refuse(
    id: string,
    prepared: readonly PreparedRecord[],
    stored: ReadonlyMap<PreparedRecord, StoredVersion>,
    code: ErrorCode,
  ): Promise<FhirRequestError> {
    const { store, journal, hidden, records } = this.#parts
    const others: RecordVersionKey[] = []
    let isAnyStored = stored.size > 0
    for (const one of prepared) {
      // A new record's id is known to nobody else.
      if (stored.has(one) || one.version === 1) continue
      const there = (await records.versions(one.recordId)).find(({ version }) => version === one.version)
      if (there !== undefined && equalBytes(there.ehrHash, one.commitment.ehrHash)) isAnyStored = true
      else others.push(keyOf(one))
    }
    const told = isAnyStored ? 'FHIR_TRANSACTION_INCOMPLETE' : code
    await store.together(() => {
      journal.markRefused(id, told)
      hidden.show(others)
    })
    this.#busy.delete(id)
    return isAnyStored ? new FhirRequestError(told, { detail: code }) : new FhirRequestError(told)
  }

  async #endOpen(): Promise<void> {
    for (const id of this.#busy.keys()) {
      if (this.#isStopped) return
      try {
        await this.#end(id)
        this.#pauseMs = FIRST_PAUSE_MS
      } catch (error) {
        // Somebody should know what nobody waits for any more.
        if (!this.#busy.has(id) || codeOf(error) === undefined) this.#parts.onFault(error)
      }
    }
    if (this.#busy.size > 0) this.#later()
  }

  #later(): void {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#endOpen(), this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
  }
}

/** The record server looked at the record itself: the same again would be refused again. */
function isFinalOutcome(code: ErrorCode): boolean {
  const { kind } = ERROR_TABLE[code]
  return REFUSED_FOR_GOOD.has(code) || (kind === 'refused' && code !== 'COMMITMENT_MISSING')
}

function refusal({ code }: KnownTransaction): FhirRequestError {
  return new FhirRequestError(code ?? 'FHIR_TRANSACTION_INCOMPLETE')
}

function keyOf({ recordId, version }: PreparedRecord): RecordVersionKey {
  return { record: recordId, version }
}

/** As many as fit under one signature and into one request. */
function batchesOf(prepared: readonly PreparedRecord[]): PreparedRecord[][] {
  const batches: PreparedRecord[][] = []
  let bytes = 0
  for (const one of prepared) {
    const last = batches.at(-1)
    bytes += one.envelope.length
    if (last === undefined || last.length >= MAX_RECORDS_AT_ONCE || bytes > MAX_BATCH_BYTES) {
      batches.push([one])
      bytes = one.envelope.length
    } else last.push(one)
  }
  return batches
}
