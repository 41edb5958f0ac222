/**
 * What is let in: how many bytes at once, and under which number a client's address goes to the trusted application,
 * which keeps half-open sessions fair among numbers.
 *
 * @module
 */
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'

/** Bytes of bodies that are being received or worked on. */
export class ByteBudget {
  readonly #limit: number
  #taken = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get taken(): number {
    return this.#taken
  }

  /** @throws {ProtocolError} `TEE_BUSY`; give back what was taken with the result, once. */
  take(bytes: number): () => void {
    if (this.#taken + bytes > this.#limit) throw new ProtocolError('TEE_BUSY', 'too many bytes at once')
    this.#taken += bytes
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      this.#taken -= bytes
    }
  }
}

const MAX_ADDRESSES = 16_384

/** Small numbers for addresses; the addresses themselves go no further. */
export class AddressNumbers {
  readonly #numbers = new Map<string, number>()
  #last = 0

  numberOf(address: string): number {
    const known = this.#numbers.get(address)
    // Set again, so that the first of the map is the one that was longest away.
    const number = known ?? ++this.#last
    this.#numbers.delete(address)
    this.#numbers.set(address, number)
    if (this.#numbers.size > MAX_ADDRESSES) {
      for (const oldest of this.#numbers.keys()) {
        this.#numbers.delete(oldest)
        break
      }
    }
    return number
  }
}
