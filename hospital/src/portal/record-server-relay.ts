/**
 * The way from a browser to the record server: sealed messages are passed on as they are. So the page contacts no
 * address but its own, and its Content-Security-Policy can say so; what passes here is opaque to this hospital, too.
 * Spec: docs/protocol/05-sessions.md §5.10.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { Fetch } from '../../../clients/sdk/src/hospital-calls.ts'
import type { BinaryFetch } from '../../../clients/sdk/src/http-transport.ts'
import { ProtocolError } from '../../../shared/protocol/src/index.ts'

const OCTETS = 'application/octet-stream'
/** The largest body of each route of the record server. */
const ROUTES = { hello: 2_048, finish: 32_768, records: 12 * 2 ** 20 } as const

export interface RecordServerRelay {
  /** Base address of the record server. */
  readonly url: string
  readonly fetch: BinaryFetch
  /** For what is text and public. */
  readonly fetchText: Fetch
}

export function registerRecordServerRelay(server: FastifyInstance, { url, fetch, fetchText }: RecordServerRelay): void {
  server.addContentTypeParser(OCTETS, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const [step, bodyLimit] of Object.entries(ROUTES)) {
    server.post(`/record-server/v1/session/${step}`, { bodyLimit, schema: { hide: true } }, async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) throw new ProtocolError('HTTP_MEDIA_TYPE', 'sealed messages are octets')
      const { status, answer } = await pass(`${url}/v1/session/${step}`, new Uint8Array(request.body))
      // A refusal of the record server is JSON with a code; whoever asked reads it.
      const type = status === 200 ? OCTETS : 'application/json; charset=utf-8'
      return reply.status(status).type(type).header('cache-control', 'no-store').send(Buffer.from(answer))
    })
  }

  // What hospitals cosigned, for auditors: public, and checked by who reads it.
  server.get('/record-server/v1/checkpoint/cosigned', { schema: { hide: true } }, async (request, reply) => {
    const { least } = request.query as { readonly least?: unknown }
    const query = typeof least === 'string' && /^\d{1,2}$/.test(least) ? `?least=${least}` : ''
    const { status, answer } = await ask(`${url}/v1/checkpoint/cosigned${query}`)
    const type = status === 200 ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
    return reply.status(status).type(type).header('cache-control', 'no-store').send(answer)
  })

  async function ask(address: string): Promise<{ status: number; answer: string }> {
    try {
      const response = await fetchText(address, { method: 'GET', headers: {} })
      return { status: response.status, answer: await response.text() }
    } catch (cause) {
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the record server does not answer', { cause })
    }
  }

  async function pass(
    address: string,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<{ status: number; answer: ArrayBuffer }> {
    try {
      const response = await fetch(address, { method: 'POST', headers: { 'content-type': OCTETS }, body })
      return { status: response.status, answer: await response.arrayBuffer() }
    } catch (cause) {
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the record server does not answer', { cause })
    }
  }
}
