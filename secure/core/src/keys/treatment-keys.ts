/**
 * Treatment keys of patients: wrapped under the sealing key in the store, as handles in memory while they are used.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * Old versions stay: uploads that were stored under them can be repeated. Records are wrapped under the current one.
 *
 * @module
 */
import type { AeadKey, Crypto } from '../../../../shared/crypto/src/index.ts'
import { deriveTreatmentKey, type TreatmentKey } from '../../../../shared/protocol/src/index.ts'
import type { Patient } from '../patients.ts'
import type { SqlStatement } from '../ports.ts'
import { bytesOf } from '../sql-values.ts'
import type { Store } from '../store.ts'
import { seal, unseal } from './sealing.ts'

const MAX_IN_MEMORY = 10_000

export class TreatmentKeys {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #sealKey: AeadKey
  readonly #select: SqlStatement
  readonly #insert: SqlStatement
  /** Least recently used first. */
  readonly #known = new Map<string, TreatmentKey>()

  constructor(store: Store, sealKey: AeadKey) {
    this.#crypto = store.crypto
    this.#store = store
    this.#sealKey = sealKey
    this.#select = store.database.prepare('SELECT sealed FROM treatment_key WHERE patient = ? AND version = ?')
    this.#insert = store.database.prepare('INSERT INTO treatment_key VALUES (?, ?, ?)')
  }

  /** @param ptk 32 bytes. */
  add(patient: Patient, version: number, ptk: Uint8Array): void {
    this.#store.beginWrite()
    this.#insert.run(patient.id, version, seal(this.#crypto, this.#sealKey, contextOf(patient, version), ptk))
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
    return unseal(this.#crypto, this.#sealKey, contextOf(patient, version), bytesOf(row, 'sealed'))
  }
}

/** One key for one version for ever: an old row put back holds the same key, or does not open. */
function contextOf(patient: Patient, version: number): readonly [string, string, number] {
  return ['treatment-key', patient.ref, version]
}
