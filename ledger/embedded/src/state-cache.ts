/**
 * Values of the world state in memory: what was written or read last. It is only ever a copy of what the database holds.
 *
 * @module
 */

export interface StoredValue {
  readonly value: string
  /** Place of the transaction that wrote it. */
  readonly version: number
}

/** UTF-16 units of values and keys, about as many bytes. */
const MAX_LENGTH = 64 * 1024 * 1024

export class StateCache {
  readonly #values = new Map<string, StoredValue>()
  #length = 0

  get(key: string): StoredValue | undefined {
    return this.#values.get(key)
  }

  set(key: string, stored: StoredValue): void {
    this.delete(key)
    this.#values.set(key, stored)
    this.#length += key.length + stored.value.length
    // A Map iterates in the order of insertion: the oldest go first.
    for (const oldest of this.#values.keys()) {
      if (this.#length <= MAX_LENGTH) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const known = this.#values.get(key)
    if (known === undefined) return
    this.#values.delete(key)
    this.#length -= key.length + known.value.length
  }
}
