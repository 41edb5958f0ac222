/**
 * From a store that is open to one that is served: nothing is, before the ledger says that the store is the newest
 * (docs/protocol/10-tee-abi.md §10.5), this program its own (§10.8), and this instance the one that holds it (§10.9).
 * Asked again while the ledger does not answer, and when it disputes a checkpoint later on.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import type { Facts } from '../facts/queries.ts'
import { checkApproved, writeProgram } from '../program.ts'
import type { Leader } from '../replica/leader.ts'
import type { Vault } from '../vault.ts'
import type { Certificate } from './certificate.ts'
import type { FailStop } from './fail-stop.ts'
import type { Holding } from './holding.ts'
import type { Installation } from './installation.ts'
import { headConfiguration } from './opened-store.ts'
import type { Resealing } from './resealing.ts'

/** While the ledger does not answer, it is asked again after this time. */
const RETRY_MS = 500

/** What brought the store here. */
export interface Origin {
  /** It was there before: its log is told of the start once it is served, and of nothing before. */
  readonly isReopened: boolean
  /** It is another program's yet: this one takes it over with the ledger's leave. */
  readonly isSuccessor: boolean
  /** Number of the set of shares by which this device came by the key of the store, if it came by it so. */
  readonly restoredSet: number | undefined
  /** What is sealed in it is sealed under another server's root yet. */
  readonly isCarried: boolean
}

/** Of one store; `leader` is the side of it that a replica follows. */
interface Parts {
  readonly vault: Vault
  readonly leader: Leader
  readonly holding: Holding
  readonly certificate: Certificate
  readonly resealing: Resealing
}

export class Recovery {
  readonly #installation: Installation
  readonly #failStop: FailStop
  readonly #parts: Parts
  readonly #origin: Origin
  #isSuccessor: boolean
  #isAsked = false
  #atMs = 0
  #isDone = false

  constructor(installation: Installation, failStop: FailStop, parts: Parts, origin: Origin) {
    this.#installation = installation
    this.#failStop = failStop
    this.#parts = parts
    this.#origin = origin
    this.#isSuccessor = origin.isSuccessor
  }

  /** Whether the store is served. It stays so; what the ledger says against it later ends the application. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Asks the ledger, unless it is being asked. Call once a round, until done and while a checkpoint is disputed. */
  step(): void {
    const { vault } = this.#parts
    const { monotonicMs } = vault.now()
    if (this.#isAsked || monotonicMs < this.#atMs) return
    this.#isAsked = true
    this.#atMs = monotonicMs + RETRY_MS
    const votes = this.#isSuccessor ? { program: encodeHex(this.#installation.program.measurement) } : {}
    vault.facts.request({ checkpointOf: vault.configuration.serverRef, ...votes }, monotonicMs, (outcome) => {
      this.#isAsked = false
      if ('code' in outcome) return
      // Whatever the ledger says against this store ends the application.
      this.#failStop.guard(() => this.#take(outcome.facts))
    })
  }

  #take(facts: Facts): void {
    const { vault, holding, certificate, leader, resealing } = this.#parts
    const { checkpoint, succession: record } = facts
    // Asked with every question: without it there is nothing to decide by.
    if (record === undefined) return
    const succession = holding.check(record, vault)
    const start = holding.agreedStart(succession, checkpoint, vault)
    vault.anchor.reconcile(checkpoint, vault.now().monotonicMs, start ?? holding.from)
    if (this.#isDone) return
    const { instance } = this.#installation
    const { isReopened, restoredSet, isCarried } = this.#origin
    const { serverRef } = vault.configuration
    if (isReopened) vault.log({ t: 'start', timeMs: vault.now().unixMs, actor: serverRef })
    if (this.#isSuccessor) this.#takeOver(facts)
    if (succession !== undefined) {
      if (restoredSet !== undefined) vault.shares.noteRestored(instance.digest, restoredSet)
      holding.succeed(succession, vault, start)
    }
    if (isCarried) resealing.begin()
    certificate.startAnchoring()
    this.#isDone = true
    // The pair that the store was half of is no more.
    if (leader.isFollowedBy(instance.key.publicKey)) leader.setMode('off')
  }

  /** §10.8: the store is this program's from here on. */
  #takeOver(facts: Facts): void {
    const { vault } = this.#parts
    const { program } = this.#installation
    checkApproved(facts, vault.configuration.organizations, program)
    writeProgram(vault.store, program)
    headConfiguration(vault.store, vault.configuration)
    vault.store.decide()
    const { measurement: digest, securityVersion: version } = program
    vault.log({ t: 'program', timeMs: vault.now().unixMs, actor: vault.configuration.serverRef, version, digest })
    this.#isSuccessor = false
  }
}
