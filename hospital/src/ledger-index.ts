/**
 * Where records stand on the ledger, found by following its blocks. A hint for readers, who read and compare what it
 * points at; it can be made again from the blocks at any time.
 *
 * @module
 */
import type { Ledger, LedgerBlock } from '../../ledger/client/src/index.ts'
import type { HospitalDatabase } from './database.ts'
import type { LedgerPlace } from './ports.ts'

const CATCH_UP_MS = 2_000
const CATCH_UP_PAUSE_MS = 20

export class LedgerIndex {
  readonly #db: HospitalDatabase
  readonly #ledger: Ledger
  readonly #stop = new AbortController()
  #following: Promise<void> | undefined

  constructor(db: HospitalDatabase, ledger: Ledger) {
    this.#db = db
    this.#ledger = ledger
  }

  /** Number of the first block that is not in the index yet. */
  get next(): number {
    const row = this.#db.prepare('SELECT block FROM ledger_next').get() as { block: number }
    return row.block
  }

  /** Follows the ledger until `close`. @param onFault told when following ended for another reason. */
  follow(onFault: (error: unknown) => void): void {
    this.#following = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) onFault(error)
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#following
  }

  /** Waits a moment for the blocks that the ledger has now. */
  async catchUp(): Promise<void> {
    const height = await this.#ledger.height()
    const untilMs = performance.now() + CATCH_UP_MS
    while (this.next <= height && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, CATCH_UP_PAUSE_MS))
    }
  }

  findRecord(record: string): LedgerPlace[] {
    return this.#select('WHERE record = ? ORDER BY version', record)
  }

  findTag(tag: string): LedgerPlace[] {
    return this.#select('WHERE tag = ? ORDER BY record, version', tag)
  }

  /** Takes the commitments of one block; the same block again changes nothing. */
  add(block: LedgerBlock): void {
    const insert = this.#db.prepare('INSERT OR IGNORE INTO ledger_place VALUES (?, ?, ?, ?, ?)')
    this.#db.transaction(() => {
      for (const { status, fn, args } of block.transactions) {
        if (status !== 'VALID' || fn !== 'commit') continue
        const [batch = '', groups = '[]'] = args
        let place = 0
        for (const group of JSON.parse(groups) as readonly CommitGroup[]) {
          for (const { recordId, version, patientTag } of group.items) {
            insert.run(recordId, version, patientTag, batch, place++)
          }
        }
      }
      this.#db.prepare('UPDATE ledger_next SET block = ?').run(block.number + 1)
    })()
  }

  async #run(): Promise<void> {
    for await (const block of this.#ledger.blocks(this.next, { signal: this.#stop.signal })) this.add(block)
  }

  #select(where: string, parameter: string): LedgerPlace[] {
    return this.#db
      .prepare(`SELECT record AS recordId, version, batch AS batchId, place AS "index" FROM ledger_place ${where}`)
      .all(parameter) as LedgerPlace[]
  }
}

/** Of docs/protocol/07-ledger.md §7.3; the contract has checked it before it came into a block. */
interface CommitGroup {
  readonly items: readonly { readonly recordId: string; readonly version: number; readonly patientTag: string }[]
}
