/**
 * Names of the stored nodes of a log. Only complete subtrees are stored: node (level, index) covers the 2^level
 * leaves from index·2^level on and never changes once written. Everything else is computed from them.
 *
 * Sizes and indices are safe integers up to 2^53 - 1, so no bitwise operator touches them: those cut to 32 bits.
 *
 * @module
 */
import { LogError } from './errors.ts'

/** Reads the hash of one complete subtree. The caller vouches for the answer; proofs made of it are as good as it. */
export type ReadNode = (level: number, index: number) => Uint8Array

/** A complete subtree and its hash (32 bytes), as `Frontier.append` hands them out for storing. */
export interface TreeNode {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}

/**
 * One number for each node, dense and in the order in which nodes complete, so that a table keyed by it is only
 * ever appended to: a node comes right after its right child. The numbering of Go's `sumdb/tlog` (StoredHashIndex).
 *
 * @returns a safe integer; below 2·size for the nodes of a log with `size` entries.
 * @throws {RangeError} past 2^53 - 1.
 */
export function nodeId(level: number, index: number): number {
  // The node completes when its last leaf is appended. Count the nodes complete before that leaf, then climb.
  const lastLeaf = (index + 1) * 2 ** level - 1
  let id = level
  for (let count = lastLeaf; count > 0; count = Math.floor(count / 2)) id += count
  if (!Number.isSafeInteger(id) || index < 0 || level < 0) throw new RangeError('node outside the numbering')
  return id
}

/** How many nodes a log of `size` entries has stored: the ids 0 to this number - 1. */
export function nodeCount(size: number): number {
  let count = 0
  for (let width = size; width > 0; width = Math.floor(width / 2)) count += width
  return count
}

/** @throws {LogError} `LOG_SIZE_INVALID` if `size` is not an integer from 0 to 2^53 - 1. */
export function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new LogError('LOG_SIZE_INVALID', 'not a log size')
}

/** @throws {LogError} `LOG_SIZE_INVALID` unless 0 ≤ index < size ≤ 2^53 - 1. */
export function checkIndex(index: number, size: number): void {
  checkSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new LogError('LOG_SIZE_INVALID', 'no entry with that index at that size')
  }
}

/** The largest power of two below `size`; `size` is at least 2. RFC 6962 §2.1 calls it k. */
export function splitPoint(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

/** The complete subtrees that tile `size` leaves, left to right: one for each 1 bit of `size`, largest first. */
export function peaks(size: number): readonly { readonly level: number; readonly index: number }[] {
  const tiles: { level: number; index: number }[] = []
  let start = 0
  while (start < size) {
    let level = 0
    while (2 ** (level + 1) <= size - start) level++
    tiles.push({ level, index: start / 2 ** level })
    start += 2 ** level
  }
  return tiles
}
