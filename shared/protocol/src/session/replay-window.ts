/**
 * A sliding window over sequence numbers: each is accepted once, and late ones only while they are near the newest.
 * The ring of words is RFC 6479's; twice the window, so that moving on only clears words. Spec: §5.7.
 *
 * @module
 */

/** Sequence numbers behind the newest one that may still arrive. */
export const REPLAY_WINDOW = 1_024

/** Which sequence numbers may still arrive. `isFresh` is asked before, `mark` called after a record is authenticated. */
export interface Freshness {
  isFresh(seq: number): boolean
  mark(seq: number): void
}

const WORDS = (2 * REPLAY_WINDOW) / 32

/** What the server keeps for the numbers of a client's requests. */
export class ReplayWindow implements Freshness {
  readonly #seen = new Uint32Array(WORDS)
  #newest = -1

  /** Whether `seq` (0 to 2^31 - 1) is neither seen nor too old. Changes nothing: the record may be a forgery yet. */
  isFresh(seq: number): boolean {
    if (seq > this.#newest) return true
    if (this.#newest - seq >= REPLAY_WINDOW) return false
    return ((this.#seen[(seq >>> 5) % WORDS] as number) & (1 << (seq & 31))) === 0
  }

  /** Remembers a fresh `seq`. Called only after its record was authenticated. */
  mark(seq: number): void {
    if (seq > this.#newest) {
      const from = this.#newest < 0 ? 0 : (this.#newest >>> 5) + 1
      const to = seq >>> 5
      for (let word = Math.max(from, to - WORDS + 1); word <= to; word++) this.#seen[word % WORDS] = 0
      this.#newest = seq
    }
    const word = (seq >>> 5) % WORDS
    this.#seen[word] = (this.#seen[word] as number) | (1 << (seq & 31))
  }
}
