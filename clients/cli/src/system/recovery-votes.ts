/**
 * What the votes for who holds a store are decided by: the store on this device, the newest checkpoint on the ledger, and
 * the votes there. Spec: docs/protocol/07-ledger.md §7.16, 10-tee-abi.md §10.9.
 *
 * Limits: the store is looked at in the process TEE, while the record server does not run.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Organization } from '../../../../hospital/src/index.ts'
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  approvedSuccession,
  checkpointRecordShape,
  parseResult,
  successionRecordShape,
  type CheckpointRecord,
  type Succession,
  type SuccessionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import type { MspId, Sha256Hex } from '../../../../shared/protocol/src/index.ts'
import { startTee } from '../../../../tee/kinds/src/index.ts'
import { CommandError, doing } from '../command-error.ts'
import type { Context } from '../context.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import type { Consortium, SystemState } from '../system-file.ts'
import { ensureServer, programPath, storeFolder } from './tees.ts'

/** The store on this device as its trusted application sees it, before the ledger is asked. */
export interface StoreHere {
  readonly instance: Sha256Hex
  readonly term: number
  readonly epoch: number
  readonly size: number
  /** Of the log at `size`. */
  readonly root: Sha256Hex
}

/** What the ledger has. */
export interface OnLedger {
  readonly record: SuccessionRecord
  /** Undefined: no succession is approved. */
  readonly approved: Succession | undefined
  /** Undefined: nothing was anchored yet. */
  readonly checkpoint: CheckpointRecord | undefined
}

/** Whether the record server's program runs: then it has the store open, and nobody else may. */
export function isServerRunning({ programs }: SystemState): boolean {
  return programs['record-server']?.state === 'running'
}

/**
 * Starts the trusted application on the store, asks it, and ends it; the ledger is not asked, so it serves nothing.
 * Undefined: the record server runs, or there is no store here.
 * @throws {CommandError} `TEE_NOT_OFFERED` in another kind of TEE.
 * @throws {TeeError} with which the application ends: `STORE_DAMAGED`, …
 */
export async function storeHere(context: Context, system: SystemState): Promise<StoreHere | undefined> {
  const { state } = context
  if (isServerRunning(system) || !existsSync(join(storeFolder(state), 'data'))) return undefined
  if (ensureServer(context, undefined).tee !== 'process') {
    throw new CommandError('TEE_NOT_OFFERED', {
      what: 'In TrustZone the store cannot be looked at while the record server stands still.',
      next: 'vote for an instance: trusthealth recovery approve --instance …',
    })
  }
  const taPath = programPath(state, 'process')
  const measurement = createHash('sha256').update(readFileSync(taPath)).digest('hex')
  const tee = await startTee({ taPath, measurement, storeFolder: storeFolder(state) })
  try {
    const { instance, term = 0, epoch, logSize: size, logRoot } = await tee.request('status', {})
    if (instance === undefined || logRoot === undefined) return undefined
    return { instance: encodeHex(instance) as Sha256Hex, term, epoch, size, root: encodeHex(logRoot) as Sha256Hex }
  } finally {
    await tee.close()
  }
}

/** Of a quorum of the organisations. @throws {CommandError} why it cannot be read. */
export async function successionOnLedger(
  context: Context,
  consortium: Consortium,
  system: SystemState,
): Promise<OnLedger> {
  const reader = await ledgerReaderOf(context, consortium, system)
  const { serverRef, operatorMspId, hospitals } = consortium
  return await doing('The votes cannot be read', async () => {
    const fns = ['succession', 'checkpoint'] as const
    const [votes, anchored] = await reader.read(fns.map((fn) => ({ fn, args: [serverRef] })))
    const record = parseResult(votes?.status === 200 ? votes.result : '', successionRecordShape)
    const organizations: MspId[] = [operatorMspId, ...hospitals.map(({ mspId }) => mspId)]
    const checkpoint = anchored?.status === 200 ? parseResult(anchored.result, checkpointRecordShape) : undefined
    return { record, approved: approvedSuccession(record, organizations), checkpoint }
  })
}

/** Whether the ledger has a checkpoint of a later moment than the store. */
export function isBelow({ epoch, size }: StoreHere, checkpoint: CheckpointRecord | undefined): boolean {
  return checkpoint !== undefined && (checkpoint.epoch > epoch || checkpoint.size > size)
}

/** One vote of each; repeating it changes nothing. @throws {LedgerError} as `Ledger.submit` */
export async function voteForSuccession(
  ledger: Ledger,
  organizations: readonly Organization[],
  serverRef: string,
  succession: Succession,
): Promise<void> {
  const args = [serverRef, JSON.stringify(succession)]
  for (const { admin } of organizations) await submitCall(ledger, admin, { fn: 'approveSuccession', args })
}

/** @throws {LedgerError} as `Ledger.submit` */
export async function withdrawSuccessionVotes(
  ledger: Ledger,
  organizations: readonly Organization[],
  serverRef: string,
  term: number,
): Promise<void> {
  const args = [serverRef, String(term)]
  for (const { admin } of organizations) await submitCall(ledger, admin, { fn: 'withdrawSuccession', args })
}
