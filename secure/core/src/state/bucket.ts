/**
 * The content of one bucket of the authenticated state: entries key(32) ‖ value(32), sorted by key, no key twice.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.7.
 *
 * @module
 */
import { SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'

const ENTRY_BYTES = 2 * SHA256_BYTES

/** The content of a bucket without entries. It is not stored: its row is absent. */
export const EMPTY_CONTENT = new Uint8Array(0)

/** A new value of one key, or `undefined` to take the key out. */
export interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** Number of the bucket that holds `key`: its first `bits` bits. @param bits 1 to 20. */
export function bucketOf(key: Uint8Array, bits: number): number {
  const [a = 0, b = 0, c = 0] = key
  return ((a << 16) | (b << 8) | c) >> (24 - bits)
}

/** The value of `key` in `content` (a copy), or `undefined`. */
export function findValue(content: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  let low = 0
  let high = content.length / ENTRY_BYTES
  while (low < high) {
    const middle = (low + high) >> 1
    const order = compareAt(content, middle * ENTRY_BYTES, key, 0)
    if (order === 0) return content.slice(middle * ENTRY_BYTES + SHA256_BYTES, (middle + 1) * ENTRY_BYTES)
    if (order < 0) low = middle + 1
    else high = middle
  }
  return undefined
}

/** A new content with the changes made; no two changes have one key. */
export function applyChanges(content: Uint8Array, changes: readonly Change[]): Uint8Array {
  const sorted = changes.toSorted((a, b) => compareAt(a.key, 0, b.key, 0))
  const out = new Uint8Array(content.length + sorted.length * ENTRY_BYTES)
  let from = 0
  let to = 0
  for (const { key, value } of sorted) {
    const start = from
    while (from < content.length && compareAt(content, from, key, 0) < 0) from += ENTRY_BYTES
    out.set(content.subarray(start, from), to)
    to += from - start
    if (from < content.length && compareAt(content, from, key, 0) === 0) from += ENTRY_BYTES
    if (value !== undefined) {
      out.set(key, to)
      out.set(value, to + SHA256_BYTES)
      to += ENTRY_BYTES
    }
  }
  out.set(content.subarray(from), to)
  return out.subarray(0, to + content.length - from)
}

/** Order of the 32 bytes at `a[aAt]` and `b[bAt]`: negative, zero or positive. Keys are public: no constant time. */
function compareAt(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  for (let i = 0; i < SHA256_BYTES; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return 0
}
