/**
 * Which of its lives a trusted application leads: with an empty store that is nobody's (`new`), with a store that it
 * serves (served.ts), or on the way to another server's store, as its replica (`following`) or from shares of its key
 * (`restoring`). What an earlier start made of it is found on disk.
 *
 *   new → provisioned → recovering → serving
 *   new → following ──promoted──→ recovering
 *   new → restoring ──restored──→ recovering
 *
 * Spec: docs/protocol/10-tee-abi.md §10.3, 11-replica.md, 12-recovery-shares.md §12.5.
 *
 * @module
 */
import type { Effect, TaState } from '../../../../shared/tee-abi/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { LedgerFacts } from '../facts/ledger-facts.ts'
import { decodeConfiguration } from '../keys/configuration.ts'
import { checkOffersReplicas } from '../recovery/pairing.ts'
import { restoredSet, Restoring } from '../recovery/restoring.ts'
import { Replica, type Promoted } from '../replica/replica.ts'
import type { FailStop } from './fail-stop.ts'
import { DATABASE, type Installation } from './installation.ts'
import { findConfiguration, openStore, type OpenedStore, type Provenance } from './opened-store.ts'
import { Served } from './served.ts'

export class Lifecycle {
  readonly installation: Installation
  readonly #failStop: FailStop
  /** Set while this has a store, nobody's or served; of the three below at most one is set. */
  #opened: OpenedStore | undefined
  #served: Served | undefined
  #replica: Replica | undefined
  #restoring: Restoring | undefined
  #isStopped = false

  constructor(installation: Installation, failStop: FailStop) {
    this.installation = installation
    this.#failStop = failStop
  }

  get state(): TaState | 'stopped' {
    if (this.#isStopped) return 'stopped'
    if (this.#served !== undefined) return this.#served.state
    if (this.#replica !== undefined) return 'following'
    return this.#restoring === undefined ? 'new' : 'restoring'
  }

  /** Whether a round has something to do although no message came. */
  get isDue(): boolean {
    if (this.#isStopped) return false
    const waiting = this.#replica ?? this.#restoring
    return waiting === undefined ? this.#served?.isDue === true : waiting.facts.waiting > 0
  }

  /** Grows with each write to the store that is open, if one is. */
  get writes(): number | undefined {
    return this.#opened?.store.writes
  }

  get served(): Served | undefined {
    return this.#served
  }

  get replica(): Replica | undefined {
    return this.#replica
  }

  get restoring(): Restoring | undefined {
    return this.#restoring
  }

  /** What an earlier start left. */
  open(): void {
    const { ports, limits } = this.installation
    const found = Replica.find(ports, DATABASE, limits)
    if (found instanceof Replica) {
      this.#replica = found
      return
    }
    if (found === undefined) this.#restoring = Restoring.find(ports, DATABASE, limits)
    if (this.#restoring !== undefined) return
    // Before the store is open: a platform may have one database open at a time.
    const setNumber = restoredSet(ports)
    this.#open(found?.root ?? ports.deviceKey.derive('root'), { restoredSet: setNumber, rootBefore: found?.rootBefore })
  }

  #open(root: Uint8Array, provenance: Provenance): void {
    const opened = openStore(this.installation, root, provenance)
    this.#opened = opened
    const configuration = findConfiguration(opened)
    if (configuration === undefined) opened.store.decide()
    else this.#served = Served.open(this.installation, this.#failStop, opened, configuration)
  }

  /** @throws {TrustedApplicationError} `TEE_ALREADY_PROVISIONED` and those of configurations. */
  provision(config: Uint8Array): Served {
    if (this.state !== 'new') throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
    const configuration = decodeConfiguration(this.installation.ports.crypto, config)
    this.#served = Served.provision(this.installation, this.#failStop, this.opened(), configuration)
    return this.#served
  }

  /**
   * From now on this follows the server of that configuration.
   * @throws {TrustedApplicationError} `TEE_ALREADY_PROVISIONED`; `TEE_NOT_OFFERED` on a platform without replicas.
   */
  follow(config: Uint8Array): Replica {
    this.#leaveEmptyStore(config, this.#replica)
    this.#replica = Replica.prepare(this.installation.ports, config, DATABASE, this.installation.limits)
    return this.#replica
  }

  /** The copy that it followed with is its store from here on. Whatever is wrong with it ends this, as at a start. */
  promoted({ root, rootBefore }: Promoted): void {
    this.#replica = undefined
    this.#failStop.guard(() => this.#open(root, { rootBefore }))
  }

  /** From now on this restores the store of the server of that configuration. @throws as `follow`. */
  restore(config: Uint8Array): Restoring {
    this.#leaveEmptyStore(config, this.#restoring)
    this.#restoring = Restoring.prepare(this.installation.ports, config, DATABASE, this.installation.limits)
    return this.#restoring
  }

  /** The copy that its host put in place is its store from here on. Whatever is wrong with it ends this, as at a start. */
  restored({ root, number }: { readonly root: Uint8Array; readonly number: number }): void {
    this.#restoring = undefined
    this.#failStop.guard(() => this.#open(root, { restoredSet: number }))
  }

  /** @param before what this is on the way to already: another configuration of the same server is taken. */
  #leaveEmptyStore(config: Uint8Array, before: Replica | Restoring | undefined): void {
    const { database, crypto } = this.installation.ports
    const { serverRef } = decodeConfiguration(crypto, config)
    const isNew = this.state === 'new'
    if (!isNew && before?.configuration.serverRef !== serverRef) {
      throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
    }
    checkOffersReplicas(database)
    this.#replica?.close()
    // The empty store of the start is nobody's.
    this.#opened?.store.database.close()
    this.#opened = undefined
  }

  /** One round. @returns what follows from it, for the host. */
  commit(): readonly Effect[] {
    const served = this.#served
    if (served !== undefined) return served.commit()
    const waiting = this.#replica ?? this.#restoring
    if (waiting !== undefined) return waiting.facts.flush(this.installation.ports.clock.monotonicMs())
    const store = this.#opened?.store
    if (store?.isDirty === true) store.commit({ timeMs: 0, actor: 'ta' })
    return []
  }

  /** Nothing is answered any more. */
  stop(): void {
    this.#isStopped = true
    try {
      this.#replica?.close()
      this.#opened?.store.database.close()
    } catch {
      // Nothing can be done about a store that does not close: what was acknowledged is durable.
    }
  }

  /** The ledger's answers to whatever this is. @throws {TrustedApplicationError} `TEE_NOT_PROVISIONED` */
  facts(): LedgerFacts {
    return (this.#replica ?? this.#restoring)?.facts ?? this.provisioned().vault.facts
  }

  /** @throws {TypeError} while this has no store. */
  opened(): OpenedStore {
    if (this.#opened === undefined) throw new TypeError('the store is not open')
    return this.#opened
  }

  /** @throws {TrustedApplicationError} `TEE_NOT_PROVISIONED`: there is nothing to serve. */
  provisioned(): Served {
    if (this.#served === undefined) throw new TrustedApplicationError('TEE_NOT_PROVISIONED')
    return this.#served
  }
}
