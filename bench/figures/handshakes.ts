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
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { startHandshake } from '../../shared/protocol/src/session/index.ts'
import { encodeFrame, FrameReader } from '../../shared/tee-abi/src/index.ts'
import { SessionTable } from '../../secure/core/src/sessions/index.ts'
import { NOW, openSessionWorld, type TestParticipant } from '../../testkit/src/session-world.ts'
import { barsBeside, valueOf } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { middle, type Report } from '../harness/report.ts'
import { medianRatio } from '../harness/statistics.ts'
import { runWindow } from '../harness/windows.ts'
import { openTls13 } from './tls13.ts'

/** More than the server remembers chains of. */
const CLIENTS = 1_200
export const PARALLEL = 4

export const handshakes: Measurement = {
  id: 'handshakes',
  title: 'Session handshakes beside TLS 1.3',
  gives: ['handshake'],
  run: (report, { isQuick }) => measureHandshakes(report, isQuick ? 2 : 7, isQuick ? 700 : 2_000),
  plots: (report) =>
    barsBeside(
      'handshakes',
      'Handshakes per second, ours and TLS 1.3 of Node',
      [
        {
          group: 'mutual, hybrid, both sides',
          series: 'Node, TLS 1.3',
          value: valueOf(report, 'handshake_tls13_per_s'),
        },
        { group: 'mutual, hybrid, both sides', series: 'ours, attested', value: valueOf(report, 'handshakes_per_s') },
      ],
      { axis: 'handshakes/s' },
    ),
}

async function measureHandshakes(report: Report, rounds: number, windowMs: number): Promise<void> {
  await withHandshakes(async ({ ours, tls, group }) => {
    report.notes['handshake_tls13_group'] = group
    await runWindow(windowMs / 2, PARALLEL, ours)
    await runWindow(windowMs / 2, PARALLEL, tls)
    const rates: Record<'ours' | 'tls', number[]> = { ours: [], tls: [] }
    for (let round = 0; round < rounds; round++) {
      rates.ours.push((await runWindow(windowMs, PARALLEL, ours)).perSecond)
      rates.tls.push((await runWindow(windowMs, PARALLEL, tls)).perSecond)
    }
    report.metrics['handshakes_per_s'] = middle(rates.ours, 'handshakes/s')
    report.metrics['handshake_tls13_per_s'] = middle(rates.tls, 'handshakes/s')
    const ratio = medianRatio(rates.ours, rates.tls)
    report.metrics['handshake_tls13_ratio'] = { value: ratio, unit: 'ratio', n: rounds }
  })
}

/** One handshake of each kind, both sides in this process. */
export interface Handshakes {
  readonly ours: () => Promise<void>
  readonly tls: () => Promise<void>
  /** Key agreement of TLS. */
  readonly group: string
}

export async function withHandshakes(work: (handshakes: Handshakes) => Promise<void>): Promise<void> {
  const ours = await openOurs()
  const tls = await openTls13(createNodeCrypto())
  try {
    await work({ ours: () => ours.handshake(), tls: () => tls.handshake(), group: tls.group })
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
