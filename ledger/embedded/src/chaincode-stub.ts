/**
 * The part of Fabric's ChaincodeStub that the contract uses, on the committed state of the embedded ledger. It records
 * what a transaction read, with versions, and what it would write; nothing is written here.
 *
 * As in Fabric: a read does not see the transaction's own writes, and a transaction that ranges or looks at history
 * cannot write, because what it saw would not be checked at commit.
 *
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { EVENT_NAMES, type LedgerEvent, type StateWrite } from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import type { LedgerStore } from './store.ts'

const NO_VALUE = new Uint8Array(0)

/** What a transaction saw: the version of each key that it read, undefined where there was no value. */
export type ReadSet = ReadonlyMap<string, number | undefined>

export class EmbeddedStub {
  readonly #store: LedgerStore
  readonly #txId: TxId
  readonly #timeMs: number
  readonly #reads = new Map<string, number | undefined>()
  readonly #writes = new Map<string, string | null>()
  #event: LedgerEvent | null = null
  #ranged = false

  constructor(store: LedgerStore, txId: TxId, timeMs: number) {
    this.#store = store
    this.#txId = txId
    this.#timeMs = timeMs
  }

  get reads(): ReadSet {
    return this.#reads
  }

  /** In the order of the keys. */
  get writes(): readonly StateWrite[] {
    const keys = [...this.#writes.keys()].sort((a, b) => (a < b ? -1 : 1))
    return keys.map((key) => ({ key, value: this.#writes.get(key) ?? null }))
  }

  get event(): LedgerEvent | null {
    return this.#event
  }

  getTxID(): string {
    return this.#txId
  }

  getDateTimestamp(): Date {
    return new Date(this.#timeMs)
  }

  // The store answers at once; Fabric's interface has promises.
  getState(key: string): Promise<Uint8Array> {
    const stored = this.#store.get(key)
    if (!this.#reads.has(key)) this.#reads.set(key, stored?.version)
    return Promise.resolve(stored === undefined ? NO_VALUE : encodeUtf8(stored.value))
  }

  putState(key: string, value: Uint8Array): Promise<void> {
    if (value.length === 0) return Promise.reject(new TypeError('an empty value means a deleted key'))
    return this.#write(key, decodeUtf8(value))
  }

  deleteState(key: string): Promise<void> {
    return this.#write(key, null)
  }

  getStateByRangeWithPagination(start: string, end: string, pageSize: number, bookmark: string) {
    this.#range()
    const rows = this.#store.range(bookmark === '' ? start : bookmark, end, pageSize + 1)
    const page = rows.slice(0, pageSize)
    const metadata = { fetchedRecordsCount: page.length, bookmark: rows[pageSize]?.key ?? '' }
    const values = page.map(({ key, value }) => ({ namespace: '', key, value: encodeUtf8(value) }))
    return Promise.resolve({ iterator: iteratorOver(values), metadata })
  }

  /** Newest first, as Fabric gives it. */
  async *getHistoryForKey(key: string) {
    this.#range()
    for (const { txId, timeMs, value } of this.#store.history(key)) {
      const timestamp = { seconds: Math.floor(timeMs / 1_000), nanos: (timeMs % 1_000) * 1_000_000 }
      yield { txId, timestamp, isDelete: value === null, value: value === null ? NO_VALUE : encodeUtf8(value) }
    }
    await Promise.resolve()
  }

  setEvent(name: string, payload: Uint8Array): void {
    const known = EVENT_NAMES.find((one) => one === name)
    if (known === undefined) throw new TypeError('an event that docs/protocol/07-ledger.md does not name')
    this.#event = { name: known, payload: decodeUtf8(payload) }
  }

  #write(key: string, value: string | null): Promise<void> {
    if (this.#ranged) return Promise.reject(new TypeError('a transaction that ranges cannot write'))
    this.#writes.set(key, value)
    return Promise.resolve()
  }

  #range(): void {
    if (this.#writes.size > 0) throw new TypeError('a transaction that writes cannot range')
    this.#ranged = true
  }
}

/** Fabric's iterator: `next` until `done`, then `close`. */
function iteratorOver<T>(values: readonly T[]) {
  let at = 0
  return {
    next: () => Promise.resolve(at < values.length ? { value: values[at++] as T, done: false } : { done: true }),
    close: () => Promise.resolve(),
  }
}
