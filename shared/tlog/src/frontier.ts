/**
 * The right edge of a growing log: the hashes of the complete subtrees that tile it (a compact range from leaf 0).
 * It is all that appending and the root need: at most 53 hashes, whatever the size. RFC 6962 §2.1.
 *
 * @module
 */
import { type Crypto, requireLength, SHA256_BYTES } from '../../crypto/src/index.ts'
import { emptyRoot, nodeHash } from './hash.ts'
import { checkSize, peaks, type ReadNode, type TreeNode } from './nodes.ts'

export class Frontier {
  readonly #crypto: Crypto
  readonly #tiles: TreeNode[] // largest first, levels strictly falling
  #size: number

  private constructor(crypto: Crypto, tiles: TreeNode[], size: number) {
    this.#crypto = crypto
    this.#tiles = tiles
    this.#size = size
  }

  /** The frontier of a log with no entries. */
  static empty(crypto: Crypto): Frontier {
    return new Frontier(crypto, [], 0)
  }

  /**
   * The frontier of a stored log; reads one node for each 1 bit of `size`.
   *
   * It trusts `readNode`: compare `root()` with a root you hold before you use it.
   * @throws {LogError} `LOG_SIZE_INVALID`
   */
  static load(crypto: Crypto, readNode: ReadNode, size: number): Frontier {
    checkSize(size)
    const tiles = peaks(size).map(({ level, index }) => {
      const hash = readNode(level, index)
      requireLength('a stored node', hash, SHA256_BYTES)
      return { level, index, hash: hash.slice() }
    })
    return new Frontier(crypto, tiles, size)
  }

  /** Number of entries. */
  get size(): number {
    return this.#size
  }

  /**
   * Appends one leaf.
   *
   * @param leaf 32 bytes, from `leafHash`; copied.
   * @returns the nodes this leaf completes, the leaf first, in the order of `nodeId`. The caller stores them.
   * @throws {LogError} `LOG_SIZE_INVALID` at 2^53 - 1 entries.
   */
  append(leaf: Uint8Array): readonly TreeNode[] {
    requireLength('leaf', leaf, SHA256_BYTES)
    checkSize(this.#size + 1)
    let node: TreeNode = { level: 0, index: this.#size, hash: leaf.slice() }
    const completed = [node]
    for (let left = this.#tiles.at(-1); left?.level === node.level; left = this.#tiles.at(-1)) {
      this.#tiles.pop()
      node = { level: node.level + 1, index: left.index / 2, hash: nodeHash(this.#crypto, left.hash, node.hash) }
      completed.push(node)
    }
    this.#tiles.push(node)
    this.#size += 1
    return completed
  }

  /** 32 bytes, the Merkle tree hash of RFC 6962 §2.1 over all entries. */
  root(): Uint8Array {
    let root: Uint8Array | undefined
    for (const tile of this.#tiles.toReversed()) {
      root = root === undefined ? tile.hash : nodeHash(this.#crypto, tile.hash, root)
    }
    return root === undefined ? emptyRoot(this.#crypto) : root.slice()
  }

  /** An independent copy: appending to one leaves the other as it is. */
  clone(): Frontier {
    return new Frontier(this.#crypto, [...this.#tiles], this.#size)
  }
}

/** 32 bytes, the root over `leafHashes` (each from `leafHash`). For small lists; a log keeps a `Frontier`. */
export function merkleRoot(crypto: Crypto, leafHashes: readonly Uint8Array[]): Uint8Array {
  const frontier = Frontier.empty(crypto)
  for (const leaf of leafHashes) frontier.append(leaf)
  return frontier.root()
}
