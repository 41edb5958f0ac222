/**
 * Puts the signed commitments of many authors into few ledger transactions. A lone one goes at once; while a
 * transaction is under way, the next batch grows: a transaction costs every organisation as much as dozens of
 * commitments do (docs/decisions/0013-fewer-larger-transactions.md). No timers. Spec: docs/protocol/04-records.md §4.2,
 * 07 §7.3.
 *
 * @module
 */
import type { Crypto } from '../../shared/crypto/src/index.ts'
import { encodeCommitGroups, type CommitGroup } from '../../shared/ledger-model/src/index.ts'
import { newId, ProtocolError, type BatchId } from '../../shared/protocol/src/index.ts'
import type { LedgerWriter } from './ports.ts'

export interface CommittedPlace {
  readonly batchId: BatchId
  /** Place of the first item; the others follow. */
  readonly index: number
  readonly txId: string
  readonly block: number
}

interface Waiting {
  readonly group: CommitGroup
  readonly resolve: (place: CommittedPlace) => void
  readonly reject: (error: unknown) => void
}

export const MAX_BATCH_ITEMS = 1_000
/** While batches are so small, another one goes beside the one that is under way: few people wait for nobody. */
const FEW_ITEMS = 8
/** So many items are worth a transaction of their own beside one that is under way. */
const GOOD_BATCH_ITEMS = 250
/** Items that may wait; more are refused, so that memory is bounded while the ledger is away. */
export const MAX_WAITING_ITEMS = 20_000

export class CommitmentBatcher {
  readonly #crypto: Crypto
  readonly #ledger: LedgerWriter
  readonly #parallel: number
  readonly #queue: Waiting[] = []
  #waitingItems = 0
  #underWay = 0
  /** Items of the largest batch lately: half as many count with each batch since. */
  #usualItems = 0

  /** @param parallel transactions that may be under way together. */
  constructor(crypto: Crypto, ledger: LedgerWriter, parallel = 2) {
    this.#crypto = crypto
    this.#ledger = ledger
    this.#parallel = parallel
  }

  /** Items that have no transaction yet. */
  get waiting(): number {
    return this.#waitingItems
  }

  /**
   * Resolves when the items are in a block. The contract verifies the author's signature; a group that it refuses does
   * not hold up the others.
   * @param group of its shape (`commitGroupShape`).
   * @throws {ProtocolError} `LEDGER_BUSY`, or the code of the contract.
   */
  commit(group: CommitGroup): Promise<CommittedPlace> {
    if (group.items.length === 0 || group.items.length > MAX_BATCH_ITEMS) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'a group has 1 to 1,000 commitments')
    }
    if (this.#waitingItems + group.items.length > MAX_WAITING_ITEMS) {
      throw new ProtocolError('LEDGER_BUSY', 'too many commitments wait')
    }
    return new Promise((resolve, reject) => {
      this.#waitingItems += group.items.length
      this.#queue.push({ group, resolve, reject })
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#isTime()) {
      const batch = this.#takeBatch()
      const items = batch.reduce((sum, { group }) => sum + group.items.length, 0)
      this.#underWay++
      this.#usualItems = Math.max(items, this.#usualItems / 2)
      void this.#submit(batch).finally(() => {
        this.#underWay--
        this.#flush()
      })
    }
  }

  #isTime(): boolean {
    if (this.#underWay === 0) return true
    if (this.#underWay >= this.#parallel) return false
    return this.#usualItems <= FEW_ITEMS || this.#waitingItems >= GOOD_BATCH_ITEMS
  }

  #takeBatch(): Waiting[] {
    let items = 0
    let groups = 0
    for (const { group } of this.#queue) {
      if (groups > 0 && items + group.items.length > MAX_BATCH_ITEMS) break
      items += group.items.length
      groups++
    }
    this.#waitingItems -= items
    return this.#queue.splice(0, groups)
  }

  async #submit(batch: readonly Waiting[]): Promise<void> {
    const batchId = newId(this.#crypto, 'b')
    try {
      const { txId, block } = await this.#ledger.submit('commit', [
        batchId,
        encodeCommitGroups(batch.map(({ group }) => group)),
      ])
      let index = 0
      for (const { group, resolve } of batch) {
        resolve({ batchId, index, txId, block })
        index += group.items.length
      }
    } catch (error) {
      // One author's bad signature must not refuse the others: each goes alone, once.
      if (batch.length > 1 && isRefusal(error)) await Promise.all(batch.map((one) => this.#submit([one])))
      else for (const { reject } of batch) reject(error)
    }
  }
}

const REFUSALS: ReadonlySet<unknown> = new Set([
  'COMMIT_SIGNATURE_INVALID',
  'COMMIT_TAG_MISMATCH',
  'PARTICIPANT_UNKNOWN',
  'PARTICIPANT_SUSPENDED',
  'LEDGER_BAD_ARGUMENT',
])

function isRefusal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && REFUSALS.has(error.code)
}
