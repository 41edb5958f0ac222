/**
 * The record server of this system on new hardware: an empty folder in place of the lost one, and what hospitals and
 * administrators are to do then. Spec: docs/protocol/12-recovery-shares.md; run book: docs/operations/backups.md.
 *
 * Limits: process TEE.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError, usageError } from '../command-error.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import { fetchRestoring, type RestoringDevice } from '../record-server.ts'
import type { Consortium } from '../system-file.ts'
import { ensureServer, storeFolder } from './tees.ts'

const LOOK_EVERY_MS = 50

/**
 * The lost server's name for the new device.
 * @throws {CommandError} `CLIENT_USAGE` where there is a store, or never was a system; `TEE_NOT_OFFERED` in TrustZone.
 */
export function prepareNewHardware(context: Context, { serverRef }: Consortium, isFirst: boolean): void {
  const { state } = context
  if (isFirst) throw usageError('There is no system here whose record server could be restored.', 'trusthealth start')
  const path = join(state.server, 'server.json')
  if (!existsSync(path)) writePrivateFile(path, `${JSON.stringify({ v: 1, serverRef, tee: 'process' })}\n`)
  if (ensureServer(context, undefined).tee !== 'process') {
    throw new CommandError('TEE_NOT_OFFERED', {
      what: 'A record server in TrustZone is not restored from shares.',
      next: 'see docs/operations/backups.md, at its end',
    })
  }
  // Cut off and begun again: the device has its key, and a part of the shares.
  const data = join(storeFolder(state), 'data')
  if (existsSync(join(data, 'store.db')) && !existsSync(join(data, 'pairing.db'))) {
    throw usageError('The record server has its store: nothing is restored over it.', 'trusthealth start')
  }
}

/** The new device, once its trusted application runs. @throws {CommandError} `CLIENT_USAGE` if it does not come up. */
export async function restoringDevice(context: Context, url: string): Promise<RestoringDevice> {
  const untilMs = performance.now() + timeoutOf(context)
  for (;;) {
    const device = await fetchRestoring(context, url).catch(() => undefined)
    if (device?.instance !== undefined && device.state !== 'new') return device
    if (performance.now() > untilMs) throw usageError('The new device does not come up.', 'trusthealth status')
    await sleep(LOOK_EVERY_MS)
  }
}

/** What is to be done, in order. */
export function restoringWords({ instance = '' }: RestoringDevice): string {
  return [
    `This device waits for the key of the store. Its instance: ${instance}`,
    'Each administrator, who compares it by telephone:',
    `  trusthealth recovery approve --instance ${instance}`,
    'Then each hospital, until there are enough:',
    '  trusthealth recovery give --as HOSPITAL',
    'How far it is:',
    '  trusthealth recovery shares',
    'Ctrl-C stops everything.',
  ].join('\n')
}
