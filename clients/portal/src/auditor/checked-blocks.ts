/**
 * Hashes of the blocks that this browser has checked, kept over a reload: the next run compares each block with the hash
 * kept here and goes on after the last one. The hash of a block covers everything before it.
 *
 * Limits: believed as far as this browser's storage is; "from the first block again" does without it.
 *
 * @module
 */
const HASH_BYTES = 32
const BLOCKS_A_CHUNK = 256
const CHUNK_BYTES = HASH_BYTES * BLOCKS_A_CHUNK

/** What a finished check found, for the next visit. */
export interface LastCheck {
  readonly endedMs: number
  readonly blocks: number
  readonly faults: number
  readonly skipped: number
  readonly notes: number
}

/** Where the hashes of one identity's check are kept. Every promise resolves when it is durable. */
export interface CheckStorage {
  /** Chunks in order, each full but the last. */
  load(): Promise<{ readonly chunks: readonly Uint8Array[]; readonly savedMs: number; readonly last?: LastCheck }>
  put(chunk: number, hashes: Uint8Array, savedMs: number): Promise<void>
  putLast(last: LastCheck): Promise<void>
  /** Hashes and the last check. */
  clear(): Promise<void>
}

export class CheckedBlocks {
  readonly #storage: CheckStorage
  readonly #chunks: Uint8Array[]
  #count: number
  /** Blocks that are durable. */
  #saved: number
  #savedMs: number
  #last: LastCheck | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(storage: CheckStorage, { chunks, savedMs, last }: Awaited<ReturnType<CheckStorage['load']>>) {
    this.#storage = storage
    this.#chunks = []
    this.#count = 0
    for (const chunk of chunks) {
      const room = new Uint8Array(CHUNK_BYTES)
      room.set(chunk.subarray(0, CHUNK_BYTES))
      this.#chunks.push(room)
      this.#count += Math.floor(Math.min(chunk.length, CHUNK_BYTES) / HASH_BYTES)
      // A chunk after one that is not full would be of another run.
      if (chunk.length < CHUNK_BYTES) break
    }
    this.#saved = this.#count
    this.#savedMs = savedMs
    this.#last = last
  }

  static async open(storage: CheckStorage): Promise<CheckedBlocks> {
    return new CheckedBlocks(storage, await storage.load())
  }

  get count(): number {
    return this.#count
  }

  get savedMs(): number {
    return this.#savedMs
  }

  get last(): LastCheck | undefined {
    return this.#last
  }

  /** Hash of a block that was checked before. */
  hashOf(number: number): Uint8Array | undefined {
    if (number >= this.#count) return undefined
    const at = (number % BLOCKS_A_CHUNK) * HASH_BYTES
    return this.#chunks[Math.floor(number / BLOCKS_A_CHUNK)]?.slice(at, at + HASH_BYTES)
  }

  /** The newest of them: a chain that does not contain it is another one. */
  get head(): { readonly number: number; readonly hash: Uint8Array } | undefined {
    const hash = this.hashOf(this.#count - 1)
    return hash === undefined || this.#count === 0 ? undefined : { number: this.#count - 1, hash }
  }

  /** Notes the next block; one that is known already changes nothing. */
  take(number: number, hash: Uint8Array): void {
    if (number !== this.#count) return
    const chunk = Math.floor(number / BLOCKS_A_CHUNK)
    const bytes = (this.#chunks[chunk] ??= new Uint8Array(CHUNK_BYTES))
    bytes.set(hash, (number % BLOCKS_A_CHUNK) * HASH_BYTES)
    this.#count++
  }

  /** What was taken until now is durable when this resolves. */
  save(nowMs: number): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write(nowMs))
    return this.#writing
  }

  async keepLast(last: LastCheck): Promise<void> {
    this.#last = last
    await this.#storage.putLast(last)
  }

  async clear(): Promise<void> {
    await this.#writing
    this.#chunks.length = 0
    this.#count = this.#saved = 0
    this.#last = undefined
    await this.#storage.clear()
  }

  async #write(nowMs: number): Promise<void> {
    const count = this.#count
    if (count === this.#saved) return
    for (let chunk = Math.floor(this.#saved / BLOCKS_A_CHUNK); chunk * BLOCKS_A_CHUNK < count; chunk++) {
      const blocks = Math.min(BLOCKS_A_CHUNK, count - chunk * BLOCKS_A_CHUNK)
      const hashes = (this.#chunks[chunk] as Uint8Array).slice(0, blocks * HASH_BYTES)
      await this.#storage.put(chunk, hashes, nowMs)
    }
    this.#saved = count
    this.#savedMs = nowMs
  }
}
