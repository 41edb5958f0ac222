/**
 * Signed queries: what a member asks of a ledger node, a few functions at once, all answered at one height under one
 * nonce. The nonce may be somebody else's: a relay signs the query, the reader checks the answers.
 * Spec: docs/protocol/07-ledger.md §7.5.
 *
 * @module
 */
import { concat, type Crypto, label, type SigningKey, type VerifyingKey } from '../../crypto/src/index.ts'
import { bytes, encodeCbor, list, literal, type MspId, mspIdShape, struct, uint } from '../../protocol/src/index.ts'
import { decodeAs } from './decode.ts'
import { MAX_QUERIES, MAX_QUERY_BYTES, QUERY_NONCE_BYTES } from './limits.ts'
import { argumentsShape, certificateShape, channelShape, functionNameShape } from './proposal.ts'

const QUERY = label('query')

/** One read-only call. */
export interface EndorsedQuery {
  readonly fn: string
  readonly args: readonly string[]
}

export interface Query {
  readonly channel: string
  readonly mspId: MspId
  /** DER certificate of whoever asks. */
  readonly cert: Uint8Array
  readonly timeMs: number
  /** 32 bytes of the reader. */
  readonly nonce: Uint8Array
  /** 1 to 64. */
  readonly queries: readonly EndorsedQuery[]
}

export interface SignedQuery {
  readonly query: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
}

const queryShape = struct({
  v: literal(1),
  channel: channelShape,
  mspId: mspIdShape,
  cert: certificateShape,
  timeMs: uint(),
  nonce: bytes({ length: QUERY_NONCE_BYTES }),
  queries: list(struct({ fn: functionNameShape, args: argumentsShape }), { min: 1, max: MAX_QUERIES }),
})

const signedQueryShape = struct({
  query: bytes({ min: 1, max: MAX_QUERY_BYTES }),
  signature: bytes({ length: 64 }),
})

export function encodeQuery(query: Query): Uint8Array {
  const { channel, mspId, cert, timeMs, nonce, queries } = query
  return encodeCbor({
    v: 1,
    channel,
    mspId,
    cert,
    timeMs,
    nonce,
    queries: queries.map(({ fn, args }) => ({ fn, args })),
  })
}

/** @throws {LedgerError} `LEDGER_BAD_PROPOSAL` */
export function decodeQuery(encoded: Uint8Array): Query {
  const { v: _, ...query } = decodeAs('LEDGER_BAD_PROPOSAL', encoded, queryShape, 'query', MAX_QUERY_BYTES)
  return query
}

export function querySigningInput(encoded: Uint8Array): Uint8Array {
  return concat(QUERY, encoded)
}

export function signQuery(crypto: Crypto, key: SigningKey, query: Query): SignedQuery {
  const encoded = encodeQuery(query)
  return { query: encoded, signature: crypto.sign(key, querySigningInput(encoded)) }
}

export function isQuerySignedBy(crypto: Crypto, key: VerifyingKey, signed: SignedQuery): boolean {
  return crypto.verify(key, querySigningInput(signed.query), signed.signature)
}

export function encodeSignedQuery(signed: SignedQuery): Uint8Array {
  return encodeCbor({ query: signed.query, signature: signed.signature })
}

/** @throws {LedgerError} `LEDGER_BAD_PROPOSAL` */
export function decodeSignedQuery(encoded: Uint8Array): SignedQuery {
  return decodeAs('LEDGER_BAD_PROPOSAL', encoded, signedQueryShape, 'signed query', MAX_QUERY_BYTES + 256)
}
