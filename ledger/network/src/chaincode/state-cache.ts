/**
 * Values of the world state that this process remembers, each with the mark that stood when it was read: while the mark
 * is the same, so is the value. Asking a peer for one value costs both processes more than most functions of the
 * contract. Only what the state said is remembered, never what a transaction would write.
 *
 * @module
 */

/** 64 MiB of values. */
const MAX_BYTES = 64 * 1024 * 1024
/** For the key and what surrounds a value. */
const ENTRY_BYTES = 300

interface Entry {
  readonly value: Uint8Array
  readonly mark: string
}

export class StateCache {
  readonly #maxBytes: number
  /** By channel and key; the least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** @param mark as it stands now. */
  find(channel: string, key: string, mark: string): Uint8Array | undefined {
    const name = `${channel} ${key}`
    const entry = this.#entries.get(name)
    if (entry?.mark !== mark) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    return entry.value
  }

  keep(channel: string, key: string, mark: string, value: Uint8Array): void {
    const name = `${channel} ${key}`
    this.#remove(name)
    this.#entries.set(name, { value, mark })
    this.#bytes += value.length + ENTRY_BYTES
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.#bytes -= entry.value.length + ENTRY_BYTES
  }
}
