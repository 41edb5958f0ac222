/**
 * The hospital as a witness, composed: memory in its own folder, keys from endorsed reads of the ledger.
 *
 * @module
 */
import { join } from 'node:path'
import type { Fetch } from '../../../clients/sdk/src/hospital-calls.ts'
import { readLedger } from '../../../clients/sdk/src/ledger-reader.ts'
import type { LedgerReader } from '../../../clients/sdk/src/ports.ts'
import type { Crypto, SigningKey } from '../../../shared/crypto/src/index.ts'
import { checkpointRecordShape, participantRecordShape } from '../../../shared/ledger-model/src/index.ts'
import type { HospitalRef, ServerRef } from '../../../shared/protocol/src/index.ts'
import { WitnessFeeder } from './feeder.ts'
import { Witness } from './witness.ts'
import { WitnessMemory } from './witness-memory.ts'

export { witnessPlugin } from './routes.ts'

export interface HospitalWitness {
  readonly witness: Witness
  readonly feeder: WitnessFeeder
}

export interface HospitalWitnessParts {
  readonly crypto: Crypto
  /** The hospital's own folder. */
  readonly folder: string
  readonly ref: HospitalRef
  readonly signingKey: SigningKey
  readonly ledger: LedgerReader
  readonly server: { readonly ref: ServerRef; readonly url: string }
  readonly fetch: Fetch
  readonly nowMs: () => number
}

export function openWitness(parts: HospitalWitnessParts): HospitalWitness {
  const { crypto, folder, ref, signingKey, ledger, server, fetch, nowMs } = parts
  const witness = new Witness({
    crypto,
    name: ref,
    key: signingKey,
    memory: new WitnessMemory(join(folder, 'witness')),
    nowMs,
    async findServer(log) {
      const record = await found(
        readLedger(ledger, 'participant', [log], participantRecordShape),
        'PARTICIPANT_UNKNOWN',
      )
      return record?.status === 'active' && record.kind === 'server' ? record : undefined
    },
  })
  const anchored = async (log: ServerRef) => {
    const record = await found(readLedger(ledger, 'checkpoint', [log], checkpointRecordShape), 'CHECKPOINT_NOT_FOUND')
    return record?.checkpoint
  }
  return { witness, feeder: new WitnessFeeder({ witness, server, fetch, anchored }) }
}

/** Undefined where the ledger has none. */
async function found<T>(reading: Promise<{ readonly value: T }>, none: string): Promise<T | undefined> {
  try {
    return (await reading).value
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === none) return undefined
    throw error
  }
}
