/**
 * Several records in one HTTP body, and what came of each. Nothing here is authenticated: a refusal is the host's word,
 * or carried by it. Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import { concat, decodeUtf8, encodeUtf8 } from '../../../crypto/src/index.ts'
import { isErrorCode, type ErrorCode } from '../error-table.ts'
import { ProtocolError } from '../errors.ts'
import { MAX_RECORD_BYTES } from './record-layer.ts'

/** Records of one request. */
export const MAX_ITEMS = 256

const REFUSED = 0x8000_0000
const MAX_CODE_BYTES = 64

/** An answer: a record, or the code with which the request was refused. */
export type RecordOutcome = { readonly record: Uint8Array } | { readonly code: ErrorCode }

export function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  return encodeOutcomes(records.map((record) => ({ record })))
}

/**
 * The records of a request's body, as views on it.
 * @throws {ProtocolError} `MESSAGE_MALFORMED` unless there are 1 to 256 records within the limit and nothing else.
 */
export function decodeRecords(body: Uint8Array): readonly Uint8Array[] {
  return decodeOutcomes(body).map((outcome) => {
    if ('code' in outcome) throw malformed()
    return outcome.record
  })
}

export function encodeOutcomes(outcomes: readonly RecordOutcome[]): Uint8Array {
  if (outcomes.length < 1 || outcomes.length > MAX_ITEMS) throw new RangeError('a body has 1 to 256 items')
  const parts: Uint8Array[] = []
  for (const outcome of outcomes) {
    const bytes = 'code' in outcome ? encodeUtf8(outcome.code) : outcome.record
    const head = new DataView(new ArrayBuffer(4))
    head.setUint32(0, 'code' in outcome ? REFUSED + bytes.length : bytes.length)
    parts.push(new Uint8Array(head.buffer), bytes)
  }
  return concat(...parts)
}

/** As `decodeRecords`, for an answer's body. @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function decodeOutcomes(body: Uint8Array): readonly RecordOutcome[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const outcomes: RecordOutcome[] = []
  for (let at = 0; at < body.length;) {
    if (outcomes.length >= MAX_ITEMS || at + 4 > body.length) throw malformed()
    const head = view.getUint32(at)
    const isRefused = head >= REFUSED
    const length = isRefused ? head - REFUSED : head
    const bytes = body.subarray(at + 4, at + 4 + length)
    if (length < 1 || length > (isRefused ? MAX_CODE_BYTES : MAX_RECORD_BYTES) || bytes.length !== length) {
      throw malformed()
    }
    outcomes.push(isRefused ? { code: codeOf(bytes) } : { record: bytes })
    at += 4 + length
  }
  if (outcomes.length === 0) throw malformed()
  return outcomes
}

function codeOf(bytes: Uint8Array): ErrorCode {
  let code: string
  try {
    code = decodeUtf8(bytes)
  } catch {
    throw malformed()
  }
  if (!isErrorCode(code)) throw malformed()
  return code
}

function malformed(): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', 'the body is not a sequence of session records')
}
