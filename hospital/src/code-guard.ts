/**
 * Wrong codes are counted: who guesses is stopped long before a guess is right.
 *
 * Limits: 20 wrong codes of one address a minute, 600 of all; 12 characters of 31 are some 59 bits.
 *
 * @module
 */
import { ProtocolError } from '../../shared/protocol/src/index.ts'

const WINDOW_MS = 60_000
const MAX_WRONG = 20
const MAX_WRONG_OF_ALL = 600

export class CodeGuard {
  readonly #wrong = new Map<string, number>()
  #all = 0
  #sinceMs = 0

  /**
   * Does what a code allows.
   * @throws {ProtocolError} `HTTP_RATE_LIMITED` before `work` is tried; what `work` throws.
   */
  async guard<T>(address: string, nowMs: number, work: () => Promise<T> | T): Promise<T> {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#wrong.clear()
      this.#all = 0
      this.#sinceMs = nowMs
    }
    if ((this.#wrong.get(address) ?? 0) >= MAX_WRONG || this.#all >= MAX_WRONG_OF_ALL) {
      throw new ProtocolError('HTTP_RATE_LIMITED', 'too many wrong codes')
    }
    try {
      return await work()
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'INVITATION_UNKNOWN') {
        this.#all++
        this.#wrong.set(address, (this.#wrong.get(address) ?? 0) + 1)
      }
      throw error
    }
  }
}
