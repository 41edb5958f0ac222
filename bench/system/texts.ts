/**
 * FHIR resources of about 2 kB, each different: a laboratory result with a narrative.
 *
 * @module
 */
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'

export const EHR_BYTES = 2_000

const WORDS =
  `blood pressure stable under treatment patient reports mild headache after exercise no fever appetite normal sleep
   improved medication continued follow up in two weeks laboratory values within range cholesterol elevated advised diet
   weight unchanged lungs clear heart rhythm regular abdomen soft liver not palpable reflexes symmetric skin warm dry
   allergy none known family history of diabetes smoking stopped vaccination complete physiotherapy recommended imaging
   shows no fracture wound healing well stitches removed infection excluded`.split(/\s+/)

/** The `n`-th text: {@link EHR_BYTES} bytes, UTF-8. */
export function ehrText(n: number): Uint8Array {
  const words: string[] = []
  // A small generator, so that the texts are the same in every run.
  let state = (n * 2_654_435_761 + 12_345) >>> 0
  const resource = (narrative: string): string =>
    JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
      ],
      code: { coding: [{ system: 'http://loinc.org', code: '59261-8', display: 'HbA1c' }], text: `HbA1c ${n}` },
      effectiveDateTime: '2026-11-14T09:30:00Z',
      valueQuantity: { value: 30 + (n % 60), unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${narrative}</p></div>` },
    })
  let length = resource('').length
  while (length < EHR_BYTES) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const word = WORDS[(state >>> 8) % WORDS.length] ?? ''
    words.push(word)
    length += word.length + 1
  }
  return encodeUtf8(resource(words.join(' ').slice(0, EHR_BYTES - resource('').length)))
}
