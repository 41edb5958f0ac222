/**
 * Schemas that several routes share. They check what comes in, and /openapi.json is made of them.
 *
 * @module
 */
import { Type } from 'typebox'

const ErrorBodySchema = Type.Object(
  {
    code: Type.String({ description: 'Stable; docs/errors.md lists all' }),
    meaning: Type.String(),
    action: Type.String({ description: 'What a person can do' }),
  },
  { additionalProperties: false },
)

const errorAnswer = (description: string) => ({
  description,
  content: { 'application/json': { schema: ErrorBodySchema } },
})

export const ERROR_ANSWERS = {
  '4xx': errorAnswer('Refused, or the request is wrong'),
  '5xx': errorAnswer('Does not answer now, or a fault'),
}

/** 32 bytes, base64url. */
export const Nonce = Type.String({ pattern: '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' })
const Hex = Type.String({ pattern: '^[0-9a-f]{64}$' })

export const StatusSchema = Type.Object(
  {
    state: Type.Union([
      Type.Literal('new'),
      Type.Literal('provisioned'),
      Type.Literal('following'),
      Type.Literal('restoring'),
      Type.Literal('recovering'),
      Type.Literal('serving'),
      Type.Literal('starting'),
      Type.Literal('failed'),
    ]),
    failure: Type.Optional(Type.String({ description: 'Code of why the trusted application stopped for good' })),
    tee: Type.String(),
    restarts: Type.Integer(),
    server: Type.Optional(Type.String()),
    measurement: Type.Optional(Hex),
    identityKey: Type.Optional(Type.String({ description: 'base64url, 65 bytes' })),
    configDigest: Type.Optional(Hex),
    sequence: Type.Optional(Type.Integer({ description: 'Of the configuration of the consortium in force' })),
    isolation: Type.Array(Type.String()),
    log: Type.Optional(
      Type.Object({
        size: Type.Integer(),
        epoch: Type.Integer(),
        anchoredSize: Type.Optional(Type.Integer()),
        anchoredRoot: Type.Optional(Hex),
      }),
    ),
    sessions: Type.Optional(Type.Integer()),
    waiting: Type.Optional(Type.Integer()),
    sealing: Type.Optional(
      Type.Object(
        { generation: Type.Integer(), isExchanging: Type.Boolean() },
        { description: 'Which sealing key the store has; whether something is still sealed with the one before' },
      ),
    ),
    shares: Type.Optional(
      Type.Object(
        {
          number: Type.Integer(),
          timeMs: Type.Integer(),
          threshold: Type.Integer(),
          holders: Type.Array(Type.String()),
          held: Type.Array(Type.String()),
        },
        { description: 'Recovery shares of the key of the store: whose, and who has said that it keeps its own' },
      ),
    ),
    records: Type.Optional(Type.Integer()),
    patients: Type.Optional(Type.Integer()),
    ledger: Type.Optional(
      Type.Object({
        followedBlock: Type.Optional(Type.Integer()),
        reads: Type.Integer(),
        watched: Type.Integer(),
      }),
    ),
  },
  { additionalProperties: false },
)
