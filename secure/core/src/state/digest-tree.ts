/**
 * A Merkle tree of fixed shape over 2^bits digests, all in memory (2^bits · 64 bytes). Inner nodes are RFC 6962 nodes;
 * the leaves are the digests themselves, which are labelled hashes and so cannot be mistaken for nodes.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.7.
 *
 * @module
 */
import { type Crypto, SHA256_BYTES } from '../../../../shared/crypto/src/index.ts'
import { nodeHash } from '../../../../shared/tlog/src/index.ts'

export class DigestTree {
  readonly #crypto: Crypto
  /** Number of leaves. */
  readonly width: number
  readonly #nodes: Uint8Array // node n at n·32; 1 is the root, children of n are 2n and 2n + 1, leaf b is width + b
  #dirty = new Set<number>() // leaves whose ancestors are out of date
  readonly #before = new Map<number, Uint8Array>() // digests at the last `commit`, of the leaves changed since

  /** @param bits the depth. @param fill 32 bytes, the digest of every leaf at first. */
  constructor(crypto: Crypto, bits: number, fill: Uint8Array) {
    this.#crypto = crypto
    this.width = 2 ** bits
    this.#nodes = new Uint8Array(2 * this.width * SHA256_BYTES)
    let hash = fill
    for (let first = this.width; first >= 1; first /= 2) {
      for (let node = first; node < 2 * first; node++) this.#nodes.set(hash, node * SHA256_BYTES)
      hash = nodeHash(crypto, hash, hash)
    }
  }

  /** 32 bytes; a view, valid until the next `set` or `discard`. */
  digest(leaf: number): Uint8Array {
    return this.#node(this.width + leaf)
  }

  set(leaf: number, digest: Uint8Array): void {
    if (!this.#before.has(leaf)) this.#before.set(leaf, this.digest(leaf).slice())
    this.#nodes.set(digest, (this.width + leaf) * SHA256_BYTES)
    this.#dirty.add(leaf)
  }

  /** 32 bytes. Each node above a changed leaf is computed once, however many leaves below it changed. */
  root(): Uint8Array {
    let level = new Set<number>()
    for (const leaf of this.#dirty) level.add((this.width + leaf) >> 1)
    while (level.size > 0) {
      const above = new Set<number>()
      for (const node of level) {
        const hash = nodeHash(this.#crypto, this.#node(2 * node), this.#node(2 * node + 1))
        this.#nodes.set(hash, node * SHA256_BYTES)
        if (node > 1) above.add(node >> 1)
      }
      level = above
    }
    this.#dirty = new Set()
    return this.#node(1).slice()
  }

  /** The digests of now are those to return to. */
  commit(): void {
    this.#before.clear()
  }

  /** Back to the digests at the last `commit`. */
  discard(): void {
    for (const [leaf, digest] of this.#before) {
      this.#nodes.set(digest, (this.width + leaf) * SHA256_BYTES)
      this.#dirty.add(leaf)
    }
    this.#before.clear()
  }

  #node(node: number): Uint8Array {
    return this.#nodes.subarray(node * SHA256_BYTES, (node + 1) * SHA256_BYTES)
  }
}
