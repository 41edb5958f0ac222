/**
 * `fetch` for the load generator on node:http with kept connections: the generator shares the cores with what it measures.
 *
 * @module
 */
import { Agent, request } from 'node:http'
import type { BinaryFetch, Fetch } from '../../clients/sdk/src/index.ts'

export interface KeptConnections {
  readonly fetch: Fetch
  readonly fetchBytes: BinaryFetch
  close(): void
}

/** @param connections to each server, at most. */
export function keepConnections(connections: number): KeptConnections {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const send = (
    url: string,
    init: { method: string; headers: Record<string, string>; body?: string | Uint8Array },
  ): Promise<{ status: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const body = init.body === undefined ? undefined : Buffer.from(init.body as Uint8Array)
      const headers = body === undefined ? init.headers : { ...init.headers, 'content-length': String(body.length) }
      const outgoing = request(url, { method: init.method, headers, agent }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }))
        answer.on('error', reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  return {
    fetch: async (url, init) => {
      const { status, body } = await send(url, init)
      return { status, text: () => Promise.resolve(body.toString('utf8')) }
    },
    fetchBytes: async (url, init) => {
      const { status, body } = await send(url, init)
      return { status, arrayBuffer: () => Promise.resolve(new Uint8Array(body).buffer) }
    },
    close: () => agent.destroy(),
  }
}
