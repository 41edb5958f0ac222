/**
 * By which ids FHIR clients call the hospital's patients. A patient is known by the pseudonym, and by the ids of Patient
 * resources: one that was created here and registered with its code, or one that was stored as a record.
 *
 * @module
 */
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Directory } from './ports.ts'
import type { FhirStore } from './store.ts'

export class PatientIds {
  readonly #store: FhirStore
  readonly #directory: Directory

  constructor(store: FhirStore, directory: Directory) {
    this.#store = store
    this.#directory = directory
  }

  /** `undefined` for an id that nobody has, and for somebody who has not registered. */
  resolve(id: string): PatientRef | undefined {
    const link = this.#store.findPatientLink(id)
    if (link === undefined) return this.#directory.findPatient(id)?.ref
    return link ?? this.#learn(this.#store.openInvitations(id))
  }

  /** Created here, but nobody registered with a code of it yet. */
  isWaiting(id: string): boolean {
    return this.#store.findPatientLink(id) === null && this.resolve(id) === undefined
  }

  /** The id by which answers call the patient. */
  idOf(ref: PatientRef): string {
    return this.#store.patientIds(ref)[0] ?? ref
  }

  /** Codes that somebody registered with since: their ids become those patients'. */
  learn(): void {
    this.#learn(this.#store.openInvitations())
  }

  #learn(invitations: readonly { readonly id: string; readonly code: string }[]): PatientRef | undefined {
    let learned: PatientRef | undefined
    for (const { id, code } of invitations) {
      const ref = this.#directory.registeredWith(code)
      if (ref === undefined) continue
      this.#store.linkPatient(id, ref)
      learned = ref
    }
    return learned
  }
}
