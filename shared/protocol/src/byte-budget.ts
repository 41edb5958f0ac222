/**
 * How many bytes of messages a service takes at once: what is being received or worked on counts, whoever it is from.
 * Imported by its path: the trusted application has no use for it.
 *
 * @module
 */
import type { ErrorCode } from './error-table.ts'
import { ProtocolError } from './errors.ts'

/** Bytes of bodies that are being received or worked on. */
export class ByteBudget {
  readonly #limit: number
  readonly #code: ErrorCode
  #taken = 0

  /** @param code with which more is refused. */
  constructor(limit: number, code: ErrorCode) {
    this.#limit = limit
    this.#code = code
  }

  get taken(): number {
    return this.#taken
  }

  /** @throws {ProtocolError} the code; give back what was taken with the result, once. */
  take(bytes: number): () => void {
    if (this.#taken + bytes > this.#limit) throw new ProtocolError(this.#code, 'too many bytes at once')
    this.#taken += bytes
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      this.#taken -= bytes
    }
  }
}
