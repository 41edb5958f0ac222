/**
 * Treatment keys of patients: wrapped under the sealing key in the store, as handles in memory while they are used.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * Old versions stay: uploads that were stored under them can be repeated. Records are wrapped under the current one.
 *
 * @module
 */
import type { Crypto } from '../../../../shared/crypto/src/index.ts'
import { deriveTreatmentKey, type TreatmentKey } from '../../../../shared/protocol/src/index.ts'
import type { Patient, Patients } from '../patients.ts'
import type { SqlStatement } from '../ports.ts'
import { bytesOf, integerOf } from '../sql-values.ts'
import type { Store } from '../store.ts'
import type { SealingKeys } from './sealing-keys.ts'

const MAX_IN_MEMORY = 10_000

/** Which row. */
export interface TreatmentKeyId {
  readonly patient: number
  readonly version: number
}

export class TreatmentKeys {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #sealing: SealingKeys
  readonly #select: SqlStatement
  readonly #insert: SqlStatement
  /** Least recently used first. */
  readonly #known = new Map<string, TreatmentKey>()

  constructor(store: Store, sealing: SealingKeys) {
    this.#crypto = store.crypto
    this.#store = store
    this.#sealing = sealing
    this.#select = store.database.prepare('SELECT sealed FROM treatment_key WHERE patient = ? AND version = ?')
    this.#insert = store.database.prepare('INSERT INTO treatment_key VALUES (?, ?, ?)')
  }

  /** @param ptk 32 bytes. */
  add(patient: Patient, version: number, ptk: Uint8Array): void {
    this.#store.beginWrite()
    this.#insert.run(patient.id, version, this.#sealing.seal(contextOf(patient, version), ptk))
  }

  /** Whether `ptk` is the stored key of that version. */
  matches(patient: Patient, version: number, ptk: Uint8Array): boolean {
    const stored = this.#findRaw(patient, version)
    return stored !== undefined && stored.every((byte, i) => byte === ptk[i]) && stored.length === ptk.length
  }

  find(patient: Patient, version: number): TreatmentKey | undefined {
    const name = `${patient.id}:${version}`
    const known = this.#known.get(name)
    if (known !== undefined) {
      this.#known.delete(name)
      this.#known.set(name, known)
      return known
    }
    const raw = this.#findRaw(patient, version)
    if (raw === undefined) return undefined
    const key = deriveTreatmentKey(this.#crypto, raw, version)
    raw.fill(0)
    if (this.#known.size >= MAX_IN_MEMORY) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    this.#known.set(name, key)
    return key
  }

  #findRaw(patient: Patient, version: number): Uint8Array | undefined {
    const row = this.#select.get(patient.id, version)
    if (row === undefined) return undefined
    return this.#sealing.unseal(contextOf(patient, version), bytesOf(row, 'sealed'))
  }

  /**
   * Seals the next keys with the newest sealing key, in their order. Durable with the round.
   * @param after the one before them; undefined: from the first.
   * @returns the last of them; undefined if there are no more.
   */
  sealAgain(patients: Patients, after: TreatmentKeyId | undefined, limit: number): TreatmentKeyId | undefined {
    const { database } = this.#store
    this.#store.beginWrite()
    const rows = database
      .prepare(
        'SELECT patient, version, sealed FROM treatment_key WHERE (patient, version) > (?, ?) ORDER BY 1, 2 LIMIT ?',
      )
      .all(after?.patient ?? -1, after?.version ?? 0, limit)
    const update = database.prepare('UPDATE treatment_key SET sealed = ? WHERE patient = ? AND version = ?')
    let last: TreatmentKeyId | undefined
    for (const row of rows) {
      last = { patient: integerOf(row, 'patient'), version: integerOf(row, 'version') }
      const again = this.#sealing.sealAgain(contextOf(patients.get(last.patient), last.version), bytesOf(row, 'sealed'))
      if (again !== undefined) update.run(again, last.patient, last.version)
    }
    return rows.length < limit ? undefined : last
  }
}

/** One key for one version for ever: an old row put back holds the same key, or does not open. */
function contextOf(patient: Patient, version: number): readonly [string, string, number] {
  return ['treatment-key', patient.ref, version]
}
