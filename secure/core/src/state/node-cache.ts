/**
 * Recently used nodes of the log, bounded. Upper nodes have their own half: every proof passes them, and a walk over
 * many leaves must not push them out. What is in here is as trustworthy as the database it was read from.
 *
 * Two generations in each half instead of an order of use: when the young one is full it becomes the old one, and what
 * was not used since is forgotten. (Taking the oldest key out of one Map costs V8 a walk over all deleted ones.)
 *
 * @module
 */

/** From this level on a node is an upper one: there are 2^-7 as many of them as of entries. */
const UPPER_LEVEL = 8

export class NodeCache {
  readonly #lower: Generations
  readonly #upper: Generations

  /** @param nodes how many to hold at most, 4 or more; about 150 bytes each. */
  constructor(nodes: number) {
    if (!Number.isSafeInteger(nodes) || nodes < 4) throw new RangeError('nodes must be an integer from 4 up')
    this.#lower = new Generations(Math.floor(nodes / 4))
    this.#upper = new Generations(Math.floor(nodes / 4))
  }

  get(level: number, id: number): Uint8Array | undefined {
    return this.#half(level).get(id)
  }

  set(level: number, id: number, hash: Uint8Array): void {
    this.#half(level).set(id, hash)
  }

  #half(level: number): Generations {
    return level >= UPPER_LEVEL ? this.#upper : this.#lower
  }
}

class Generations {
  readonly #capacity: number
  #young = new Map<number, Uint8Array>()
  #old = new Map<number, Uint8Array>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(id: number): Uint8Array | undefined {
    const young = this.#young.get(id)
    if (young !== undefined) return young
    const old = this.#old.get(id)
    if (old !== undefined) this.set(id, old)
    return old
  }

  set(id: number, hash: Uint8Array): void {
    if (this.#young.size >= this.#capacity && !this.#young.has(id)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(id, hash)
  }
}
