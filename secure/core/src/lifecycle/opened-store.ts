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

/** Whether it is somebody's. */
export function isProvisioned({ store }: OpenedStore): boolean {
  return store.findMeta(META_CONFIGURATION) !== undefined
}

/**
 * What the store was provisioned with, or took since.
 * @throws {StorageError} `STORE_DAMAGED`: there is none, or it was not written here.
 */
export function readConfiguration({ store, sealing }: OpenedStore): Configuration {
  const sealed = store.findMeta(META_CONFIGURATION)
  if (sealed === undefined) throw new StorageError('STORE_DAMAGED', 'the configuration is missing')
  return decodeConfiguration(store.crypto, sealing.unseal([META_CONFIGURATION], sealed))
}

/** Durable with the round. */
export function writeConfiguration({ store, sealing }: OpenedStore, { encoded }: Configuration): void {
  store.setMeta(META_CONFIGURATION, sealing.seal([META_CONFIGURATION], encoded))
}
