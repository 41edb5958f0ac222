/**
 * How a read-only function ended: with a result, or refused.
 *
 * @module
 */
import { literal, type Shape } from '../../protocol/src/index.ts'
import { isLedgerErrorCode, type LedgerErrorCode } from './errors.ts'

/** 200, or the code with which the contract function refused. */
export type ReadStatus = 200 | LedgerErrorCode

export interface ReadResult {
  readonly status: ReadStatus
  /** Empty unless the status is 200. */
  readonly result: string
}

export const readStatusShape: Shape<ReadStatus> = (value, where) => {
  if (isLedgerErrorCode(value)) return value
  return literal(200)(value, where)
}
