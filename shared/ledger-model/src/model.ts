/**
 * Results and arguments of the contract's functions: types, shapes, and how a reader parses a result.
 *
 * @module
 */
import { parseJson, type Shape } from '../../protocol/src/index.ts'
import { refuseAs } from './decode.ts'
import { MAX_ENDORSED_ANSWER_BYTES } from './limits.ts'

export * from './checkpoints.ts'
export * from './commitments.ts'
export * from './misuse.ts'
export * from './participants.ts'
export * from './patients.ts'
export * from './programs.ts'
export * from './retention.ts'
export * from './successions.ts'

/**
 * Parses the result text of a function. The node that answered may lie about what it stores, so the form is checked
 * like any input. @throws {LedgerError} `ENDORSEMENT_MALFORMED`
 */
export function parseResult<T>(result: string, shape: Shape<T>): T {
  return refuseAs('ENDORSEMENT_MALFORMED', () =>
    shape(parseJson(result, { maxBytes: MAX_ENDORSED_ANSWER_BYTES }), 'result'),
  )
}
