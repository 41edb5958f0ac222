/**
 * Chance from a seed: the same seed makes the same schedule.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'

/** sfc32, a small generator of good quality; not for keys of anybody who matters. */
export class Chance {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param seed a whole number. */
  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e37_79b9
    for (let i = 0; i < 16; i++) this.word()
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** 0 up to and without `limit`. */
  below(limit: number): number {
    return this.word() % limit
  }

  /** True `percent` times of a hundred. */
  percent(percent: number): boolean {
    return this.below(100) < percent
  }

  /** @throws {RangeError} if there is nothing to choose from. */
  pick<T>(from: readonly T[]): T {
    const chosen = from[this.below(Math.max(from.length, 1))]
    if (chosen === undefined) throw new RangeError('nothing to choose from')
    return chosen
  }

  /** Takes one out of the list, wherever it stands. */
  take<T>(from: T[]): T | undefined {
    return from.length === 0 ? undefined : from.splice(this.below(from.length), 1)[0]
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.word() >>> 24)
  }

  /** A copy that is not the same: a bit turned, the end cut off, something appended, or something else altogether. */
  spoil(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice()
    switch (this.below(5)) {
      case 0:
        return copy.subarray(0, this.below(bytes.length))
      case 1:
        return Uint8Array.from([...copy, ...this.bytes(1 + this.below(4))])
      case 2:
        return this.bytes(1 + this.below(80))
      default: {
        const at = this.below(Math.max(copy.length, 1))
        copy[at] = (copy[at] ?? 0) ^ (1 << this.below(8))
        return copy
      }
    }
  }
}

/** The crypto of a schedule: what it draws comes from the seed. Signatures still draw inside the implementation. */
export function seededCrypto(crypto: Crypto, chance: Chance): Crypto {
  return {
    ...crypto,
    randomBytes: (length) => chance.bytes(length),
    generateAgreementKey: () => crypto.importAgreementKey(chance.bytes(32)),
    generateKemKey: () => crypto.importKemKey(chance.bytes(64)),
  }
}
