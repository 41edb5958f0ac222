/**
 * Contents of buckets of the authenticated state, in memory: checked when they were read, or made here. Bounded by
 * bytes; the bucket that was used longest ago goes first.
 *
 * @module
 */

/** What a bucket costs besides its content, in the engine that takes most for it: a typed array, its buffer, an entry here. */
const OVERHEAD_BYTES = 512

export class BucketCache {
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #contents = new Map<number, Uint8Array>()
  #bytes = 0

  /** @param maxBytes 0: nothing is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Not a copy: contents are never written to. */
  get(bucket: number): Uint8Array | undefined {
    const content = this.#contents.get(bucket)
    if (content === undefined) return undefined
    this.#contents.delete(bucket)
    this.#contents.set(bucket, content)
    return content
  }

  set(bucket: number, content: Uint8Array): void {
    this.#remove(bucket)
    this.#contents.set(bucket, content)
    this.#bytes += content.length + OVERHEAD_BYTES
    for (const oldest of this.#contents.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.#remove(oldest)
    }
  }

  clear(): void {
    this.#contents.clear()
    this.#bytes = 0
  }

  #remove(bucket: number): void {
    const content = this.#contents.get(bucket)
    if (content === undefined) return
    this.#contents.delete(bucket)
    this.#bytes -= content.length + OVERHEAD_BYTES
  }
}
