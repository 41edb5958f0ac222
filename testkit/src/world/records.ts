/**
 * Texts of records for tests.
 *
 * @module
 */
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'

/** A laboratory result: HbA1c, a value, and a note that a test can look for. */
export function labResult(value = 47, note = 'no remarks'): Uint8Array {
  return resource({
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '59261-8', display: 'HbA1c' }], text: 'HbA1c' },
    effectiveDateTime: '2026-11-14T09:30:00Z',
    valueQuantity: { value, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
    note: [{ text: note }],
  })
}

export function medication(text = 'Metformin 500 mg'): Uint8Array {
  return resource({
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { text },
    subject: { display: 'patient' },
    authoredOn: '2026-11-14',
  })
}

export function visitNote(text: string): Uint8Array {
  return resource({
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    reasonCode: [{ text }],
  })
}

function resource(value: object): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}
