/**
 * Host of the trusted application in a process: ports from the adapters, frames from standard input,
 * frames to standard output. One thread: whatever has arrived is handled, then committed once, then answered
 * (docs/protocol/10-tee-abi.md §10.4).
 *
 * Standard error gets codes only, never content. Ends with 0 after `stop` or the end of the input, with 1 after a fatal
 * error, with 2 for wrong arguments.
 *
 * @module
 */
import { join } from 'node:path'
import process from 'node:process'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { TrustedApplication } from '../../core/src/index.ts'
import { createProcessClock, createProcessEvidence, openDeviceKeyFile } from '../../adapters/node-process/src/index.ts'
import { createSqlCipherPort } from '../../adapters/sqlcipher/src/index.ts'
import { parseArguments, type TaArguments } from './arguments.ts'
import { createTrustedApplication, FrameReader, TA_ID } from './trusted-application.ts'

const DEVICE_KEY_FILE = 'device.key'
/** How soon to look again when something is due without a message. */
const TICK_MS = 100

function compose(args: TaArguments): TrustedApplication {
  const crypto = createNodeCrypto()
  const path = join(args.storeFolder, DEVICE_KEY_FILE)
  const deviceKey = openDeviceKeyFile(crypto, { path, taId: TA_ID })
  const { measurement, runtime, isolation, cipher, cacheKib } = args
  const evidence = createProcessEvidence(crypto, deviceKey, { measurement, runtime, isolation })
  const database = createSqlCipherPort({
    folder: args.storeFolder,
    cipher,
    ...(cacheKib === undefined ? {} : { cacheKib }),
  })
  return createTrustedApplication(
    { crypto, clock: createProcessClock(), deviceKey, evidence, database },
    { measurement, isolation, taId: TA_ID },
  )
}

function serve(application: TrustedApplication): void {
  const { stdin, stdout } = process
  const reader = new FrameReader()
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined

  const commit = (): void => {
    isScheduled = false
    const frames = application.commit()
    stdout.cork()
    let hasRoom = true
    for (const frame of frames) hasRoom = stdout.write(frame)
    stdout.uncork()
    if (application.state === 'stopped') {
      end(application.isFatal ? 1 : 0)
      return
    }
    if (!hasRoom) {
      stdin.pause()
      stdout.once('drain', () => stdin.resume())
    }
    schedule()
  }
  /** Something may be due later although nothing arrives. */
  const schedule = (): void => {
    if (timer === undefined && application.isDue) {
      timer = setTimeout(() => {
        timer = undefined
        if (!isScheduled) commit()
      }, TICK_MS)
    }
  }
  /** Everything that is there in this turn of the event loop goes into one round. */
  const soon = (): void => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(commit)
  }
  const end = (code: number): void => {
    clearTimeout(timer)
    stdin.pause()
    stdin.removeAllListeners()
    process.exitCode = code
    // Whatever was written before is written when this is.
    stdout.end(() => process.exit(code))
  }

  stdin.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) application.handle(message)
    soon()
  })
  stdin.on('end', () => {
    // The host is gone: nobody waits for answers, and what was acknowledged is durable.
    end(0)
  })
  stdout.on('error', () => process.exit(0))
  soon()
}

function report(error: unknown): void {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown }
  process.stderr.write(`trusted application: ${String(name)} ${typeof code === 'string' ? code : ''}\n`)
}

process.on('uncaughtException', (error) => {
  report(error)
  process.exit(1)
})

try {
  serve(compose(parseArguments(process.argv.slice(2))))
} catch (error) {
  if (error instanceof TypeError) process.stderr.write(`trusted application: ${error.message}\n`)
  else report(error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
