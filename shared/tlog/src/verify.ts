/**
 * Checking inclusion and consistency proofs, as RFC 9162 §2.1.3.2 and §2.1.4.2 write it down (the trees are those
 * of RFC 6962). Needs no tree, only the roots, which the caller has from a verified checkpoint.
 *
 * Strict: a proof with one hash too many or too few is refused, and so is one from or to an impossible size.
 * But a root does not name its size: some proofs at size n also lead to the same root under a false size n + 1. So
 * size and root are taken together, from one signed checkpoint.
 *
 * @module
 */
import { type Crypto, equalBytes, SHA256_BYTES } from '../../crypto/src/index.ts'
import { LogError } from './errors.ts'
import { nodeHash } from './hash.ts'
import { checkIndex } from './nodes.ts'
import { checkGrowth } from './prove.ts'

/** No proof between safe sizes is longer: 53 levels, and one hash more for consistency. */
export const MAX_PROOF_HASHES = 54

/**
 * Checks that the entry with `leafHash` stands at `index` in the log with `size` entries and that `root`.
 *
 * @param leafHash 32 bytes, computed by the caller from the entry: never taken from whoever sent the proof.
 * @throws {LogError} `LOG_SIZE_INVALID`, `LOG_PROOF_INVALID`
 */
export function verifyInclusion(
  crypto: Crypto,
  leafHash: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  checkIndex(index, size)
  checkHashes([leafHash, root, ...checkLength(proof)])
  let fn = index
  let sn = size - 1
  let hash = leafHash
  for (const sibling of proof) {
    if (sn === 0) throw invalid()
    if (isOdd(fn) || fn === sn) {
      hash = nodeHash(crypto, sibling, hash)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      hash = nodeHash(crypto, hash, sibling)
    }
    fn = half(fn)
    sn = half(sn)
  }
  if (sn !== 0 || !equalBytes(hash, root)) throw invalid()
}

/**
 * Checks that the log with `newSize` and `newRoot` starts with the log with `oldSize` and `oldRoot`.
 *
 * @throws {LogError} `LOG_SIZE_INVALID` (from size 0 too: there is nothing to prove); `LOG_PROOF_INVALID` if this
 * cannot be a proof between these sizes; `LOG_NOT_CONSISTENT` if it does not lead to both roots.
 */
export function verifyConsistency(
  crypto: Crypto,
  oldSize: number,
  newSize: number,
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  checkGrowth(oldSize, newSize)
  checkHashes([oldRoot, newRoot, ...checkLength(proof)])
  if (oldSize === newSize) {
    if (proof.length !== 0) throw invalid()
    if (!equalBytes(oldRoot, newRoot)) throw notConsistent()
    return
  }
  let fn = oldSize - 1
  let sn = newSize - 1
  while (isOdd(fn)) {
    fn = half(fn)
    sn = half(sn)
  }
  // If the old log is one complete subtree (fn is 0 now), its root is the first hash and is not sent.
  const [first, ...rest] = fn === 0 ? [oldRoot, ...proof] : proof
  if (first === undefined || proof.length === 0) throw invalid()
  let oldHash = first
  let newHash = first
  for (const hash of rest) {
    if (sn === 0) throw invalid()
    if (isOdd(fn) || fn === sn) {
      oldHash = nodeHash(crypto, hash, oldHash)
      newHash = nodeHash(crypto, hash, newHash)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      newHash = nodeHash(crypto, newHash, hash)
    }
    fn = half(fn)
    sn = half(sn)
  }
  if (sn !== 0) throw invalid()
  if (!equalBytes(oldHash, oldRoot) || !equalBytes(newHash, newRoot)) throw notConsistent()
}

function checkLength(proof: readonly Uint8Array[]): readonly Uint8Array[] {
  if (proof.length > MAX_PROOF_HASHES) throw invalid()
  return proof
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) if (hash.length !== SHA256_BYTES) throw invalid()
}

function isOdd(n: number): boolean {
  return n % 2 === 1
}

function half(n: number): number {
  return Math.floor(n / 2)
}

function invalid(): LogError {
  return new LogError('LOG_PROOF_INVALID', 'the proof does not lead to the root')
}

function notConsistent(): LogError {
  return new LogError('LOG_NOT_CONSISTENT', 'the newer log does not start with the older one')
}
