/**
 * Emergency access: one doctor, one patient, a stated reason, an end that this application enforces.
 * Spec: docs/protocol/08-access.md §8.4.
 *
 * @module
 */
import { encodeUtf8, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { encodeCbor, type EmergencyId, type PractitionerRef } from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { Patient } from '../patients.ts'
import type { SqlRow, SqlStatement } from '../ports.ts'
import { integerOf, optionalIntegerOf, textOf } from '../sql-values.ts'
import type { Store } from '../store.ts'

export const EMERGENCY_REASONS = ['unconscious', 'danger-to-life', 'danger-to-others', 'other'] as const
export type EmergencyReason = (typeof EMERGENCY_REASONS)[number]
export const DEFAULT_EMERGENCY_MS = 4 * 60 * 60 * 1000
export const MIN_REASON_CHARACTERS = 10
export const MAX_REASON_CHARACTERS = 500

export interface Emergency {
  readonly id: EmergencyId
  readonly patient: number
  readonly practitioner: PractitionerRef
  readonly reason: EmergencyReason
  readonly text: string
  readonly openedMs: number
  readonly untilMs: number
  /** Null while the doctor has not closed it. */
  readonly closedMs: number | null
  readonly logIndex: number
}

const KIND = 'emergency'
const ROW = label('ta-emergency-row')

export class Emergencies {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #insert: SqlStatement
  readonly #close: SqlStatement
  readonly #select: SqlStatement
  readonly #ofPatient: SqlStatement
  readonly #open: SqlStatement
  readonly #newest: SqlStatement
  readonly #anyOpen: SqlStatement
  readonly #patientsOf: SqlStatement

  constructor(store: Store) {
    this.#crypto = store.crypto
    this.#store = store
    const { database } = store
    this.#insert = database.prepare('INSERT INTO emergency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#close = database.prepare('UPDATE emergency SET closed_ms = ? WHERE id = ?')
    this.#select = database.prepare('SELECT * FROM emergency WHERE id = ?')
    this.#ofPatient = database.prepare('SELECT * FROM emergency WHERE patient = ? ORDER BY opened_ms, id')
    this.#patientsOf = database.prepare(
      `SELECT patient.id AS patient, max(emergency.opened_ms) AS newest FROM emergency
       JOIN patient ON patient.id = emergency.patient WHERE patient.hospital = ?
       GROUP BY patient.id ORDER BY newest DESC LIMIT ?`,
    )
    this.#open = database.prepare(
      'SELECT * FROM emergency WHERE practitioner = ? AND until_ms > ? AND patient = ? AND closed_ms IS NULL',
    )
    this.#anyOpen = database.prepare(
      'SELECT 1 FROM emergency WHERE practitioner = ? AND until_ms > ? AND closed_ms IS NULL LIMIT 1',
    )
    this.#newest = database.prepare(
      'SELECT * FROM emergency WHERE practitioner = ? AND patient = ? ORDER BY opened_ms DESC, id LIMIT 1',
    )
  }

  /** Numbers of a hospital's patients with emergency accesses, the newest first. */
  patientsOf(hospital: string, limit: number): number[] {
    return this.#patientsOf.all(hospital, limit).map((row) => integerOf(row, 'patient'))
  }

  add(emergency: Emergency): void {
    this.#store.beginWrite()
    const { id, patient, practitioner, reason, text, openedMs, untilMs, closedMs, logIndex } = emergency
    this.#insert.run(id, patient, practitioner, reason, text, openedMs, untilMs, closedMs, logIndex)
    this.#store.state.set(KIND, id, this.#digest(emergency))
  }

  close(emergency: Emergency, closedMs: number): void {
    this.#store.beginWrite()
    this.#close.run(closedMs, emergency.id)
    this.#store.state.set(KIND, emergency.id, this.#digest({ ...emergency, closedMs }))
  }

  /** @throws {StorageError} `STATE_ROLLED_BACK`, as all below. */
  find(id: EmergencyId): Emergency | undefined {
    const row = this.#select.get(id)
    if (row !== undefined) return this.#checked(row)
    this.#store.state.checkAbsent(KIND, id)
    return undefined
  }

  /** Emergency access of this doctor to this patient that has not ended. */
  findOpen(practitioner: string, patient: number, nowMs: number): Emergency | undefined {
    const row = this.#open.get(practitioner, nowMs, patient)
    return row === undefined ? undefined : this.#checked(row)
  }

  /** Whether this doctor has emergency access to anybody that ends after `sinceMs`; a hint, which decides nothing. */
  hasOpen(practitioner: string, sinceMs: number): boolean {
    return this.#anyOpen.get(practitioner, sinceMs) !== undefined
  }

  /** When the newest emergency access of this doctor to this patient ended, where none is open; Unix ms. */
  findEnd(practitioner: string, patient: number): number | undefined {
    const row = this.#newest.get(practitioner, patient)
    if (row === undefined) return undefined
    const { closedMs, untilMs } = this.#checked(row)
    return Math.min(closedMs ?? untilMs, untilMs)
  }

  /** Every emergency access to a patient, oldest first. */
  ofPatient(patient: Patient): Emergency[] {
    const all = this.#ofPatient.all(patient.id).map((row) => this.#checked(row))
    if (all.length !== patient.emergencies) {
      throw new StorageError('STATE_ROLLED_BACK', 'the emergency accesses are not those last written')
    }
    return all
  }

  #checked(row: SqlRow): Emergency {
    const emergency = emergencyOf(row)
    this.#store.state.checkRow(KIND, emergency.id, this.#digest(emergency))
    return emergency
  }

  #digest(emergency: Emergency): Uint8Array {
    const { id, patient, practitioner, reason, text, openedMs, untilMs, closedMs, logIndex } = emergency
    const row = [id, patient, practitioner, reason, text, openedMs, untilMs, closedMs, logIndex]
    return this.#crypto.sha256(ROW, encodeCbor(row))
  }
}

/** Characters that a person wrote: spaces at the ends and repeated ones do not count. */
export function reasonLength(text: string): number {
  return Array.from(text.trim().replace(/\s+/gu, ' ')).length
}

/** What the log says of the reason: its digest, since log entries hold no text that a person wrote. */
export function reasonDigest(crypto: Crypto, id: EmergencyId, text: string): Uint8Array {
  return crypto.sha256(label('ta-emergency-text'), encodeUtf8(id), encodeUtf8(text))
}

function emergencyOf(row: SqlRow): Emergency {
  return {
    id: textOf(row, 'id') as EmergencyId,
    patient: integerOf(row, 'patient'),
    practitioner: textOf(row, 'practitioner') as PractitionerRef,
    reason: textOf(row, 'reason') as EmergencyReason,
    text: textOf(row, 'text'),
    openedMs: integerOf(row, 'opened_ms'),
    untilMs: integerOf(row, 'until_ms'),
    closedMs: optionalIntegerOf(row, 'closed_ms'),
    logIndex: integerOf(row, 'log_index'),
  }
}
