/**
 * Copies of another server's store, which the host puts in place.
 *
 * @module
 */
import { StorageError, TrustedApplicationError } from '../errors.ts'

/**
 * Opens a copy. One that is no good is nobody's store yet: it is refused, and another one comes.
 * @throws {TrustedApplicationError} with the code of what is wrong with the copy.
 */
export function refusingCopies<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw error instanceof StorageError ? new TrustedApplicationError(error.code, { cause: error }) : error
  }
}
