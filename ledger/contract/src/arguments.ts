/**
 * Arguments: from text to a checked value. Whatever is wrong with one is `LEDGER_BAD_ARGUMENT`.
 *
 * @module
 */
import { LedgerError, refuseAs } from '../../../shared/ledger-model/src/index.ts'
import { parseJson, type Shape } from '../../../shared/protocol/src/index.ts'

const MAX_JSON_ARGUMENT_BYTES = 131_072

/** An argument that is one identifier or word. */
export function plainArgument<T>(shape: Shape<T>, name: string, text: string): T {
  return refuseAs('LEDGER_BAD_ARGUMENT', () => shape(text, name))
}

/** An argument that is JSON: strict, unknown and repeated members refused. */
export function jsonArgument<T>(shape: Shape<T>, name: string, text: string): T {
  return refuseAs('LEDGER_BAD_ARGUMENT', () => shape(parseJson(text, { maxBytes: MAX_JSON_ARGUMENT_BYTES }), name))
}

/** An unsigned decimal integer in its one form. */
export function numberArgument(name: string, text: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw badArgument(name)
  return value
}

/** A bookmark of an earlier page, or nothing. */
export function bookmarkArgument(text: string): string {
  if (text.length > 256 || !/^[\u0021-\u007e]*$/.test(text)) throw badArgument('bookmark')
  return text
}

export function badArgument(name: string): LedgerError {
  return new LedgerError('LEDGER_BAD_ARGUMENT', `${name} is not as docs/protocol/07-ledger.md says`)
}
