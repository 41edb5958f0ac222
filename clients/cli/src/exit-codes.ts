/**
 * Exit codes of `trusthealth`, from the kind of an error. `trusthealth help exit-codes` prints this table.
 *
 * @module
 */
import { ERROR_TABLE, isErrorCode, type ErrorKind } from '../../../shared/protocol/src/error-table.ts'

export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  cancelled: 3,
  signIn: 4,
  refused: 5,
  checkFailed: 6,
  unavailable: 7,
  partlyDone: 8,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_MEANING: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'an unexpected fault; the path of the log is printed',
  2: 'the command was called wrongly',
  3: 'you cancelled it',
  4: 'a key or sign-in is needed',
  5: 'refused: no permission allows it',
  6: 'a check failed, or could not run: do not rely on what was checked',
  7: 'a part is unavailable; a retry helps',
  8: 'partly done: some items were refused',
  130: 'interrupted',
}

const BY_KIND = {
  usage: EXIT.usage,
  refused: EXIT.refused,
  check: EXIT.checkFailed,
  unavailable: EXIT.unavailable,
  'sign-in': EXIT.signIn,
  internal: EXIT.unexpected,
} as const satisfies Record<ErrorKind, ExitCode>

/** Codes whose exit differs from that of their kind. */
const BY_CODE: Readonly<Record<string, ExitCode>> = {
  CLIENT_CANCELLED: EXIT.cancelled,
  CLIENT_PARTLY_DONE: EXIT.partlyDone,
  CLIENT_INTERRUPTED: EXIT.interrupted,
}

export function exitCodeOf(code: string): ExitCode {
  return BY_CODE[code] ?? (isErrorCode(code) ? BY_KIND[ERROR_TABLE[code].kind] : EXIT.unexpected)
}
