/**
 * The ledger node over HTTP. Proposals, queries and blocks travel as CBOR (docs/protocol/07-ledger.md), the rest as JSON.
 * Whoever reaches the port can read blocks: it listens on loopback unless told otherwise, and everything in a block is
 * meant for every member.
 *
 * @module
 */
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import {
  decodeConfigurationUpdate,
  decodeSignedProposal,
  decodeSignedQuery,
  encodeBlock,
  encodeBlocks,
  encodeEndorsedAnswers,
  LedgerError,
  MAX_PROPOSAL_BYTES,
  MAX_QUERY_BYTES,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { answerOf, errorAnswer } from './http-errors.ts'
import type { PlacedTransaction } from './block-writer.ts'
import type { LedgerNode } from './ledger-node.ts'
import { createMetrics } from './metrics.ts'
import { openApi } from './openapi.ts'

const CBOR = 'application/cbor'
const MAX_CONFIGURATION_BODY = 2_200_000
/** Requests that write or query, under way at once. */
const MAX_IN_FLIGHT = 4_000
const MAX_BLOCKS = 100
/** A page of blocks ends when it passes this. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024
const MAX_WAIT_MS = 30_000

/** @param limits `requestMs`: until the whole request has come. */
export function createHttpServer(
  node: LedgerNode,
  onFault: (error: unknown) => void = () => {},
  { requestMs = 30_000 }: { readonly requestMs?: number } = {},
): FastifyInstance {
  const app = Fastify({
    bodyLimit: MAX_PROPOSAL_BYTES + 1_024,
    forceCloseConnections: true,
    requestTimeout: requestMs,
    http: {
      headersTimeout: Math.min(requestMs, 15_000),
      connectionsCheckingInterval: Math.min(requestMs, 5_000),
      maxHeaderSize: 16_384,
    },
    clientErrorHandler(_error, socket) {
      // Not HTTP, too slow, or headers too large: answered in few bytes and hung up.
      if (socket.writable) socket.end(badRequest())
    },
  }) as unknown as FastifyInstance
  const metrics = createMetrics(node)
  let inFlight = 0

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(CBOR, { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.setErrorHandler((error, _request, reply) => {
    const answer = errorAnswer(error)
    if (answer.status === 500) onFault(error)
    return reply.status(answer.status).send(answer.body)
  })
  app.setNotFoundHandler((_request, reply) => notFound(reply))

  /** Back-pressure: beyond this many the client repeats later. */
  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    if (inFlight >= MAX_IN_FLIGHT) throw new LedgerError('LEDGER_BUSY', 'too many requests')
    inFlight++
    try {
      return await work()
    } finally {
      inFlight--
    }
  }

  app.post('/v1/proposals', (request) => {
    const start = performance.now()
    return limited(async () => {
      try {
        const placed = await node.submit(decodeSignedProposal(bytesOf(request.body)))
        metrics.proposal('VALID', (performance.now() - start) / 1_000)
        return statusOf(placed)
      } catch (error) {
        metrics.proposal(errorAnswer(error).body.code, 0)
        throw error
      }
    })
  })

  app.post('/v1/endorsed-reads', { bodyLimit: MAX_QUERY_BYTES + 1_024 }, (request, reply) =>
    limited(async () => {
      try {
        const answers = await node.answer(decodeSignedQuery(bytesOf(request.body)))
        metrics.queries(answers.length, 'answered')
        return sendCbor(reply, encodeEndorsedAnswers(answers))
      } catch (error) {
        metrics.queries(1, errorAnswer(error).body.code)
        throw error
      }
    }),
  )

  app.post('/v1/configurations', { bodyLimit: MAX_CONFIGURATION_BODY }, (request) =>
    Promise.resolve({ block: node.configure(decodeConfigurationUpdate(bytesOf(request.body))) }),
  )

  app.get<{ Params: { sequence: string } }>('/v1/configurations/:sequence', (request, reply) => {
    const update = node.configurationUpdate(numberOf(request.params.sequence))
    return update === undefined ? notFound(reply) : sendCbor(reply, update)
  })

  app.get<{ Params: { number: string } }>('/v1/blocks/:number', (request, reply) => {
    const block = node.block(numberOf(request.params.number))
    return block === undefined ? notFound(reply) : sendCbor(reply, encodeBlock(block))
  })

  app.get<{ Querystring: Record<string, unknown> }>('/v1/blocks', async (request, reply) => {
    const { from = '0', limit = String(MAX_BLOCKS), waitMs = '0' } = request.query
    const first = numberOf(from)
    const count = Math.min(numberOf(limit), MAX_BLOCKS)
    const wait = Math.min(numberOf(waitMs), MAX_WAIT_MS)
    if (wait > 0 && first > node.height) await waitFor(node, first, wait, reply)
    return sendCbor(reply, encodeBlocks(page(node, first, count)))
  })

  app.get<{ Params: { txId: string } }>('/v1/transactions/:txId', (request, reply) => {
    const { txId } = request.params
    const placed = /^[0-9a-f]{64}$/.test(txId) ? node.transaction(txId as TxId) : undefined
    if (placed === undefined) return notFound(reply)
    const { status, proposal, event } = placed.transaction
    const { mspId, fn, args } = proposal
    return reply.send({ ...statusOf(placed), status, mspId, fn, args, event })
  })

  app.get('/v1/status', () => {
    const { blockHash, genesisHash, ...status } = node.status()
    return { ...status, blockHash: encodeHex(blockHash), genesisHash: encodeHex(genesisHash) }
  })

  app.get('/health', (_request, reply) => {
    if (node.status().writable) return reply.send({ ok: true })
    const { status, body } = answerOf('LEDGER_STORAGE_FAILED')
    return reply.status(status).send(body)
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  app.get('/openapi.json', () => openApi)
  return app
}

function statusOf({ block, index, transaction }: PlacedTransaction) {
  const { txId, proposal, result } = transaction
  return { txId, block, index, timeMs: proposal.timeMs, result }
}

/** Blocks from `first` on; the page is closed when it is large, so a reader with little memory can follow. */
function page(node: LedgerNode, first: number, count: number): Uint8Array[] {
  const blocks: Uint8Array[] = []
  let bytes = 0
  for (let number = first; blocks.length < count && bytes < MAX_PAGE_BYTES; number++) {
    const block = node.block(number)
    if (block === undefined) break
    const encoded = encodeBlock(block)
    bytes += encoded.length
    blocks.push(encoded)
  }
  return blocks
}

/** Until the block is there, the time is over, or the client has gone. */
async function waitFor(node: LedgerNode, number: number, waitMs: number, reply: FastifyReply): Promise<void> {
  const gone = new AbortController()
  const abort = () => gone.abort()
  const timer = setTimeout(abort, waitMs)
  reply.raw.on('close', abort)
  try {
    await node.waitForBlock(number, gone.signal)
  } finally {
    clearTimeout(timer)
    reply.raw.off('close', abort)
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  throw new LedgerError('LEDGER_BAD_PROPOSAL', 'no CBOR body')
}

function numberOf(text: unknown): number {
  const value = typeof text === 'string' && /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw Object.assign(new Error('not a number'), { code: 'HTTP_BAD_REQUEST' })
  return value
}

function sendCbor(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply.type(CBOR).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

function badRequest(): string {
  const body = JSON.stringify(answerOf('HTTP_BAD_REQUEST').body)
  return (
    'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\n' +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

function notFound(reply: FastifyReply): FastifyReply {
  const { status, body } = answerOf('HTTP_NOT_FOUND')
  return reply.status(status).send(body)
}
