/**
 * Under which number a client's address goes to the trusted application, which keeps half-open sessions fair among
 * numbers.
 *
 * @module
 */
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
