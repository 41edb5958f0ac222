/**
 * Errors of commands: a code of docs/errors.md and, where the table's words are not enough, those of this case.
 * Whatever else is thrown is looked through for its code; what has none is a fault of this program.
 *
 * @module
 */
import { ERROR_TABLE, isErrorCode, type ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import type { ErrorView } from './output.ts'

export interface CommandErrorWords {
  /** One sentence: what happened. Default: the table's meaning. */
  readonly what?: string
  /** Names, times and ids of this case. */
  readonly reason?: string
  /** What to do, as a command where there is one. Default: the table's action. */
  readonly next?: string
  readonly cause?: unknown
  /** For `--json`: what was done before. */
  readonly data?: unknown
}

export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: ErrorCode
  readonly words: CommandErrorWords
  constructor(code: ErrorCode, words: CommandErrorWords = {}) {
    super(words.what ?? ERROR_TABLE[code].meaning, words.cause === undefined ? undefined : { cause: words.cause })
    this.code = code
    this.words = words
  }
}

export function usageError(what: string, next?: string): CommandError {
  return new CommandError('CLIENT_USAGE', next === undefined ? { what } : { what, next })
}

/** The code of anything thrown, `SERVICE_FAULT` if it has none of ours. */
export function codeOfFailure(error: unknown): ErrorCode | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return isErrorCode(code) ? code : undefined
}

/** What `Output.error` prints of it. */
export function errorView(error: unknown): ErrorView {
  const code = codeOfFailure(error)
  if (code === undefined) return { code: 'UNEXPECTED', what: 'An unexpected fault.', cause: messageOf(error) }
  if (error instanceof CommandError) {
    const { what, reason, next, data } = error.words
    return { code, what, cause: reason, next, data }
  }
  return { code }
}

/**
 * Puts what was being done before the meaning: "Not read: the permission has ended."
 * @param what without a full stop: "Not read".
 */
export async function doing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === undefined || (error instanceof CommandError && error.words.what !== undefined)) throw error
    const words = error instanceof CommandError ? error.words : {}
    const { meaning } = ERROR_TABLE[code]
    throw new CommandError(code, { ...words, what: `${what}: ${lowerFirst(meaning)}`, cause: error })
  }
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
