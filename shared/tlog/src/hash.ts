/**
 * The hashes of RFC 6962 §2.1 (the same as RFC 9162 §2.1.1), with SHA-256.
 *
 * These inputs carry no `trusthealth/1` label, the only ones that do not: the bytes 0x00 and 0x01 are the
 * standard's own separation, and with a label no other transparency-log verifier could check our proofs. They
 * cannot meet a labelled input, because every label starts with 0x74 (`t`). What a leaf means is said inside it:
 * docs/protocol/06-log-and-checkpoints.md §6.1.
 *
 * @module
 */
import { concat, type Crypto, requireLength, SHA256_BYTES } from '../../crypto/src/index.ts'

const LEAF = Uint8Array.of(0x00)
// One part, and always the same array: hashing it is all the time there is, and a new array would double it. The port
// is synchronous and keeps nothing; what is left in here is public.
const NODE_INPUT = new Uint8Array(1 + 2 * SHA256_BYTES).fill(0x01, 0, 1)

/** 32 bytes, SHA-256(0x00 ‖ entry). */
export function leafHash(crypto: Crypto, entry: Uint8Array): Uint8Array {
  return crypto.sha256(concat(LEAF, entry))
}

/**
 * 32 bytes, SHA-256(0x01 ‖ left ‖ right).
 *
 * @param left 32 bytes. @param right 32 bytes. @throws {RangeError} for other lengths.
 */
export function nodeHash(crypto: Crypto, left: Uint8Array, right: Uint8Array): Uint8Array {
  requireLength('left', left, SHA256_BYTES)
  requireLength('right', right, SHA256_BYTES)
  NODE_INPUT.set(left, 1)
  NODE_INPUT.set(right, 1 + SHA256_BYTES)
  return crypto.sha256(NODE_INPUT)
}

/** 32 bytes, the root of a log with no entries: SHA-256 of the empty string. */
export function emptyRoot(crypto: Crypto): Uint8Array {
  return crypto.sha256(new Uint8Array(0))
}
