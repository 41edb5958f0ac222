/**
 * Several writers on a Fabric network while something happens to it, and whether what was acknowledged to them is on every
 * peer, once.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { CommitStatus, Ledger, LedgerIdentity } from '../../ledger/client/src/port.ts'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { createPatient, patientRegistrationOf } from './consortium.ts'
import type { TestNetwork } from './fabric-ledger.ts'

const WRITERS = 8

export interface Written {
  readonly acknowledged: readonly CommitStatus[]
  /** The longest time without an acknowledgement. */
  readonly gapMs: number
}

/** Registers a patient that nobody has seen. */
export function writePatient(ledger: Ledger, hospital: LedgerIdentity): Promise<CommitStatus> {
  const registration = JSON.stringify(patientRegistrationOf(createPatient()))
  return submitCall(ledger, hospital, { fn: 'registerParticipant', args: [registration] })
}

/** Until one more client has written so many, one after the other. */
export async function writesAfter(count: number, ledger: Ledger, hospital: LedgerIdentity): Promise<void> {
  for (let i = 0; i < count; i++) await writePatient(ledger, hospital)
}

/** Writes with several writers until `disturb` is done. */
export async function writeDuring(
  ledger: Ledger,
  hospital: LedgerIdentity,
  disturb: () => Promise<void>,
): Promise<Written> {
  const acknowledged: CommitStatus[] = []
  let gapMs = 0
  let lastMs = performance.now()
  const over = new AbortController()
  const writers = Array.from({ length: WRITERS }, async () => {
    while (!over.signal.aborted) {
      acknowledged.push(await writePatient(ledger, hospital))
      const nowMs = performance.now()
      gapMs = Math.max(gapMs, nowMs - lastMs)
      lastMs = nowMs
    }
  })
  try {
    await disturb()
  } finally {
    over.abort()
    await Promise.all(writers)
  }
  return { acknowledged, gapMs }
}

/** Each peer, asked alone, has each transaction once as valid, in the block that its status named. */
export async function everyPeerHas(started: TestNetwork, acknowledged: readonly CommitStatus[]): Promise<void> {
  assert.ok(acknowledged.length > 0)
  assert.equal(new Set(acknowledged.map(({ txId }) => txId)).size, acknowledged.length)
  const { profile } = started.network
  const last = Math.max(...acknowledged.map(({ block }) => block))
  for (const peer of profile.peers) {
    const alone = started.connect({}, { ...profile, peers: [peer] })
    const valid = new Map<string, number[]>()
    for await (const block of alone.blocks(0)) {
      for (const { txId, status } of block.transactions) {
        if (status === 'VALID') valid.set(txId, [...(valid.get(txId) ?? []), block.number])
      }
      if (block.number >= last) break
    }
    for (const { txId, block } of acknowledged) assert.deepEqual(valid.get(txId), [block], peer.endpoint)
    await alone.close()
  }
}
