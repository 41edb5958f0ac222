/**
 * Exchanges the sealing key of a store that is served: what is few moves to the new key in the round that makes it,
 * treatment keys a bounded number in each round, so that many patients hold up nobody. Killed at any moment it goes on.
 * Spec: docs/protocol/10-tee-abi.md §10.10.
 *
 * @module
 */
import type { TreatmentKeyId } from '../keys/treatment-keys.ts'
import type { Vault } from '../vault.ts'
import { writeConfiguration, type OpenedStore } from './opened-store.ts'

export class Resealing {
  readonly #opened: OpenedStore
  readonly #vault: Vault
  #after: TreatmentKeyId | undefined

  constructor(opened: OpenedStore, vault: Vault) {
    this.#opened = opened
    this.#vault = vault
  }

  get isDue(): boolean {
    return this.#opened.sealing.isExchanging
  }

  /** Durable with the round. @returns the generation of the new key; while one is under way, that one's. */
  begin(): number {
    const { sealing } = this.#opened
    const isNew = !sealing.isExchanging
    const generation = sealing.exchange()
    if (!isNew) return generation
    this.#vault.identityKeys.sealAgain()
    writeConfiguration(this.#opened, this.#vault.configuration)
    this.#log(generation)
    return generation
  }

  /** One step; call it once a round. */
  step(): void {
    if (!this.isDue) return
    const { treatmentKeys, patients } = this.#vault
    this.#after = treatmentKeys.sealAgain(patients, this.#after, this.#vault.limits.reseals)
    if (this.#after === undefined) this.#opened.sealing.forget()
  }

  #log(version: number): void {
    const vault = this.#vault
    vault.log({ t: 'sealing', timeMs: vault.now().unixMs, actor: vault.configuration.serverRef, version })
  }
}
