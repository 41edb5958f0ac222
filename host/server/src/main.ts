/**
 * The record server's normal world as a program: starts the trusted application in its TEE, serves it, and lets clients
 * in. Prints `{"url": …}` on one line when sessions can be opened. Ends with SIGTERM, SIGINT, and when its
 * standard input ends: a server whose starter is gone does not stay behind. With `--stay` the end of standard input means
 * nothing: for service managers, which give none.
 *
 *     node host/server/src/main.ts --config FILE [--stay]
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { pino, type Logger } from 'pino'
import { openLedger } from '../../../ledger/client/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { startTee } from '../../../tee/kinds/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { TeeError } from '../../../tee/src/errors.ts'
import { startFollowing, type Following } from '../../replica/src/index.ts'
import { startSupplicant } from '../../supplicant/src/supplicant.ts'
import { readHostConfiguration, type HostConfiguration } from './configuration.ts'
import { codeOf } from './http-errors.ts'
import { startRestoring, type Restoring } from './restoring.ts'
import { startHostServer } from './server.ts'
import { witnessKeysOf } from './witness-keys.ts'

const LOOK_EVERY_MS = 20

interface Running {
  readonly url: string
  close(): Promise<void>
}

async function start(configuration: HostConfiguration, log: Logger): Promise<Running> {
  const crypto = createNodeCrypto()
  const {
    reader,
    readerCertificate,
    ledgerUrl,
    channel,
    indexPath,
    port,
    operatorToken,
    replica,
    restore,
    storeFolder,
  } = configuration
  const identity = {
    mspId: reader.mspId,
    cert: readerCertificate,
    signingKey: crypto.importSigningKey(reader.signingKey),
  }
  const ledger = await openLedger(ledgerUrl, { crypto, channel, identity })
  const tee = await startTee(configuration, (line) => log.warn({ ta: line }))
  const supplicant = startSupplicant({
    tee,
    ledger,
    identity,
    indexPath,
    onNotice: ({ kind }) => log.info({ notice: kind }),
    onTrouble: (where, code) => log.warn({ trouble: where, code }),
  })
  let following: Following | undefined
  let restoring: Restoring | undefined
  const close = async () => {
    await following?.close()
    await restoring?.close()
    await supplicant.close()
    await tee.close()
    await ledger.close()
  }
  try {
    const dataFolder = join(storeFolder, 'data')
    if (restore !== undefined) {
      restoring = startRestoring({
        tee,
        configuration: readFileSync(restore.configuration),
        backups: restore.backups,
        dataFolder,
        nowMs: () => Date.now(),
        onTrouble: (code) => log.warn({ trouble: 'restore', code }),
      })
    } else if (replica?.follow === undefined) {
      await serving(tee)
    } else {
      const onTrouble = (code: string) => log.warn({ trouble: 'replica', code })
      following = startFollowing({ tee, url: replica.follow, token: replica.token, dataFolder, onTrouble })
    }
    const monotonicMs = () => performance.now()
    const witnesses = { crypto, monotonicMs, findWitness: witnessKeysOf(crypto, ledger, monotonicMs) }
    const server = await startHostServer({
      tee,
      supplicant: () => supplicant.status,
      witnesses,
      port,
      logger: log,
      ...(restoring === undefined ? {} : { restoring }),
      ...(operatorToken === undefined ? {} : { operatorToken }),
      ...(replica === undefined
        ? {}
        : {
            replica: {
              token: replica.token,
              dataFolder,
              scratchFolder: join(storeFolder, 'copies'),
              following: () => following?.status,
            },
          }),
    })
    return {
      url: server.url,
      async close() {
        await server.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Until the trusted application has compared its store with the ledger. @throws {TeeError} why it will not serve. */
async function serving(tee: TeeDriver): Promise<void> {
  for (;;) {
    if (tee.failure !== undefined) throw new TeeError(tee.failure)
    if (tee.state === 'running') {
      const { state } = await tee.request('status', {}).catch(stillStarting)
      if (state === 'serving') return
      if (state === 'new' || state === 'provisioned') throw new TeeError('TEE_NOT_PROVISIONED')
    }
    await sleep(LOOK_EVERY_MS)
  }
}

function stillStarting(error: unknown): { readonly state: 'recovering' } {
  if (codeOf(error) === 'TEE_RESTARTED' || codeOf(error) === 'SERVER_UNAVAILABLE') return { state: 'recovering' }
  throw error
}

function stopWithStarter(running: Running, stay: boolean): void {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= running.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (!stay && !process.stdin.isTTY) process.stdin.on('end', stop).on('error', stop).resume()
}

const { values } = parseArgs({ options: { config: { type: 'string' }, stay: { type: 'boolean', default: false } } })
try {
  if (values.config === undefined) throw new TypeError('--config is missing')
  const log = pino({ name: 'record-server', base: null }, pino.destination(2))
  const running = await start(readHostConfiguration(values.config), log)
  stopWithStarter(running, values.stay)
  process.stdout.write(`${JSON.stringify({ url: running.url })}\n`)
} catch (error) {
  // A fault of our own needs its place; coded errors say enough, and their causes may not.
  const detail = codeOf(error) === 'SERVICE_FAULT' && error instanceof Error ? error.stack : undefined
  process.stderr.write(`${JSON.stringify({ code: codeOf(error), detail })}\n`)
  process.exit(1)
}
