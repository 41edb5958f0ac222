/**
 * The web portal of this hospital: its files, the consortium's public facts, and the way to the record server. A plugin
 * of the hospital service.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readPortalFiles, type PortalFile, type PortalFiles } from './portal-files.ts'
import { registerRecordServerRelay, type RecordServerRelay } from './record-server-relay.ts'

export interface PortalOptions {
  /** Where the portal was built to. */
  readonly folder: string
  /** Of `portalFacts`. */
  readonly facts: object
  readonly recordServer: RecordServerRelay
}

/** Addresses of the page itself: what the page shows for them is its own matter. */
const PAGE_ROUTES = ['/', '/join', '/verify', '/help', '/approve'] as const
const ROLE_ROUTES = ['/patient', '/doctor', '/staff', '/auditor'] as const
const YEAR_S = 31_536_000

const NOT_BUILT =
  'The portal was not built. On a machine with the sources: npm start, or node tools/run.mjs tools/portal/bundle.ts\n'

/** Registers everything; what was not built is said in words. */
export function portalPlugin({ folder, facts, recordServer }: PortalOptions): (server: FastifyInstance) => void {
  return (server) => {
    const built = readPortalFiles(folder)
    const pages = [...PAGE_ROUTES, ...ROLE_ROUTES.flatMap((path) => [path, `${path}/*`])]
    for (const path of pages) {
      server.get(path, { schema: { hide: true } }, (request, reply) =>
        built === undefined
          ? reply.status(503).type('text/plain; charset=utf-8').send(NOT_BUILT)
          : send(request, reply, built.page, built),
      )
    }
    for (const file of built?.files ?? []) {
      server.get(file.path, { schema: { hide: true } }, (request, reply) =>
        send(request, reply, file, built as PortalFiles),
      )
    }
    const factsText = JSON.stringify(facts)
    server.get('/portal/facts.json', { schema: { hide: true } }, (_request, reply) =>
      reply.type('application/json; charset=utf-8').header('cache-control', 'no-store').send(factsText),
    )
    const list = { files: (built?.files ?? []).map(({ path }) => path) }
    server.get('/portal/files.json', { schema: { hide: true } }, (_request, reply) =>
      reply.header('cache-control', 'no-store').send(list),
    )
    registerRecordServerRelay(server, recordServer)
  }
}

function send(request: FastifyRequest, reply: FastifyReply, file: PortalFile, built: PortalFiles): FastifyReply {
  reply
    .header('content-security-policy', built.contentSecurityPolicy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-opener-policy', 'same-origin')
    .header('cross-origin-resource-policy', 'same-origin')
    .header('permissions-policy', 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()')
    .header('cache-control', file.isHashed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache')
    .header('etag', file.etag)
    .header('vary', 'accept-encoding')
  if (request.headers['if-none-match'] === file.etag) return reply.status(304).send()
  reply.type(file.type)
  const accepts = request.headers['accept-encoding'] ?? ''
  if (file.brotli !== undefined && /\bbr\b/.test(accepts)) {
    return reply.header('content-encoding', 'br').send(file.brotli)
  }
  return reply.send(file.bytes)
}
