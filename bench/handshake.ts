/**
 * Attested hybrid handshakes per second, both sides in this process, beside Node's TLS 1.3 in the same run.
 *
 * Like with like: each handshake on a new loopback connection, ECDSA P-256, X25519 with ML-KEM-768, client and server
 * authenticated, the client's certificate new to the server (its memory of chains holds fewer than there are clients).
 * Ours carries and checks evidence on top; what the ledger says of the client is at hand.
 *
 * @module
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNodeCrypto } from '../shared/crypto/src/node-crypto.ts'
import { startHandshake } from '../shared/protocol/src/session/index.ts'
import { encodeFrame, FrameReader } from '../shared/tee-abi/src/index.ts'
import { SessionTable } from '../secure/core/src/sessions/index.ts'
import { NOW, openSessionWorld, type TestParticipant } from '../testkit/src/session-world.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'
import { openTls13 } from './tls13.ts'
import { runWindow } from './windows.ts'

/** More than the server remembers chains of. */
const CLIENTS = 1_200
const PARALLEL = 4

export interface HandshakeOptions {
  readonly rounds: number
  readonly windowMs: number
}

export async function measureHandshakes(report: Report, { rounds, windowMs }: HandshakeOptions): Promise<void> {
  const ours = await openOurs()
  const tls = await openTls13(createNodeCrypto())
  report.notes['handshake_tls13_group'] = tls.group
  try {
    await runWindow(windowMs / 2, PARALLEL, () => ours.handshake())
    await runWindow(windowMs / 2, PARALLEL, () => tls.handshake())
    const rates: { readonly ours: number; readonly tls: number }[] = []
    for (let round = 0; round < rounds; round++) {
      const first = await runWindow(windowMs, PARALLEL, () => ours.handshake())
      const second = await runWindow(windowMs, PARALLEL, () => tls.handshake())
      rates.push({ ours: first.perSecond, tls: second.perSecond })
    }
    const metric = (values: readonly number[], unit: 'handshakes/s' | 'ratio') => {
      return { value: median(values), unit, n: rounds }
    }
    report.metrics['handshakes_per_s'] = metric(
      rates.map((rate) => rate.ours),
      'handshakes/s',
    )
    report.metrics['handshake_tls13_per_s'] = metric(
      rates.map((rate) => rate.tls),
      'handshakes/s',
    )
    report.metrics['handshake_tls13_ratio'] = metric(
      rates.map((rate) => rate.ours / rate.tls),
      'ratio',
    )
  } finally {
    await tls.close()
    await ours.close()
  }
}

async function openOurs(): Promise<{ handshake(): Promise<void>; close(): Promise<void> }> {
  const world = openSessionWorld()
  const { crypto } = world
  const clients = Array.from({ length: CLIENTS }, () => world.participant('doctor'))
  const known = new Map(clients.map((client) => [client.ref as string, client]))
  const facts = world.facts(clients, {
    findParticipant(ref) {
      const found = known.get(ref)
      return found === undefined ? undefined : { isActive: true, publicKey: found.key.publicKey }
    },
  })
  const table = new SessionTable(crypto, world.server, world.organizations)
  let connections = 0
  const server = createServer({ noDelay: true }, (socket) => {
    const conn = connections++
    let isHello = true
    readMessages(socket, (message) => {
      if (isHello) {
        isHello = false
        socket.write(encodeFrame(table.hello(message, conn, NOW)))
        return
      }
      const { record } = table.completeFinish(table.finish(message, NOW), facts, NOW)
      socket.end(encodeFrame(record))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let next = 0
  return {
    async handshake() {
      const client = clients[next++ % CLIENTS] as TestParticipant
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      const pending = startHandshake(crypto)
      socket.write(encodeFrame(pending.hello))
      let unconfirmed: ReturnType<typeof pending.complete> | undefined
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject)
        socket.on('close', () => reject(new Error('the server hung up')))
        readMessages(socket, (message) => {
          if (unconfirmed === undefined) {
            unconfirmed = pending.complete(message, world.check, client.identity)
            socket.write(encodeFrame(unconfirmed.finish))
          } else {
            unconfirmed.confirm(message, NOW.monotonicMs)
            resolve()
          }
        })
      })
      socket.destroy()
    },
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

function readMessages(socket: Socket, take: (message: Uint8Array) => void): void {
  const reader = new FrameReader()
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Uint8Array) => {
    try {
      for (const message of reader.push(chunk)) take(message)
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}
