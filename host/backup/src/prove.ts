/**
 * Shows that a backup is good for something: the trusted application is started beside the running one, on a copy, and must
 * come to the point where it would serve: pages decrypt, rows, state and log agree, and the log contains the newest
 * checkpoint that the ledger has. Nothing that it does there leaves: it may read the ledger and write nothing to it.
 *
 * @module
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger, LedgerIdentity } from '../../../ledger/client/src/index.ts'
import { ProtocolError } from '../../../shared/protocol/src/index.ts'
import { TeeError } from '../../../tee/src/errors.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { startSupplicant } from '../../supplicant/src/supplicant.ts'
import type { Backup, Repository } from './repository.ts'
import { writeBackup } from './restore.ts'

const LOOK_EVERY_MS = 50
/** Of the trusted application's disk, all but the store itself: what belongs to the device. */
const OF_THE_STORE = /^store\.db/

export interface ProofParts {
  readonly repository: Repository
  readonly backup: Backup
  /** The running one's disk: the device's key is there. Only read. */
  readonly dataFolder: string
  /** A folder of the same protection, for the copy; a new folder in it is made and removed. */
  readonly scratchFolder: string
  /** Starts the trusted application; its disk is the subfolder `data`. */
  readonly startTee: (storeFolder: string) => Promise<TeeDriver>
  readonly ledger: Ledger
  readonly identity: LedgerIdentity
  readonly deadlineMs: number
}

export interface Proven {
  readonly logSize: number
  readonly epoch: number
  /** Entries that the ledger vouches for; undefined if nothing was anchored yet. */
  readonly anchoredSize?: number
  readonly records: number
}

/** @throws {TeeError} with which it refuses: `STATE_ROLLED_BACK`, `CHECKPOINT_FORKED`, `STORE_DAMAGED`, … */
export async function proveSnapshot(parts: ProofParts): Promise<Proven> {
  const { repository, backup, dataFolder, scratchFolder, startTee, ledger, identity, deadlineMs } = parts
  mkdirSync(scratchFolder, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(scratchFolder, 'proof-'))
  try {
    const data = join(folder, 'data')
    mkdirSync(data, { mode: 0o700 })
    for (const name of readdirSync(dataFolder).filter((one) => !OF_THE_STORE.test(one))) {
      cpSync(join(dataFolder, name), join(data, name), { recursive: true })
    }
    writeBackup(repository, backup, data)
    const tee = await startTee(folder)
    try {
      const supplicant = startSupplicant({
        tee,
        ledger: readOnly(ledger),
        identity,
        indexPath: join(folder, 'index.db'),
      })
      try {
        return await serving(tee, deadlineMs)
      } finally {
        await supplicant.close()
      }
    } finally {
      await tee.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A checkpoint of the copy on the ledger would end the running server. */
function readOnly(ledger: Ledger): Ledger {
  const refuse = () => Promise.reject(new ProtocolError('LEDGER_UNAVAILABLE', 'a proof writes nothing'))
  return new Proxy(ledger, {
    get(target, member) {
      if (member === 'submit' || member === 'prepare') return refuse
      const value: unknown = Reflect.get(target, member)
      return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value
    },
  })
}

async function serving(tee: TeeDriver, deadlineMs: number): Promise<Proven> {
  const untilMs = performance.now() + deadlineMs
  for (;;) {
    if (tee.failure !== undefined) throw new TeeError(tee.failure)
    if (tee.state === 'running') {
      const status = await tee.request('status', {}).catch(() => undefined)
      if (status?.state === 'serving') {
        const { logSize, epoch, anchoredSize, records } = status
        return { logSize, epoch, records, ...(anchoredSize === undefined ? {} : { anchoredSize }) }
      }
    }
    if (performance.now() > untilMs) throw new ProtocolError('LEDGER_UNAVAILABLE', 'no answer of the ledger')
    await sleep(LOOK_EVERY_MS)
  }
}
