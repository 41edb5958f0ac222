/**
 * Who holds a store: the instance that the store names, until more than half of the organisations named another one on
 * the ledger for a later term. Spec: docs/protocol/10-tee-abi.md §10.9, 07-ledger.md §7.16.
 *
 * @module
 */
import { encodeHex, equalBytes, label } from '../../../../shared/crypto/src/index.ts'
import {
  approvedSuccession,
  MAX_TERM,
  type Succession,
  type SuccessionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  optional,
  struct,
  uint,
  type Infer,
  type MspId,
} from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { Store } from '../store.ts'

const META = 'holder'
const KIND = 'holder'
const ID = 'current'
const ROW = label('ta-holder')

const holderShape = struct({
  term: uint({ max: MAX_TERM }),
  instance: bytes({ length: 32 }),
  from: optional(struct({ epoch: uint({ min: 1 }), size: uint({ min: 1 }), root: bytes({ length: 32 }) })),
})

/**
 * `from`: the state below the anchored checkpoint of that epoch, with which it took over. Until the ledger has a later
 * checkpoint, that state is what the store must contain in place of the checkpoint.
 */
export type Holder = Infer<typeof holderShape>

/** A state below the newest anchored checkpoint from which the organisations let the server go on. */
export type GivenUp = NonNullable<Holder['from']>

/**
 * Undefined: the store is of before the rule, which only the device that made it can open.
 * @throws {StorageError} `STATE_ROLLED_BACK` if the row is not the one that was written last.
 */
export function findHolder(store: Store): Holder | undefined {
  const row = store.findMeta(META)
  if (row === undefined) {
    store.state.checkAbsent(KIND, ID)
    return undefined
  }
  store.state.checkRow(KIND, ID, store.crypto.sha256(ROW, row))
  return decodeMessage(row, holderShape, 'holder')
}

/** From here on that instance holds the store; durable with the round. */
export function writeHolder(store: Store, { term, instance, from }: Holder): void {
  const row = encodeCbor({ term, instance, ...(from === undefined ? {} : { from }) })
  store.setMeta(META, row)
  store.state.set(KIND, ID, store.crypto.sha256(ROW, row))
}

/**
 * @param holder as the store names it.
 * @param instance 32 bytes, the one that asks.
 * @param organizations whose votes count, each once.
 * @returns the succession by which the instance takes the store over; undefined if it holds it already.
 * @throws {StorageError} `STORE_SUCCEEDED` if the organisations gave the store to another instance than the one that
 * held it; `STORE_NOT_HELD` if it was never the store of this one.
 */
export function checkHolder(
  holder: Holder,
  instance: Uint8Array,
  record: SuccessionRecord,
  organizations: readonly { readonly mspId: MspId }[],
): Succession | undefined {
  const voters = organizations.map(({ mspId }) => mspId)
  const approved = approvedSuccession(record, voters)
  const isHolder = equalBytes(holder.instance, instance)
  // A term that the store knows to be over names nobody.
  if (approved === undefined || approved.term < holder.term) {
    if (isHolder) return undefined
    throw notHeld()
  }
  const isNamed = approved.instance === encodeHex(instance)
  if (isNamed && approved.term > holder.term) return approved
  if (isNamed && isHolder) return undefined
  if (isHolder) throw new StorageError('STORE_SUCCEEDED', 'the organisations gave the store to another instance')
  throw notHeld()
}

/**
 * That the log is the state that was agreed on; a store that is not served adds nothing to it.
 * @throws {StorageError} `STATE_ROLLED_BACK` for any other log.
 */
export function checkIsAt({ log }: Store, { size, root }: Pick<GivenUp, 'size' | 'root'>): void {
  if (log.size !== size || !equalBytes(log.root(), root)) {
    throw new StorageError('STATE_ROLLED_BACK', 'the store is not the state that the organisations agreed on')
  }
}

function notHeld(): StorageError {
  return new StorageError('STORE_NOT_HELD', 'another instance holds the store')
}
