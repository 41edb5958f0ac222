/**
 * A store that somebody provisioned, and all that serves it. `provisioned`: it waits for its certificate; `recovering`:
 * for the ledger (recovery.ts); `serving`. One round of all three is `commit`.
 *
 * @module
 */
import { equalBytes } from '../../../../shared/crypto/src/index.ts'
import type { SuccessionRecord } from '../../../../shared/ledger-model/src/index.ts'
import type { Effect } from '../../../../shared/tee-abi/src/index.ts'
import { Requests } from '../commands/requests.ts'
import type { Configuration } from '../keys/configuration.ts'
import { IdentityKeys } from '../keys/identity.ts'
import type { SealingKeys } from '../keys/sealing-keys.ts'
import { checkNoDowngrade, findProgram, writeProgram } from '../program.ts'
import { Leader } from '../replica/leader.ts'
import { Vault } from '../vault.ts'
import { Certificate } from './certificate.ts'
import type { FailStop } from './fail-stop.ts'
import { Holding } from './holding.ts'
import type { Installation } from './installation.ts'
import { openConfiguration, writeConfiguration, type OpenedStore } from './opened-store.ts'
import { Recovery, type Origin } from './recovery.ts'
import { Resealing } from './resealing.ts'

/** How the store came to be served here. */
interface Parts {
  readonly configuration: Configuration
  readonly identity: IdentityKeys
  readonly holding: Holding
  readonly origin: Omit<Origin, 'restoredSet' | 'isCarried'>
}

export class Served {
  readonly #opened: OpenedStore
  readonly vault: Vault
  readonly requests: Requests
  /** The side that a replica follows. */
  readonly leader: Leader
  readonly holding: Holding
  readonly certificate: Certificate
  readonly resealing: Resealing
  readonly #recovery: Recovery

  private constructor(installation: Installation, failStop: FailStop, opened: OpenedStore, parts: Parts) {
    const { ports, limits, program } = installation
    const { store, sealing, root, restoredSet } = opened
    const { configuration, identity, holding } = parts
    this.#opened = opened
    this.holding = holding
    const shared = { root, securityVersion: program.securityVersion }
    const vault = new Vault(ports, store, sealing, configuration, identity, limits, shared)
    this.vault = vault
    this.requests = new Requests(vault)
    vault.facts.watchSuccession((record) => this.#see(record))
    const leader = new Leader(vault, root)
    this.leader = leader
    const certificate = new Certificate(vault, failStop)
    this.certificate = certificate
    const resealing = new Resealing(opened, vault)
    this.resealing = resealing
    const origin = { ...parts.origin, restoredSet, isCarried: sealing.isCarried }
    this.#recovery = new Recovery(installation, failStop, { vault, leader, holding, certificate, resealing }, origin)
  }

  /** Makes an empty store that configuration's. Durable with the round. */
  static provision(
    installation: Installation,
    failStop: FailStop,
    opened: OpenedStore,
    configuration: Configuration,
  ): Served {
    const identity = IdentityKeys.create(opened.store, opened.sealing)
    writeConfiguration(opened, configuration)
    const holding = Holding.first(opened, installation)
    const origin = { isReopened: false, isSuccessor: false }
    const served = new Served(installation, failStop, opened, { configuration, identity, holding, origin })
    const { vault } = served
    const { serverRef: actor, digest } = configuration
    vault.log({ t: 'provision', timeMs: vault.now().unixMs, actor, digest })
    writeProgram(opened.store, installation.program)
    holding.write()
    return served
  }

  /**
   * Of a store that was provisioned.
   * @param sealed its configuration.
   * @throws {TrustedApplicationError} `PROGRAM_DOWNGRADE` @throws {StorageError} `STATE_ROLLED_BACK`, `STORE_NOT_HELD`,
   * `STORE_DAMAGED`
   */
  static open(installation: Installation, failStop: FailStop, opened: OpenedStore, sealed: Uint8Array): Served {
    const { store, sealing } = opened
    const { program } = installation
    const current = findProgram(store)
    if (current !== undefined) checkNoDowngrade(current, program)
    // A store of before the rule names none.
    const isSuccessor = current === undefined || !equalBytes(current.measurement, program.measurement)
    const holding = Holding.open(opened, installation)
    const configuration = openConfiguration(opened, sealed)
    const identity = IdentityKeys.open(store, sealing)
    const origin = { isReopened: true, isSuccessor }
    const served = new Served(installation, failStop, opened, { configuration, identity, holding, origin })
    // One that was never served, or is this program's already, has nobody to ask (§10.8).
    if (served.state === 'provisioned' || !isSuccessor) store.decide()
    return served
  }

  get state(): 'provisioned' | 'recovering' | 'serving' {
    if (this.#recovery.isDone) return 'serving'
    return this.certificate.isInstalled ? 'recovering' : 'provisioned'
  }

  /** What is sealed in the store. */
  get sealing(): SealingKeys {
    return this.#opened.sealing
  }

  /** Whether a round has something to do although no message came. */
  get isDue(): boolean {
    const { vault, leader } = this
    if (leader.isDue || this.state === 'recovering' || vault.identityKeys.next?.certified !== undefined) return true
    return (
      vault.rewraps.isDue ||
      this.resealing.isDue ||
      vault.anchor.isDue ||
      vault.uploads.isDue ||
      vault.facts.waiting > 0
    )
  }

  /** Another configuration is in force from here on; durable with the round. */
  reconfigure(next: Configuration): void {
    const { vault } = this
    writeConfiguration(this.#opened, next)
    vault.reconfigure(next)
    const { serverRef: actor, digest, sequence: version } = next
    vault.log({ t: 'configure', timeMs: vault.now().unixMs, actor, version, digest })
  }

  /** Completes what can be completed and makes it durable. @returns what follows from it, for the host. */
  commit(): Effect[] {
    const { vault, leader } = this
    const { state } = this
    if (state === 'recovering' || (state === 'serving' && vault.anchor.isDisputed)) this.#recovery.step()
    if (this.state === 'serving') this.certificate.lookForNext()
    this.#makeDurable()
    const { monotonicMs } = vault.now()
    const anchor = vault.anchor.state(monotonicMs)
    const effects: Effect[] = [
      ...vault.round.take(),
      ...vault.uploads.watch(monotonicMs),
      ...vault.facts.flush(monotonicMs),
      ...(anchor === undefined ? [] : [anchor]),
    ]
    leader.step(vault.now())
    return effects
  }

  #makeDurable(): void {
    const { vault } = this
    const { monotonicMs, unixMs } = vault.now()
    if (this.state === 'serving') {
      vault.uploads.expire(monotonicMs)
      vault.rewraps.step()
      this.resealing.step()
    }
    if (vault.patientLog.isDue) vault.writeIndexes()
    // Last to append: receipts of this round are of the log's size after it.
    vault.uploads.finish(unixMs)
    vault.anchor.reserve(monotonicMs)
    vault.store.commit({ timeMs: unixMs, actor: vault.configuration.serverRef })
  }

  /** §10.9: fencing. */
  #see(record: SuccessionRecord): void {
    if (this.state !== 'serving') return
    const succession = this.holding.check(record, this.vault)
    if (succession !== undefined) this.holding.succeed(succession, this.vault)
  }
}
