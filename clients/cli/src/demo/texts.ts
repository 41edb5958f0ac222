/**
 * What the people of the demo write: FHIR R4 resources.
 *
 * @module
 */
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'

/** The words that nobody outside the protected area may find. */
export const RESULT_NAME = 'HbA1c'

/** Alice's laboratory result. @param value in mmol/mol. */
export function hba1c(value: number, note: string): Uint8Array {
  return resource({
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '59261-8', display: RESULT_NAME }], text: RESULT_NAME },
    effectiveDateTime: '2026-11-14T09:30:00Z',
    valueQuantity: { value, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
    referenceRange: [{ high: { value: 42, unit: 'mmol/mol' } }],
    note: [{ text: note }],
  })
}

/** A part of the group's work. */
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
