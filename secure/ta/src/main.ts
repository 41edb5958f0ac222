/**
 * Host of the trusted application in a process: ports from the adapters, frames from standard input,
 * frames to standard output. One thread: whatever has arrived is handled, then committed once, then, when the disk has
 * it, answered (rounds.ts).
 *
 * Standard error gets codes only, never content. Ends with 0 after `stop` or the end of the input, with 1 after a fatal
 * error, with 2 for wrong arguments.
 *
 * @module
 */
import { readSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { TrustedApplication } from '../../core/src/index.ts'
import {
  createProcessClock,
  createProcessCompression,
  createProcessEvidence,
  openDeviceKeyFile,
} from '../../adapters/node-process/src/index.ts'
import { createDeferredSqlCipherPort, type DeferredSqlCipherPort } from '../../adapters/sqlcipher/src/index.ts'
import { parseArguments, type TaArguments } from './arguments.ts'
import { Rounds } from './rounds.ts'
import { createTrustedApplication, FrameReader, TA_ID } from './trusted-application.ts'

const DEVICE_KEY_FILE = 'device.key'
/** On Windows a stream has always asked for its next bytes already. */
const readsAtOnce = process.platform !== 'win32'

interface Program {
  readonly application: TrustedApplication
  readonly database: DeferredSqlCipherPort
}

function compose(args: TaArguments): Program {
  const crypto = createNodeCrypto()
  const path = join(args.storeFolder, DEVICE_KEY_FILE)
  const deviceKey = openDeviceKeyFile(crypto, { path, taId: TA_ID })
  const { measurement, runtime, isolation, cipher, cacheKib } = args
  const evidence = createProcessEvidence(crypto, deviceKey, { measurement, runtime, isolation })
  const database = createDeferredSqlCipherPort({
    folder: args.storeFolder,
    cipher,
    ...(cacheKib === undefined ? {} : { cacheKib }),
  })
  const application = createTrustedApplication(
    { crypto, clock: createProcessClock(), deviceKey, evidence, database, compression: createProcessCompression() },
    { measurement, isolation, taId: TA_ID },
  )
  return { application, database }
}

function serve({ application, database }: Program): void {
  const { stdin, stdout } = process
  const reader = new FrameReader()

  const release = (frames: readonly Uint8Array[]): void => {
    stdout.cork()
    let hasRoom = true
    for (const frame of frames) hasRoom = stdout.write(frame)
    stdout.uncork()
    if (application.state === 'stopped') {
      end(application.isFatal ? 1 : 0)
    } else if (!hasRoom) {
      stdin.pause()
      stdout.once('drain', () => stdin.resume())
    }
  }
  const rounds = new Rounds({ application, sync: () => database.sync(), release, fail })
  const end = (code: number): void => {
    rounds.end()
    stdin.pause()
    stdin.removeAllListeners()
    process.exitCode = code
    // Whatever was written before is written when this is.
    stdout.end(() => process.exit(code))
  }

  stdin.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) application.handle(message)
    if (readsAtOnce) readRest(reader, (message) => application.handle(message))
    rounds.soon()
  })
  stdin.on('end', () => {
    // The host is gone: nobody waits for answers, and what was acknowledged is durable.
    end(0)
  })
  stdout.on('error', () => process.exit(0))
  rounds.soon()
}

/**
 * What has arrived of a message that did not come whole, straight into its place: a stream would carry it in chunks of
 * 64 KiB, each with memory of its own, which takes twice as long.
 */
function readRest(reader: FrameReader, take: (message: Uint8Array) => void): void {
  let room = reader.room
  while (room !== undefined) {
    const bytes = readNow(room)
    if (bytes === 0) return
    const message = reader.filled(bytes)
    if (message !== undefined) take(message)
    room = reader.room
  }
}

/** Descriptor 0 does not block once it is a stream. @returns 0 when there is nothing, or nothing any more. */
function readNow(room: Uint8Array): number {
  try {
    return readSync(0, room)
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'EAGAIN') return 0
    throw error
  }
}

function report(error: unknown): void {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown }
  process.stderr.write(`trusted application: ${String(name)} ${typeof code === 'string' ? code : ''}\n`)
}

function fail(error: unknown): void {
  report(error)
  process.exit(1)
}

// Only names and codes are reported: collecting a stack for each refusal would be work for nobody.
Error.stackTraceLimit = 0
process.on('uncaughtException', fail)

try {
  serve(compose(parseArguments(process.argv.slice(2))))
} catch (error) {
  if (error instanceof TypeError) process.stderr.write(`trusted application: ${error.message}\n`)
  else report(error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
