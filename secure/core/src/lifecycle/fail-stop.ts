/**
 * Fail-stop: whatever shows that the store, or this application, cannot be relied on ends it, and nothing is answered
 * from then on. The first such error is the one that is told. Spec: docs/protocol/10-tee-abi.md §10.3.
 *
 * @module
 */
import type { ErrorCode } from '../../../../shared/protocol/src/index.ts'
import { refusalOf } from '../errors.ts'

export class FailStop {
  #code: ErrorCode | undefined

  /** Why it ends; undefined while it does not. */
  get code(): ErrorCode | undefined {
    return this.#code
  }

  /** Runs a step; an error that escapes it ends the application. @returns undefined then. */
  guard<T>(step: () => T): T | undefined {
    try {
      return step()
    } catch (error) {
      this.#code ??= refusalOf(error)?.code ?? 'TEE_FAULT'
      return undefined
    }
  }
}
