/**
 * The hospital service as a program: `node hospital/src/main.ts --folder FOLDER`, with `hospital.json` and the keys in
 * the folder. Prints one line of JSON when it takes requests, then logs to standard error. Ends on SIGTERM, SIGINT, and
 * when its standard input ends: a service whose starter is gone does not stay behind.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { startHospital, type RunningHospital } from './compose.ts'
import { readHospitalConfiguration } from './configuration.ts'

/** A part that hangs is a part that does not answer. */
const REQUEST_MS = 30_000

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { folder: { type: 'string' } } })
  if (values.folder === undefined) throw new Error('usage: main.ts --folder FOLDER')
  const log = pino({ name: 'hospital', base: null }, pino.destination(2))
  const hospital = await startHospital({
    crypto: createNodeCrypto(),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    fetch: (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) }),
    fetchBytes: (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) }),
    folder: values.folder,
    configuration: readHospitalConfiguration(values.folder),
    // Codes and places only: causes may hold what a request said.
    onFault: (where, error) => log.error({ where, fault: faultOf(error) }, 'fault'),
  })
  log.info({ ref: hospital.ref, url: hospital.url }, 'ready')
  process.stdout.write(`${JSON.stringify({ ready: true, url: hospital.url, ref: hospital.ref })}\n`)
  stopWithStarter(hospital)
}

function stopWithStarter(hospital: RunningHospital): void {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= hospital.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (!process.stdin.isTTY) process.stdin.on('end', stop).on('error', stop).resume()
}

function faultOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? (error.stack ?? error.name) : 'unknown'
}

if (import.meta.main) await main()
