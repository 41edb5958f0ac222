/**
 * Signed HTTP requests to a hospital service: who asks, for what, with which body, when, once.
 * Spec: docs/protocol/02-registration.md §2.6.
 *
 * @module
 */
import { encodeHex } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto, VerifyingKey } from '../../crypto/src/port.ts'
import { ProtocolError } from './errors.ts'
import { participantRefShape, sha256HexShape, type ParticipantRef, type Sha256Hex } from './ids.ts'
import { checkStatementSignature, parseStatement, type UnverifiedStatement } from './jws.ts'
import { oneOf, struct, text, uint } from './shape.ts'

export const REQUEST_SCHEME = 'TrustHealth'
export const MAX_REQUEST_AGE_MS = 60_000

export interface RequestStatement {
  readonly iss: ParticipantRef
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query string. */
  readonly path: string
  readonly bodyHash: Sha256Hex
  /** Seconds. */
  readonly iat: number
  /** 32 hex digits. */
  readonly jti: string
}

const requestShape = struct({
  iss: participantRefShape,
  method: oneOf('GET', 'POST', 'PUT', 'DELETE'),
  path: text({ max: 2_048, pattern: /^\/[\x21-\x7e]*$/ }),
  bodyHash: sha256HexShape,
  iat: uint(),
  jti: text({ max: 32, pattern: /^[0-9a-f]{32}$/ }),
})

const BODY_LABEL = label('request-body')

/** Payload of the statement; sign it as `trusthealth-request+jwt`. */
export function requestStatement(
  crypto: Crypto,
  request: { readonly iss: ParticipantRef; readonly method: RequestStatement['method']; readonly path: string },
  body: Uint8Array,
  nowMs: number,
): RequestStatement {
  return {
    iss: request.iss,
    method: request.method,
    path: request.path,
    bodyHash: encodeHex(crypto.sha256(BODY_LABEL, body)) as Sha256Hex,
    iat: Math.floor(nowMs / 1000),
    jti: encodeHex(crypto.randomBytes(16)),
  }
}

/** The statement of an `authorization` header; nothing is checked yet. @throws {ProtocolError} `REQUEST_REJECTED` */
export function parseRequestStatement(header: string | undefined): UnverifiedStatement<RequestStatement> {
  const prefix = `${REQUEST_SCHEME} `
  if (header === undefined || !header.startsWith(prefix)) throw rejected()
  try {
    return parseStatement(header.slice(prefix.length), 'trusthealth-request+jwt', requestShape)
  } catch {
    throw rejected()
  }
}

/**
 * Checks a statement against the request that carried it. Whether `jti` is new is the caller's to check, who
 * remembers those of the last two minutes.
 *
 * @throws {ProtocolError} `REQUEST_REJECTED`, the same for every cause.
 */
export function checkRequestStatement(
  crypto: Crypto,
  statement: UnverifiedStatement<RequestStatement>,
  key: VerifyingKey,
  request: { readonly method: string; readonly path: string; readonly body: Uint8Array },
  nowMs: number,
): void {
  const { payload } = statement
  const isFresh = Math.abs(nowMs - payload.iat * 1000) <= MAX_REQUEST_AGE_MS
  const isSameRequest =
    payload.method === request.method &&
    payload.path === request.path &&
    payload.bodyHash === encodeHex(crypto.sha256(BODY_LABEL, request.body))
  if (!isFresh || !isSameRequest) throw rejected()
  try {
    checkStatementSignature(crypto, key, statement)
  } catch {
    throw rejected()
  }
}

function rejected(): ProtocolError {
  return new ProtocolError('REQUEST_REJECTED', 'the request is not signed as it must be')
}
