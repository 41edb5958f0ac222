/**
 * The witness over HTTP: what it last cosigned, what it refused, and `add-checkpoint` of
 * https://c2sp.org/tlog-witness with its statuses. Public: nothing of patients is in it.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { ProtocolError, serverRefShape, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import { formatNote, LogError, MAX_WITNESS_REQUEST_BYTES, parseWitnessRequest } from '../../../shared/tlog/src/index.ts'
import type { HospitalPlugin } from '../server.ts'
import { WitnessSizeError, type Witness } from './witness.ts'

/** Statuses of C2SP's tlog-witness; what else is refused has the service's own. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  LOG_CHECKPOINT_MALFORMED: 400,
  LOG_SIZE_INVALID: 400,
  LOG_SIGNATURE_MISSING: 403,
  LOG_KEY_ENDED: 403,
  LOG_SIGNATURE_INVALID: 403,
  WITNESS_LOG_UNKNOWN: 404,
  CHECKPOINT_FORKED: 409,
  LOG_PROOF_INVALID: 422,
  LOG_NOT_CONSISTENT: 422,
}
const PLAIN = 'text/plain; charset=utf-8'

export function witnessPlugin(witness: Witness): HospitalPlugin {
  return (server) => {
    server.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    server.post(
      '/v1/witness/add-checkpoint',
      { bodyLimit: MAX_WITNESS_REQUEST_BYTES, schema: { summary: 'Cosigns a checkpoint (C2SP tlog-witness)' } },
      async ({ body }, answer) => {
        if (typeof body !== 'string') throw new ProtocolError('HTTP_MEDIA_TYPE', 'text/plain is expected')
        try {
          const line = await witness.add(parseWitnessRequest(body))
          // A note of any text: only its signature line is sent.
          const note = formatNote({ text: 'x\n', signatures: [line] })
          return await answer.type(PLAIN).send(note.slice(note.indexOf('\n\n') + 2))
        } catch (error) {
          return refuse(answer, error)
        }
      },
    )
    registerReading(server, witness)
  }
}

function registerReading(server: FastifyInstance, witness: Witness): void {
  server.get<{ Params: { server: string } }>(
    '/v1/witness/:server',
    {
      schema: {
        summary: 'What this hospital last saw of a record server’s log, and what it refused as another history',
        params: Type.Object({ server: Type.String({ maxLength: 64 }) }),
      },
    },
    ({ params }) => {
      const { size, note, conflicts } = witness.remembered(serverRefShape(params.server, 'server'))
      return { size, checkpoint: note, conflicts }
    },
  )
}

function refuse(answer: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof WitnessSizeError) {
    return answer.code(409).type('text/x.tlog.size').send(`${error.size}\n`)
  }
  if (!(error instanceof ProtocolError || error instanceof LogError)) throw error
  const status = STATUS[error.code]
  if (status === undefined) throw error
  return answer.code(status).type(PLAIN).send(`${error.code}\n`)
}
