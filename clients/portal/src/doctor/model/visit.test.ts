/** The visit form: what is missing in it, and what it becomes as FHIR. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeUtf8 } from '../../../../../shared/crypto/src/index.ts'
import { ehrTypeOf, extractIndex, parseResource } from '../../../../../shared/fhir/src/index.ts'
import { CONDITIONS, findConcepts, OBSERVATION_KINDS, type ObservationKind } from './codes.ts'
import { visitResources, type VisitContext } from './visit-resources.ts'
import { decimalOf, EMPTY_VISIT, problemsOf, type ObservationEntry, type Visit } from './visit.ts'

const context: VisitContext = {
  patient: { ref: `p-${'0'.repeat(32)}`, name: 'Bob Li' },
  doctor: { ref: `d-${'1'.repeat(32)}`, name: 'Alice Martin' },
  hospital: { ref: `h-${'2'.repeat(32)}`, name: 'Hospital A' },
  startedMs: Date.UTC(2026, 10, 18, 9, 30),
  endedMs: Date.UTC(2026, 10, 18, 9, 42),
  visitId: '00000000-0000-4000-8000-000000000000',
}
const kindOf = (code: string) => OBSERVATION_KINDS.find((one) => one.code === code) as ObservationKind
function observation(code: string, change: Partial<ObservationEntry> = {}): ObservationEntry {
  const kind = kindOf(code)
  const unit = kind.units[0]
  return {
    id: 'o1',
    text: kind.name,
    kind,
    values: ['47.0'],
    ...(unit === undefined ? {} : { unit }),
    low: '',
    high: '42',
    ...change,
  }
}
const VISIT: Visit = {
  class: 'AMB',
  reason: 'Control of blood sugar',
  conditions: [
    {
      id: 'c1',
      text: 'Type 2 diabetes',
      certainty: 'confirmed',
      ...(CONDITIONS[4] === undefined ? {} : { coded: CONDITIONS[4] }),
    },
  ],
  observations: [
    observation('59261-8', { interpretation: 'H' }),
    observation('85354-9', { id: 'o2', values: ['142', '88'], high: '' }),
  ],
  medicines: [{ id: 'm1', text: 'Metformin 500 mg', dosage: '1 tablet in the morning', days: '30' }],
  note: 'Weight stable.\nNext visit in 3 months — 请注意',
}

const parsed = (visit: Visit) => visitResources(visit, context).map(({ text }) => ({ text, json: parseResource(text) }))

test('a whole visit becomes resources that our reader takes, of the right kinds', () => {
  assert.deepEqual(problemsOf(VISIT), [])
  const all = parsed(VISIT)
  assert.deepEqual(
    all.map(({ json }) => [json.resourceType, ehrTypeOf(json)]),
    [
      ['Encounter', 'encounter'],
      ['Condition', 'condition'],
      ['Observation', 'lab'],
      ['Observation', 'vital-signs'],
      ['MedicationRequest', 'medicine'],
      ['DocumentReference', 'document'],
    ],
  )
  const index = extractIndex(all[2]?.json as NonNullable<(typeof all)[0]>['json'])
  assert.equal(index.title, 'HbA1c')
  const identifier = JSON.stringify({ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${context.visitId}` })
  for (const { text } of all) {
    assert.ok(text.includes(identifier), 'every part names the visit')
    assert.ok(text.includes(`"Patient/${context.patient.ref}"`))
    assert.equal(text.includes('Bob'), false, 'a record does not name its patient')
  }
})

test('numbers keep the digits that were typed', () => {
  const [, lab] = parsed({
    ...EMPTY_VISIT,
    reason: 'x',
    observations: [observation('59261-8', { values: ['47.0'], low: '20', high: '42.00' })],
  })
  assert.ok(lab?.text.includes('"value":47.0,'))
  assert.ok(lab?.text.includes('"high":{"value":42.00,'))
  const values = (lab?.json['valueQuantity'] ?? {}) as Record<string, unknown>
  assert.deepEqual(
    [values['unit'], values['code'], values['system']],
    ['mmol/mol', 'mmol/mol', 'http://unitsofmeasure.org'],
  )
  assert.equal(decimalOf(' 7,25 '), '7.25')
  for (const bad of ['', 'x', '1.', '.5', '1e3', '01', '--1', '1,2,3', 'NaN', '1 2'])
    assert.equal(decimalOf(bad), undefined, bad)
})

test('the note comes back byte for byte', () => {
  const note = parsed(VISIT).at(-1)?.json as unknown as { content: [{ attachment: { data: string } }] }
  assert.equal(decodeUtf8(new Uint8Array(Buffer.from(note.content[0].attachment.data, 'base64'))), VISIT.note)
})

test('no text can pass for a number, or bring a control character', () => {
  const words = fc.oneof(fc.string(), fc.constantFrom('\u0001decimal:5', '"\\u0001decimal:5"', 'a\u0000b', '{"x":1}'))
  fc.assert(
    fc.property(words, words, (reason, text) => {
      const visit: Visit = { ...EMPTY_VISIT, reason, medicines: [{ id: 'm', text, dosage: text, days: '' }] }
      for (const { json, text: whole } of parsed(visit)) {
        JSON.stringify(json, (_key, value: unknown) => {
          if (typeof value === 'string') assert.equal(/\p{Cc}/u.test(value.replaceAll(/[\t\r\n]/g, '')), false)
          return value
        })
        assert.ok(whole.length > 0)
        if (json.resourceType !== 'MedicationRequest') continue
        const { text: kept } = json['medicationCodeableConcept'] as { text: unknown }
        assert.equal(typeof kept, 'string')
      }
    }),
    { numRuns: 500 },
  )
})

test('what is missing is named with its field', () => {
  assert.deepEqual(problemsOf(EMPTY_VISIT), [{ field: 'reason', word: 'doctor.problem.empty' }])
  const { unit: _unit, ...without } = observation('85354-9', { values: ['142', 'x'], low: '9', high: '3' })
  const visit: Visit = {
    ...EMPTY_VISIT,
    conditions: [{ id: 'c', text: ' ', certainty: 'confirmed' }],
    observations: [without],
    medicines: [{ id: 'm', text: 'x'.repeat(1_025), dosage: '', days: '0' }],
    note: 'y'.repeat(100_001),
  }
  assert.deepEqual(
    problemsOf(visit).map(({ field, word }) => `${field} ${word.split('.')[2]}`),
    [
      'conditions.c.text text',
      'observations.o1.values.1 number',
      'observations.o1.unit unit',
      'observations.o1.range range',
      'medicines.m.text long',
      'medicines.m.days days',
      'note long',
    ],
  )
})

test('concepts are found by any of their words, by code, and those that begin with it first', () => {
  assert.equal(findConcepts(OBSERVATION_KINDS, 'hba')[0]?.code, '59261-8')
  assert.equal(findConcepts(OBSERVATION_KINDS, 'blood pressure')[0]?.code, '85354-9')
  assert.equal(findConcepts(OBSERVATION_KINDS, '8867')[0]?.name, 'Heart rate')
  assert.equal(findConcepts(CONDITIONS, 'type 2')[0]?.code, 'E11.9')
  assert.deepEqual(findConcepts(CONDITIONS, 'no such thing'), [])
  assert.equal(findConcepts(CONDITIONS, '').length, 8)
})

test('every observation has a unit, and no code stands twice', () => {
  for (const { units, code } of OBSERVATION_KINDS) assert.ok(units.length > 0, code)
  const codes = [...OBSERVATION_KINDS, ...CONDITIONS].map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
})
