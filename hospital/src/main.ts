/**
 * The hospital service as a program: `node hospital/src/main.ts --folder FOLDER`, with `hospital.json` and the keys in
 * the folder; with `--restore COPY` it puts a copy of the store back and ends. Prints one line of JSON when it takes requests, then logs to standard error. Ends on SIGTERM, SIGINT, and
 * when its standard input ends: a service whose starter is gone does not stay behind. With `--stay` that end means nothing:
 * for service managers, which give no input.
 *
 * @module
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { restoreStore } from './backup.ts'
import { startHospital, type RunningHospital } from './compose.ts'
import { readHospitalConfiguration, type HospitalConfiguration } from './configuration.ts'
import type { DirectorySource } from './directories.ts'
import { readStoreKey } from './store-key.ts'

/** A part that hangs is a part that does not answer. */
const REQUEST_MS = 30_000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { folder: { type: 'string' }, restore: { type: 'string' }, stay: { type: 'boolean', default: false } },
  })
  if (values.folder === undefined) throw new Error('usage: main.ts --folder FOLDER [--restore COPY]')
  if (values.restore !== undefined) return restore(values.folder, values.restore)
  const { folder } = values
  const configuration = readHospitalConfiguration(folder)
  const log = pino({ name: 'hospital', base: null }, pino.destination(2))
  const hospital = await startHospital({
    crypto: createNodeCrypto(),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    fetch: (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) }),
    fetchBytes: (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) }),
    folder,
    environment: process.env,
    configuration,
    directories: () => directoriesNow(folder, configuration),
    // Codes and places only: causes may hold what a request said.
    onFault: (where, error) => log.error({ where, fault: faultOf(error) }, 'fault'),
  })
  log.info({ ref: hospital.ref, url: hospital.url }, 'ready')
  process.stdout.write(`${JSON.stringify({ ready: true, url: hospital.url, ref: hospital.ref })}\n`)
  stopWithStarter(hospital, values.stay)
}

/** Hospitals that joined since the start are in the file; while it is being changed by hand, those of the start stay. */
function directoriesNow(folder: string, started: HospitalConfiguration): readonly DirectorySource[] {
  try {
    return readHospitalConfiguration(folder).directories ?? []
  } catch {
    return started.directories ?? []
  }
}

/** Puts a copy of the store back, while nothing runs on the folder. */
function restore(folder: string, copy: string): void {
  const { storeKey = { from: 'file' } } = readHospitalConfiguration(folder)
  const store = join(folder, 'store')
  const key = readStoreKey(storeKey, store, process.env)
  try {
    const aside = restoreStore(store, copy, key, Date.now())
    process.stdout.write(`${JSON.stringify({ restored: copy, ...(aside === undefined ? {} : { aside }) })}\n`)
  } finally {
    key.fill(0)
  }
}

function stopWithStarter(hospital: RunningHospital, stay: boolean): void {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= hospital.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (!stay && !process.stdin.isTTY) process.stdin.on('end', stop).on('error', stop).resume()
}

function faultOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? (error.stack ?? error.name) : 'unknown'
}

if (import.meta.main) await main()
