/**
 * Who holds this store, as it names them and as the organisations say: this instance, until they name another. The rule
 * itself is recovery/holder.ts. Spec: docs/protocol/10-tee-abi.md §10.9.
 *
 * @module
 */
import { decodeHex, equalBytes } from '../../../../shared/crypto/src/index.ts'
import type { CheckpointRecord, Succession, SuccessionRecord } from '../../../../shared/ledger-model/src/index.ts'
import { StorageError } from '../errors.ts'
import { checkHolder, checkIsAt, findHolder, writeHolder, type GivenUp, type Holder } from '../recovery/holder.ts'
import type { Store } from '../store.ts'
import type { Vault } from '../vault.ts'
import type { Installation } from './installation.ts'
import type { OpenedStore } from './opened-store.ts'

export class Holding {
  readonly #store: Store
  /** 32 bytes, of this application on this device. */
  readonly #instance: Uint8Array
  #holder: Holder

  private constructor(store: Store, instance: Uint8Array, holder: Holder) {
    this.#store = store
    this.#instance = instance
    this.#holder = holder
  }

  /** Of a store that is provisioned here and now; `write` makes it durable with the round. */
  static first({ store }: OpenedStore, { instance }: Installation): Holding {
    return new Holding(store, instance.digest, { term: 0, instance: instance.digest })
  }

  /**
   * As the store names it.
   * @throws {StorageError} `STATE_ROLLED_BACK`; `STORE_NOT_HELD` for a store of before the rule that another device made.
   */
  static open(opened: OpenedStore, installation: Installation): Holding {
    const { store, root } = opened
    const holder = findHolder(store)
    if (holder !== undefined) return new Holding(store, installation.instance.digest, holder)
    if (!equalBytes(root, installation.ports.deviceKey.derive('root'))) {
      throw new StorageError('STORE_NOT_HELD', 'a store of before the rule is of the device that made it')
    }
    // A store of before the rule: keys of this device opened it, so it was provisioned here.
    const holding = Holding.first(opened, installation)
    holding.write()
    return holding
  }

  get term(): number {
    return this.#holder.term
  }

  /** The state below a checkpoint with which this instance took the store over, until the ledger has a later one. */
  get from(): GivenUp | undefined {
    return this.#holder.from
  }

  /** Durable with the round. */
  write(): void {
    writeHolder(this.#store, this.#holder)
  }

  /**
   * What a quorum says of the store's holder counts before anything else that it said.
   * @returns the succession by which this instance takes the store over; undefined if it holds it already.
   * @throws {StorageError} `STORE_SUCCEEDED`, `STORE_NOT_HELD`
   */
  check(record: SuccessionRecord, { configuration }: Vault): Succession | undefined {
    return checkHolder(this.#holder, this.#instance, record, configuration.organizations)
  }

  /**
   * The state below the newest checkpoint with which the organisations let this instance go on; undefined if the
   * checkpoint itself must be in the log.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the store is another one than that.
   */
  agreedStart(
    succession: Succession | undefined,
    checkpoint: CheckpointRecord | undefined,
    { anchor }: Vault,
  ): GivenUp | undefined {
    const from = succession?.from
    if (from === undefined || from.epoch !== checkpoint?.epoch || !anchor.isBelow(checkpoint)) return undefined
    const start = { ...from, root: decodeHex(from.root) }
    checkIsAt(this.#store, start)
    return start
  }

  /** The store is held by this instance from here on, and begins below the checkpoint if it was so agreed. */
  succeed({ term }: Succession, vault: Vault, from?: GivenUp): void {
    const instance = this.#instance
    const start = from ?? this.#holder.from
    this.#holder = { term, instance, ...(start === undefined ? {} : { from: start }) }
    this.write()
    vault.log({
      t: 'succession',
      timeMs: vault.now().unixMs,
      actor: vault.configuration.serverRef,
      version: term,
      digest: instance,
      ...(from === undefined ? {} : { from }),
    })
  }
}
