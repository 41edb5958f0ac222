/**
 * Endorsed reads on Fabric, the part that the chaincode and its callers share: a contract `reads` beside the main one with
 * one function, which runs read-only functions of the main contract and returns their results with the time of its
 * process. It is evaluated, never submitted: peers' answers differ in their time. Spec: docs/protocol/07-ledger.md §7.13.
 *
 * @module
 */
import { type Crypto, decodeUtf8, encodeHex, label } from '../../../crypto/src/index.ts'
import { list, parseJson, stringifySorted, struct, text, uint } from '../../../protocol/src/index.ts'
import { refuseAs } from '../decode.ts'
import { MAX_ENDORSED_ANSWER_BYTES, MAX_QUERIES } from '../limits.ts'
import { argumentsShape, functionNameShape } from '../proposal.ts'
import type { EndorsedQuery } from '../query.ts'
import { type ReadResult, readStatusShape } from '../read-status.ts'

/** As Fabric names a function of a contract: `answer(link, queries)`. */
export const READS_FUNCTION = 'reads:answer'
/** Fabric's own chaincode that tells how many blocks a peer has. */
export const QUERY_CHAINCODE = 'qscc'
export const CHAIN_INFO_FUNCTION = 'GetChainInfo'

const READ_LINK = label('fabric-read')

/** What `reads:answer` returns. */
export interface ReadsAnswer {
  /** Unix ms by the clock of the chaincode's process. */
  readonly timeMs: number
  /** In the order of the queries. */
  readonly answers: readonly ReadResult[]
}

const queriesShape = list(struct({ fn: functionNameShape, args: argumentsShape }), { min: 1, max: MAX_QUERIES })

const answerShape = struct({
  timeMs: uint(),
  answers: list(struct({ status: readStatusShape, result: text({ max: MAX_ENDORSED_ANSWER_BYTES }) }), {
    max: MAX_QUERIES,
  }),
})

/**
 * The first argument: binds the question to the reader's nonce and to the number of blocks that the same peer had named
 * before. 64 hex digits.
 * @param nonce 32 bytes of the reader.
 * @param chainInfo the signed response with that number.
 */
export function readLink(crypto: Crypto, nonce: Uint8Array, chainInfo: Uint8Array): string {
  return encodeHex(crypto.sha256(READ_LINK, nonce, crypto.sha256(chainInfo)))
}

/** The second argument. */
export function encodeReads(queries: readonly EndorsedQuery[]): string {
  return JSON.stringify(queries.map(({ fn, args }) => ({ fn, args })))
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export function decodeReads(queries: string): readonly EndorsedQuery[] {
  return refuseAs('LEDGER_BAD_ARGUMENT', () => queriesShape(parseJson(queries, { maxBytes: 2 ** 22 }), 'queries'))
}

/** The result as text. */
export function encodeReadsAnswer({ timeMs, answers }: ReadsAnswer): string {
  return stringifySorted({ timeMs, answers: answers.map(({ status, result }) => ({ status, result })) })
}

/** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
export function decodeReadsAnswer(encoded: Uint8Array): ReadsAnswer {
  return refuseAs('ENDORSEMENT_MALFORMED', () =>
    answerShape(parseJson(decodeUtf8(encoded), { maxBytes: MAX_ENDORSED_ANSWER_BYTES }), 'answer'),
  )
}
