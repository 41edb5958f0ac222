/**
 * Sessions over HTTP: opaque bytes in, opaque bytes out. Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'
import { decodeRecords, encodeOutcomes, type RecordOutcome } from '../../../shared/protocol/src/session/record-items.ts'
import { MAX_RECORD_BYTES } from '../../../shared/protocol/src/session/record-layer.ts'
import { codeOf } from './http-errors.ts'
import type { AskTee } from './ask-tee.ts'
import { bodyOf, bytesOf, OCTETS } from './bodies.ts'
import type { AddressNumbers } from './gate.ts'
import { ERROR_ANSWERS } from './schemas.ts'

/** Two large records, or many small ones. */
const MAX_RECORDS_BODY = 2 * (MAX_RECORD_BYTES + 4)

export interface SessionsApi {
  readonly ask: AskTee
  readonly addresses: AddressNumbers
  /** Handshakes of one address in a minute. */
  readonly handshakesPerMinute: number
  /** Default: `/v1/session`. */
  readonly path?: '/v1/session' | '/v1/restore'
}

export function registerSessionsApi(server: FastifyInstance, api: SessionsApi): void {
  const { ask, addresses, path = '/v1/session' } = api
  const limited = { rateLimit: { max: api.handshakesPerMinute, timeWindow: '1 minute' } }

  server.post(
    `${path}/hello`,
    {
      bodyLimit: 2_048,
      config: limited,
      schema: {
        summary: 'First step of a session: a hello for a reply',
        consumes: [OCTETS],
        body: bytesOf('A hello, section 5.1 of the protocol'),
        response: { 200: bytesOf('A reply, section 5.3'), ...ERROR_ANSWERS },
      },
    },
    async (request, answer) => {
      const hello = bodyOf(request.body)
      const { reply } = await ask('hello', { hello, conn: addresses.numberOf(request.ip) })
      return answer.type(OCTETS).send(Buffer.from(reply.buffer, reply.byteOffset, reply.length))
    },
  )

  server.post(
    `${path}/finish`,
    {
      bodyLimit: 32_768,
      config: limited,
      schema: {
        summary: 'Second step of a session: a finish for its answer',
        consumes: [OCTETS],
        body: bytesOf('A finish, section 5.5'),
        response: { 200: bytesOf('A record, section 5.6'), ...ERROR_ANSWERS },
      },
    },
    async (request, answer) => {
      const { record } = await ask('finish', { finish: bodyOf(request.body) })
      return answer.type(OCTETS).send(Buffer.from(record.buffer, record.byteOffset, record.length))
    },
  )

  server.post(
    `${path}/records`,
    {
      bodyLimit: MAX_RECORDS_BODY,
      schema: {
        summary: 'Requests inside sessions, 1 to 256 at once',
        consumes: [OCTETS],
        body: bytesOf('Records, each after its length, section 5.10'),
        response: {
          200: bytesOf('An answer or a refusal for each, in their order, section 5.10'),
          ...ERROR_ANSWERS,
        },
      },
    },
    async (request, answer) => {
      const records = decodeRecords(bodyOf(request.body))
      const outcomes = await Promise.all(records.map((record) => outcomeOf(ask, record)))
      const code = commonRefusal(outcomes)
      if (code !== undefined) throw new ProtocolError(code, 'every record was refused')
      const body = encodeOutcomes(outcomes)
      return answer.type(OCTETS).send(Buffer.from(body.buffer, body.byteOffset, body.length))
    },
  )
}

/** What came of one record; faults of ours are no outcome. */
export async function outcomeOf(ask: AskTee, record: Uint8Array): Promise<RecordOutcome> {
  try {
    return { record: (await ask('record', { record })).record }
  } catch (error) {
    return { code: codeOf(error) }
  }
}

function commonRefusal(outcomes: readonly RecordOutcome[]): ErrorCode | undefined {
  const [first] = outcomes
  if (first === undefined || !('code' in first)) return undefined
  return outcomes.every((outcome) => 'code' in outcome && outcome.code === first.code) ? first.code : undefined
}
