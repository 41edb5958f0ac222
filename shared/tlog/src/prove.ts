/**
 * Making inclusion and consistency proofs from stored complete subtrees. RFC 6962 §2.1.1 and §2.1.2, with the
 * recursions walked from the root down: at most 53 levels, O(log size) node reads.
 *
 * @module
 */
import type { Crypto } from '../../crypto/src/index.ts'
import { LogError } from './errors.ts'
import { nodeHash } from './hash.ts'
import { checkIndex, checkSize, peaks, type ReadNode, splitPoint } from './nodes.ts'

/**
 * Hashes of ranges that reach to the end of a log, by where they start. Proofs of many entries at one size share them:
 * a caller that makes many keeps one map for each size.
 */
export type EdgeHashes = Map<number, Uint8Array>

/**
 * PATH(index, D[size]) of RFC 6962 §2.1.1.
 *
 * @param edges of this size only.
 * @returns sibling hashes, 32 bytes each, leaf side first; empty for the only entry of a log of size 1.
 * @throws {LogError} `LOG_SIZE_INVALID` unless 0 ≤ index < size.
 */
export function inclusionProof(
  crypto: Crypto,
  readNode: ReadNode,
  index: number,
  size: number,
  edges?: EdgeHashes,
): Uint8Array[] {
  checkIndex(index, size)
  const proof: Uint8Array[] = []
  let start = 0
  let width = size
  while (width > 1) {
    const k = splitPoint(width)
    if (index < start + k) {
      const isEdge = start + width === size
      const known = isEdge ? edges?.get(start + k) : undefined
      const hash = known ?? rangeHash(crypto, readNode, start + k, width - k)
      if (isEdge && known === undefined) edges?.set(start + k, hash)
      proof.push(hash.slice())
      width = k
    } else {
      proof.push(rangeHash(crypto, readNode, start, k))
      start += k
      width -= k
    }
  }
  return proof.toReversed()
}

/**
 * PROOF(oldSize, D[newSize]) of RFC 6962 §2.1.2: that the first `oldSize` entries are still the first ones.
 *
 * @returns hashes, 32 bytes each; empty if the sizes are equal.
 * @throws {LogError} `LOG_SIZE_INVALID` unless 0 < oldSize ≤ newSize. An empty log is the start of every log:
 * there is nothing to prove from it, and an empty proof must never pass for something shown.
 */
export function consistencyProof(crypto: Crypto, readNode: ReadNode, oldSize: number, newSize: number): Uint8Array[] {
  checkGrowth(oldSize, newSize)
  const proof: Uint8Array[] = []
  let start = 0
  let width = newSize
  let known = true // whether the verifier can compute the left part from the old root alone: b of the RFC
  while (oldSize - start !== width) {
    const k = splitPoint(width)
    if (oldSize - start <= k) {
      proof.push(rangeHash(crypto, readNode, start + k, width - k))
      width = k
    } else {
      proof.push(rangeHash(crypto, readNode, start, k))
      start += k
      width -= k
      known = false
    }
  }
  if (!known) proof.push(rangeHash(crypto, readNode, start, width))
  return proof.toReversed()
}

/** @throws {LogError} `LOG_SIZE_INVALID` unless 0 < oldSize ≤ newSize ≤ 2^53 - 1. */
export function checkGrowth(oldSize: number, newSize: number): void {
  checkSize(oldSize)
  checkSize(newSize)
  if (oldSize === 0 || oldSize > newSize) {
    throw new LogError('LOG_SIZE_INVALID', 'a log cannot grow from that size to the other')
  }
}

/** The hash over `width` leaves from `start` on, which is a multiple of the next power of two from `width` up. */
function rangeHash(crypto: Crypto, readNode: ReadNode, start: number, width: number): Uint8Array {
  let hash: Uint8Array | undefined
  for (const { level, index } of peaks(width).toReversed()) {
    const tile = readNode(level, index + start / 2 ** level)
    hash = hash === undefined ? tile : nodeHash(crypto, tile, hash)
  }
  // Unreached: proofs ask for ranges with leaves only.
  if (hash === undefined) throw new RangeError('an empty range has no place in a proof')
  return hash.slice()
}
