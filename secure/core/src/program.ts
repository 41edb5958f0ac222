/**
 * Which program a store belongs to, and when another one takes it over: the successor's security version is not lower,
 * and more than half of the organisations voted for it on the ledger. Spec: docs/protocol/10-tee-abi.md §10.8.
 *
 * The rule is kept by the program that starts, because the device derives the same keys for every program of this
 * identity: it stops a program that was not approved and an older one put back, not one that was made to break it
 * (docs/threat-model.md).
 *
 * @module
 */
import { encodeHex, label } from '../../../shared/crypto/src/index.ts'
import { isApproved, MAX_SECURITY_VERSION, securityVersionShape } from '../../../shared/ledger-model/src/index.ts'
import { bytes, decodeMessage, encodeCbor, struct, type MspId } from '../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from './errors.ts'
import type { Facts } from './facts/queries.ts'
import type { Store } from './store.ts'

const META = 'program'
const KIND = 'program'
const ID = 'current'
const ROW = label('ta-program')

const programShape = struct({ measurement: bytes({ length: 32 }), securityVersion: securityVersionShape })

export interface Program {
  /** 32 bytes. */
  readonly measurement: Uint8Array
  readonly securityVersion: number
}

/**
 * Undefined: no program has taken the store yet.
 * @throws {StorageError} `STATE_ROLLED_BACK` if the row is not the one that was written last.
 */
export function findProgram(store: Store): Program | undefined {
  const row = store.findMeta(META)
  if (row === undefined) {
    store.state.checkAbsent(KIND, ID)
    return undefined
  }
  store.state.checkRow(KIND, ID, store.crypto.sha256(ROW, row))
  return decodeMessage(row, programShape, 'program')
}

/** From here on the store is that program's; durable with the round. */
export function writeProgram(store: Store, { measurement, securityVersion }: Program): void {
  const row = encodeCbor({ measurement, securityVersion })
  store.setMeta(META, row)
  store.state.set(KIND, ID, store.crypto.sha256(ROW, row))
}

/** @throws {TrustedApplicationError} `PROGRAM_DOWNGRADE` */
export function checkNoDowngrade(current: Program, successor: Program): void {
  if (successor.securityVersion < current.securityVersion) throw new TrustedApplicationError('PROGRAM_DOWNGRADE')
}

/** @throws {TrustedApplicationError} `PROGRAM_NOT_APPROVED` */
export function checkApproved(
  facts: Facts,
  organizations: readonly { readonly mspId: MspId }[],
  { measurement, securityVersion }: Program,
): void {
  const record = facts.findProgram(encodeHex(measurement))
  const voters = organizations.map(({ mspId }) => mspId)
  const isVersion = securityVersion <= MAX_SECURITY_VERSION
  if (record === undefined || !isVersion || !isApproved(record, voters, securityVersion)) {
    throw new TrustedApplicationError('PROGRAM_NOT_APPROVED')
  }
}
