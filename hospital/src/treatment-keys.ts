/**
 * Treatment keys of the hospital's patients: made here, kept in the hospital's store, sealed to whoever may have one.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * @module
 */
import type { Crypto } from '../../shared/crypto/src/index.ts'
import {
  ProtocolError,
  deriveTreatmentKey,
  sealTreatmentKey,
  type ParticipantRef,
  type PatientRef,
  type TreatmentKey,
  TREATMENT_KEY_BYTES,
} from '../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from './database.ts'

export interface SealedTreatmentKey {
  readonly version: number
  readonly sealed: Uint8Array
}

export class TreatmentKeys {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  /** Makes the next version; 1 for a new patient. */
  makeNext(patient: PatientRef, nowMs: number): { readonly version: number; readonly ptk: Uint8Array } {
    const ptk = this.#crypto.randomBytes(TREATMENT_KEY_BYTES)
    const version = this.#newestVersion(patient) + 1
    this.#db.prepare('INSERT INTO treatment_key VALUES (?, ?, ?, ?)').run(patient, version, ptk, nowMs)
    return { version, ptk }
  }

  /** @throws {ProtocolError} `TREATMENT_KEY_UNKNOWN` */
  raw(patient: PatientRef, version: number): Uint8Array {
    const row = this.#db
      .prepare('SELECT ptk FROM treatment_key WHERE patient = ? AND version = ?')
      .get(patient, version) as { ptk: Buffer } | undefined
    if (row === undefined) throw unknown()
    return new Uint8Array(row.ptk)
  }

  /** @throws {ProtocolError} `TREATMENT_KEY_UNKNOWN` */
  newest(patient: PatientRef): { readonly version: number; readonly ptk: Uint8Array } {
    const version = this.#newestVersion(patient)
    return { version, ptk: this.raw(patient, version) }
  }

  derived(patient: PatientRef, version: number): TreatmentKey {
    return deriveTreatmentKey(this.#crypto, this.raw(patient, version), version)
  }

  /** Every version, sealed to one recipient: earlier envelopes stay readable. */
  sealAll(patient: PatientRef, recipient: ParticipantRef, sealKey: Uint8Array): SealedTreatmentKey[] {
    const rows = this.#db
      .prepare('SELECT version, ptk FROM treatment_key WHERE patient = ? ORDER BY version')
      .all(patient) as { version: number; ptk: Buffer }[]
    return rows.map(({ version, ptk }) => ({
      version,
      sealed: sealTreatmentKey(this.#crypto, { patient, version, ptk: new Uint8Array(ptk) }, recipient, sealKey),
    }))
  }

  #newestVersion(patient: PatientRef): number {
    const row = this.#db.prepare('SELECT max(version) AS newest FROM treatment_key WHERE patient = ?').get(patient) as {
      newest: number | null
    }
    return row.newest ?? 0
  }
}

function unknown(): ProtocolError {
  return new ProtocolError('TREATMENT_KEY_UNKNOWN', 'no treatment key of this patient and version')
}
