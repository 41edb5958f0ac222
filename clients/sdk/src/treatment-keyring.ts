/**
 * Treatment keys that a participant received, opened with the own seal key and kept in memory only.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  deriveTreatmentKey,
  openTreatmentKey,
  type PatientRef,
  type TreatmentKey,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { Identity } from './identity.ts'

export class TreatmentKeyring {
  readonly #crypto: Crypto
  readonly #hospital: HospitalApi
  readonly #identity: Identity
  readonly #keys = new Map<PatientRef, Promise<ReadonlyMap<number, TreatmentKey>>>()

  constructor(crypto: Crypto, hospital: HospitalApi, identity: Identity) {
    this.#crypto = crypto
    this.#hospital = hospital
    this.#identity = identity
  }

  /** @throws {ClientError} `TREATMENT_KEY_UNKNOWN`, or the code of the hospital's refusal. */
  async newest(patient: PatientRef): Promise<TreatmentKey> {
    const keys = await this.all(patient)
    const version = Math.max(...keys.keys())
    return this.#known(keys, version)
  }

  /** Asks the hospital again when the version is newer than those at hand. */
  async version(patient: PatientRef, version: number): Promise<TreatmentKey> {
    const keys = await this.all(patient)
    if (!keys.has(version)) this.forget(patient)
    return this.#known(await this.all(patient), version)
  }

  async all(patient: PatientRef): Promise<ReadonlyMap<number, TreatmentKey>> {
    let known = this.#keys.get(patient)
    if (known === undefined) {
      known = this.#fetch(patient)
      this.#keys.set(patient, known)
      known.catch(() => this.#keys.delete(patient))
    }
    return await known
  }

  forget(patient: PatientRef): void {
    this.#keys.delete(patient)
  }

  async #fetch(patient: PatientRef): Promise<ReadonlyMap<number, TreatmentKey>> {
    const { ref, signer, sealKey } = this.#identity
    const sealed = await this.#hospital.treatmentKeys({ ref, signer }, patient)
    const keys = new Map<number, TreatmentKey>()
    for (const one of sealed) {
      const ptk = openTreatmentKey(this.#crypto, sealKey, one.sealed, patient, one.version, ref)
      keys.set(one.version, deriveTreatmentKey(this.#crypto, ptk, one.version))
      ptk.fill(0)
    }
    return keys
  }

  #known(keys: ReadonlyMap<number, TreatmentKey>, version: number): TreatmentKey {
    const key = keys.get(version)
    if (key === undefined) throw new ClientError('TREATMENT_KEY_UNKNOWN')
    return key
  }
}
