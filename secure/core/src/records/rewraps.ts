/**
 * Moving a patient's records to a new version of the treatment key: their content keys are wrapped again, a bounded
 * number in each commit round, so that a patient with many records does not hold up everybody else.
 *
 * @module
 */
import type { Patient } from '../patients.ts'
import type { RecordParts } from './parts.ts'
import { rewrapContentKey } from './record-body.ts'
import { STORED } from './record-rows.ts'

export const REWRAPS_OF_ROUND = 256

export class Rewraps {
  readonly #vault: RecordParts
  /** Rows to look at, by patient. */
  readonly #queue: { readonly patient: number; readonly ids: number[] }[] = []

  /** Goes on with what a former start left. */
  constructor(vault: RecordParts) {
    this.#vault = vault
    for (const { patient, ids } of staleRows(vault)) this.#queue.push({ patient, ids })
  }

  get isDue(): boolean {
    return this.#queue.length > 0
  }

  /** Takes up all records of a patient whose key version has just changed. */
  add(patient: Patient): void {
    const ids = this.#vault.records.staleOf(patient.id, patient.keyVersion)
    if (ids.length > 0) this.#queue.push({ patient: patient.id, ids })
  }

  /** One step; at most `REWRAPS_OF_ROUND` records. */
  step(): void {
    let left = REWRAPS_OF_ROUND
    while (left > 0) {
      const next = this.#queue[0]
      if (next === undefined) return
      const patient = this.#vault.patients.get(next.patient)
      for (const id of next.ids.splice(0, left)) {
        this.#rewrap(patient, id)
        left--
      }
      if (next.ids.length === 0) this.#queue.shift()
    }
  }

  #rewrap(patient: Patient, id: number): void {
    const { crypto, records, treatmentKeys } = this.#vault
    const row = records.get(id)
    if (row === undefined || row.state !== STORED || row.keyVersion === null || row.wrapped === null) return
    if (row.keyVersion === patient.keyVersion) return
    const from = treatmentKeys.find(patient, row.keyVersion)
    const to = treatmentKeys.find(patient, patient.keyVersion)
    if (from === undefined || to === undefined) throw new TypeError('a treatment key that was in use is missing')
    const wrapped = rewrapContentKey(crypto, from, to, patient.ref, row, row.wrapped)
    records.update({ ...row, wrapped, keyVersion: to.version })
  }
}

function staleRows(vault: RecordParts): { readonly patient: number; readonly ids: number[] }[] {
  const found = new Map<number, number[]>()
  for (const { patient, id } of [...vault.records.stale(), ...vault.index.recent()]) {
    const ids = found.get(patient)
    if (ids === undefined) found.set(patient, [id])
    else ids.push(id)
  }
  return [...found].map(([patient, ids]) => ({ patient, ids }))
}
