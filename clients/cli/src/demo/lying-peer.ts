/**
 * Stands between a client and one peer of Fabric, as a lying host can: the host writes the addresses, and the roots of
 * TLS, that its own programs use. Passes every call on as it is, and when told to, answers endorsed reads with what was
 * right some time ago, or keeps what should be ordered.
 *
 * @module
 */
import {
  connect,
  constants,
  createSecureServer,
  type ClientHttp2Session,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { FabricNode } from '../../../../ledger/client/src/index.ts'
import type { TlsPair } from '../../../../ledger/network/src/index.ts'

const READS = '/protos.Endorser/ProcessProposal'
const WRITES = '/gateway.Gateway/Submit'
/** Stands in every proposal that asks for endorsed reads; the others ask for the number of blocks. */
const READS_FUNCTION = 'reads:answer'

interface Answer {
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
  readonly trailers: OutgoingHttpHeaders
}

/** What its peers share: what they were told to do. */
export interface Orders {
  lies: boolean
  keepsWrites: boolean
  /** Answers given in place of a peer's. */
  lied: number
}

export class LyingPeer {
  readonly #server: Http2SecureServer
  readonly #target: ClientHttp2Session
  readonly #orders: Orders
  #remembered: Answer | undefined

  private constructor(node: FabricNode, tls: TlsPair, orders: Orders) {
    this.#orders = orders
    this.#target = connect(`https://${node.endpoint}`, {
      ca: node.tlsRootPem,
      ...(node.serverName === undefined ? {} : { servername: node.serverName }),
    })
    this.#target.on('error', () => undefined)
    this.#server = createSecureServer({ cert: tls.certificatePem, key: tls.keyPem })
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers))
    this.#server.on('sessionError', () => undefined)
  }

  static async start(node: FabricNode, tls: TlsPair, orders: Orders): Promise<LyingPeer> {
    const lying = new LyingPeer(node, tls, orders)
    await new Promise<void>((resolve) => lying.#server.listen(0, '127.0.0.1', resolve))
    return lying
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#target.destroy()
    this.#server.close()
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined)
    const path = headers[':path']
    if (path === WRITES && this.#orders.keepsWrites) {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      return
    }
    if (path === READS) void this.#read(stream, headers).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    else this.#pass(stream, headers)
  }

  /** One question, one answer. */
  async #read(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const question = await bodyOf(stream)
    const isRead = question.includes(READS_FUNCTION)
    if (isRead && this.#orders.lies && this.#remembered !== undefined) {
      this.#orders.lied++
      answer(stream, this.#remembered)
      return
    }
    const request = this.#target.request(headers)
    request.end(question)
    let own: OutgoingHttpHeaders = {}
    let trailers: OutgoingHttpHeaders = {}
    request.on('response', (got: IncomingHttpHeaders) => (own = plain(got)))
    request.on('trailers', (got: IncomingHttpHeaders) => (trailers = plain(got)))
    const body = await bodyOf(request)
    const found = { headers: own, body, trailers }
    if (isRead) this.#remembered = found
    answer(stream, found)
  }

  #pass(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const request = this.#target.request(headers)
    let trailers: OutgoingHttpHeaders = {}
    request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    request.on('response', (got: IncomingHttpHeaders) => stream.respond(plain(got), { waitForTrailers: true }))
    request.on('trailers', (got: IncomingHttpHeaders) => (trailers = plain(got)))
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.on('close', () => request.close())
    stream.pipe(request)
    request.pipe(stream)
  }
}

function answer(stream: ServerHttp2Stream, { headers, body, trailers }: Answer): void {
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.respond(headers, { waitForTrailers: true })
  stream.end(body)
}

async function bodyOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** What belongs to one connection is not passed on. */
function plain(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date'))
}
