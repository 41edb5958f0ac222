/**
 * A store that is open, with the keys that opened it, and the configuration that it was provisioned with.
 *
 * @module
 */
import { StorageError } from '../errors.ts'
import { decodeConfiguration, type Configuration } from '../keys/configuration.ts'
import { storeKeysOf } from '../keys/sealing.ts'
import { SealingKeys } from '../keys/sealing-keys.ts'
import { Store } from '../store.ts'
import { DATABASE, type Installation } from './installation.ts'

const META_CONFIGURATION = 'configuration'
const KIND = 'configuration'
const ID = 'current'
/** The entry that a store is made with. */
const EMPTY_LOG_SIZE = 1

export interface OpenedStore {
  readonly store: Store
  /** 32 bytes, from which the keys are derived. */
  readonly root: Uint8Array
  /** What is sealed inside it. */
  readonly sealing: SealingKeys
  /** Number of the set of shares by which this device came by the root, if it came by it so. */
  readonly restoredSet: number | undefined
}

/** How a store came to this device. */
export interface Provenance {
  readonly restoredSet?: number | undefined
  /** 32 bytes: the root of the server whose replica this was. */
  readonly rootBefore?: Uint8Array | undefined
}

/**
 * Opens what is there, or makes an empty store.
 * @param root 32 bytes.
 * @throws {StorageError} as `Store.open`.
 */
export function openStore(
  { ports, bucketBits, limits, migrations }: Installation,
  root: Uint8Array,
  { restoredSet, rootBefore }: Provenance = {},
): OpenedStore {
  const database = ports.database.open(DATABASE, storeKeysOf(ports.crypto, root).database)
  const store = Store.open(ports.crypto, database, bucketBits, limits, migrations)
  return { store, root, sealing: new SealingKeys(store, root, rootBefore), restoredSet }
}

/**
 * The sealed configuration of a store that is somebody's; undefined: it is nobody's and empty.
 * @throws {StorageError} `STATE_ROLLED_BACK` for one that does not say any more whose it is: whoever provisioned it anew
 * would have what is in it.
 */
export function findConfiguration({ store }: OpenedStore): Uint8Array | undefined {
  const sealed = store.findMeta(META_CONFIGURATION)
  if (sealed === undefined && store.log.size > EMPTY_LOG_SIZE) {
    throw new StorageError('STATE_ROLLED_BACK', 'the configuration was taken away')
  }
  return sealed
}

/**
 * What the store was provisioned with, or took since.
 * @throws {StorageError} `STORE_DAMAGED`: it was not written here; `STATE_ROLLED_BACK` for an earlier one.
 */
export function openConfiguration({ store, sealing }: OpenedStore, sealed: Uint8Array): Configuration {
  const configuration = decodeConfiguration(store.crypto, sealing.unseal([META_CONFIGURATION], sealed))
  // Stores of before the rule have no head of it, until it is written again or another program takes the store over.
  if (store.state.get(KIND, ID) !== undefined) store.state.checkRow(KIND, ID, configuration.digest)
  return configuration
}

/** Durable with the round. */
export function writeConfiguration({ store, sealing }: OpenedStore, configuration: Configuration): void {
  store.setMeta(META_CONFIGURATION, sealing.seal([META_CONFIGURATION], configuration.encoded))
  headConfiguration(store, configuration)
}

/** An earlier one is noticed from here on. Durable with the round. */
export function headConfiguration({ state }: Store, { digest }: Configuration): void {
  state.set(KIND, ID, digest)
}
