/**
 * The HTTP interface as OpenAPI 3.1, written by hand: its bodies are CBOR, which generators do not describe.
 *
 * @module
 */

const cbor = (description: string) => ({
  description,
  content: { 'application/cbor': { schema: { type: 'string', format: 'binary' } } },
})
const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
})
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const refusal = json('A refusal; `code` is stable, see docs/errors.md', ref('Error'))
const responses = (ok: object) => ({ '200': ok, default: refusal })
const query = (name: string, description: string) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: { type: 'integer', minimum: 0 },
})
const path = (name: string, description: string, schema: object) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
})
const text = { type: 'string' }
const integer = { type: 'integer', minimum: 0 }
const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' }

const commitMembers = { txId: hash, block: integer, index: integer, timeMs: integer, result: text }

export const openApi = {
  openapi: '3.1.0',
  info: {
    title: 'TrustHealth embedded ledger',
    version: '1',
    description: 'One-machine ledger. Formats: docs/protocol/07-ledger.md.',
  },
  paths: {
    '/v1/proposals': {
      post: {
        summary: 'Submit a signed proposal and wait until it is durable in a block',
        requestBody: { required: true, ...cbor('`{proposal, signature}`, 7.1') },
        responses: responses(json('Where it stands; the same for a proposal that comes again', ref('CommitStatus'))),
      },
    },
    '/v1/endorsed-reads': {
      post: {
        summary: 'Ask 1 to 64 read-only functions under one nonce, all at one height',
        requestBody: { required: true, ...cbor('`{query, signature}`, 7.5') },
        responses: responses(cbor('`{answers: [[{answer, signature}]]}`: for each query one answer per organisation')),
      },
    },
    '/v1/configurations': {
      post: {
        summary: 'Put a new configuration, signed by a majority of administrators, into a block',
        requestBody: { required: true, ...cbor('`{configuration, signatures}`, 7.4') },
        responses: responses(json('The block', { type: 'object', properties: { block: integer } })),
      },
    },
    '/v1/configurations/{sequence}': {
      get: {
        summary: 'The update that put a configuration in force',
        parameters: [path('sequence', 'From 0, the first one', integer)],
        responses: responses(cbor('`{configuration, signatures}`, 7.4; that of 0 has no signatures')),
      },
    },
    '/v1/blocks/{number}': {
      get: {
        summary: 'One block',
        parameters: [path('number', 'From 0', integer)],
        responses: responses(cbor('`{header, signature, transactions}`, 7.4')),
      },
    },
    '/v1/blocks': {
      get: {
        summary: 'Blocks in order; waits for the first of them if asked to',
        parameters: [
          query('from', 'Number of the first block, default 0'),
          query('limit', 'At most so many, default and limit 100; a page ends early at 8 MiB'),
          query('waitMs', 'How long to wait if there is none yet, at most 30,000, default 0'),
        ],
        responses: responses(cbor('`{blocks: [bytes]}`, empty if there was none in time')),
      },
    },
    '/v1/transactions/{txId}': {
      get: {
        summary: 'A transaction that is in a block',
        parameters: [path('txId', 'Transaction id', hash)],
        responses: responses(json('The transaction', ref('Transaction'))),
      },
    },
    '/v1/status': {
      get: { summary: 'Channel, height and newest block', responses: responses(json('Status', ref('Status'))) },
    },
    '/health': {
      get: { summary: 'Whether blocks can be written', responses: responses(json('Yes', { type: 'object' })) },
    },
    '/metrics': {
      get: {
        summary: 'Figures in the Prometheus text format',
        responses: responses({ description: 'Figures', content: { 'text/plain': { schema: text } } }),
      },
    },
    '/openapi.json': { get: { summary: 'This page', responses: responses(json('OpenAPI 3.1', { type: 'object' })) } },
  },
  components: {
    schemas: {
      Error: {
        type: 'object',
        required: ['code', 'meaning', 'action'],
        properties: { code: text, meaning: text, action: text },
      },
      CommitStatus: { type: 'object', required: Object.keys(commitMembers), properties: commitMembers },
      Transaction: {
        type: 'object',
        properties: {
          ...commitMembers,
          status: { enum: ['VALID', 'MVCC_CONFLICT'] },
          mspId: text,
          fn: text,
          args: { type: 'array', items: text },
          event: { type: ['object', 'null'], properties: { name: text, payload: text } },
        },
      },
      Status: {
        type: 'object',
        properties: {
          channel: text,
          height: integer,
          blockHash: hash,
          genesisHash: hash,
          mspId: text,
          organizations: { type: 'array', items: text },
          waiting: integer,
          writable: { type: 'boolean' },
        },
      },
    },
  },
} as const
