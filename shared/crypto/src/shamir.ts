/**
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial of AES (x^8 + x^4 + x^3 + x + 1): any `threshold`
 * shares give the secret, fewer say nothing about it. Why this is our own: docs/decisions/0019-shamir-of-our-own.md.
 *
 * Shares are not authenticated: a wrong one gives a wrong secret. Who combines them checks each against a commitment
 * (docs/protocol/12-recovery-shares.md §12.3).
 *
 * Multiplications take the same steps whatever the bytes are: no tables, no branches on them. JavaScript promises nothing
 * about the time of these steps.
 *
 * @module
 */
import type { Crypto } from './port.ts'

/** One point of the polynomials. */
export interface SecretShare {
  /** 1 to 255. */
  readonly index: number
  /** As long as the secret. */
  readonly value: Uint8Array
}

const MAX_SHARES = 255

/**
 * Shares with the indexes 1 to `count`.
 * @throws {RangeError} unless 1 ≤ threshold ≤ count ≤ 255 and the secret has a byte.
 */
export function splitSecret(
  crypto: Pick<Crypto, 'randomBytes'>,
  secret: Uint8Array,
  { threshold, count }: { readonly threshold: number; readonly count: number },
): readonly SecretShare[] {
  const isSound = Number.isInteger(threshold) && Number.isInteger(count) && threshold >= 1 && threshold <= count
  if (!isSound || count > MAX_SHARES) throw new RangeError('threshold and count are none')
  if (secret.length === 0) throw new RangeError('an empty secret')
  // Of each byte's polynomial the coefficients of x, x², …; the constant is the secret's byte.
  const coefficients = Array.from({ length: threshold - 1 }, () => crypto.randomBytes(secret.length))
  const shares = Array.from({ length: count }, (_, i) => {
    const index = i + 1
    // Horner's rule, from the highest coefficient down to the secret.
    const value = new Uint8Array(secret.length)
    for (const coefficient of coefficients.toReversed()) stepOf(value, index, coefficient)
    stepOf(value, index, secret)
    return { index, value }
  })
  for (const coefficient of coefficients) coefficient.fill(0)
  return shares
}

/**
 * The secret, from as many shares as its threshold or more.
 * @throws {RangeError} for no shares, shares of different length, and an index twice or out of range.
 */
export function combineShares(shares: readonly SecretShare[]): Uint8Array {
  const indexes = new Set(shares.map(({ index }) => index))
  const [first] = shares
  if (first === undefined || indexes.size !== shares.length) throw new RangeError('shares are missing or repeated')
  const { length } = first.value
  const secret = new Uint8Array(length)
  for (const { index, value } of shares) {
    if (!Number.isInteger(index) || index < 1 || index > MAX_SHARES || value.length !== length) {
      throw new RangeError('a share is none')
    }
    // Lagrange's basis polynomial at 0; indexes are public.
    let basis = 1
    for (const other of indexes) {
      if (other !== index) basis = multiply(basis, multiply(other, invert(other ^ index)))
    }
    for (let i = 0; i < length; i++) secret[i] = (secret[i] ?? 0) ^ multiply(value[i] ?? 0, basis)
  }
  return secret
}

/** value = value · x + coefficient, in place. */
function stepOf(value: Uint8Array, x: number, coefficient: Uint8Array): void {
  for (let i = 0; i < value.length; i++) value[i] = multiply(value[i] ?? 0, x) ^ (coefficient[i] ?? 0)
}

function multiply(a: number, b: number): number {
  let product = 0
  let power = a
  for (let bit = 0; bit < 8; bit++) {
    // A mask of ones or zeros in place of a branch.
    product ^= power & -((b >> bit) & 1)
    power = ((power << 1) & 0xff) ^ (0x1b & -(power >> 7))
  }
  return product
}

/** a^254; 0 has none and gives 0. */
function invert(a: number): number {
  let result = 1
  let square = a
  // 254 = 2 + 4 + … + 128
  for (let bit = 1; bit < 8; bit++) {
    square = multiply(square, square)
    result = multiply(result, square)
  }
  return result
}
