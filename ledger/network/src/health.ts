/**
 * Whether nodes answer, and which orderer leads: from the operations service that each Fabric node has, and for a
 * chaincode process by a handshake. Not by opening ports: that leaves errors in logs.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { NetworkError } from './errors.ts'
import type { NodePaths } from './folder.ts'
import { LOOPBACK } from './plan.ts'

const LOOK_EVERY_MS = 50

/**
 * Looks until `isSo` says yes.
 * @throws {NetworkError} `NETWORK_NOT_READY` after `timeoutMs`, or as soon as `isLost` says so.
 */
export async function waitUntil(
  what: string,
  isSo: () => Promise<boolean>,
  { timeoutMs = 60_000, isLost = () => false }: { readonly timeoutMs?: number; readonly isLost?: () => boolean } = {},
): Promise<void> {
  const untilMs = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (isLost()) throw new NetworkError('NETWORK_NOT_READY', `${what}: the process ended; see its log`)
    if (performance.now() > untilMs) throw new NetworkError('NETWORK_NOT_READY', `${what}: no answer in time`)
    await sleep(LOOK_EVERY_MS)
  }
}

export async function isHealthy(operationsPort: number, host = LOOPBACK): Promise<boolean> {
  return (await read(operationsPort, '/healthz', host)) !== undefined
}

/** Whether this orderer leads the channel. */
export async function isLeader(operationsPort: number, channel: string, host = LOOPBACK): Promise<boolean> {
  const metrics = (await read(operationsPort, '/metrics', host)) ?? ''
  return ['etcdraft', 'BFT'].some((kind) => metrics.includes(`\nconsensus_${kind}_is_leader{channel="${channel}"} 1\n`))
}

/** How many blocks this node has of the channel; undefined if it does not say. */
export async function blockHeight(
  operationsPort: number,
  channel: string,
  host = LOOPBACK,
): Promise<number | undefined> {
  const metrics = (await read(operationsPort, '/metrics', host)) ?? ''
  const line = metrics.split('\n').find((text) => text.startsWith(`ledger_blockchain_height{channel="${channel}"} `))
  return line === undefined ? undefined : Number(line.slice(line.indexOf('}') + 1))
}

/** A handshake as the peer makes it. */
export function answersTls(port: number, node: NodePaths, clientCertificate: string, clientKey: string) {
  return new Promise<boolean>((resolve) => {
    const socket = connect({
      host: LOOPBACK,
      port,
      servername: 'localhost',
      ca: readFileSync(node.tlsRoot),
      cert: clientCertificate,
      key: clientKey,
      ALPNProtocols: ['h2'],
    })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('secureConnect', () => end(true))
    socket.once('error', () => end(false))
  })
}

async function read(port: number, path: string, host = LOOPBACK): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(2_000) })
    const body = await response.text()
    return response.ok ? body : undefined
  } catch {
    return undefined
  }
}
