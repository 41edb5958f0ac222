/** A correction changes what was changed in the form, and not a digit of anything else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseResource } from '../../../../../shared/fhir/src/index.ts'
import { textAt, type Resource } from '../../fhir/read.ts'
import { OBSERVATION_KINDS } from './codes.ts'
import {
  canBeInError,
  corrected,
  correctionOf,
  isSameCorrection,
  visitOfCorrection,
  writtenInError,
  type Correction,
} from './correction.ts'
import { Decimal, formatExact, parseExact } from '../../fhir/exact-json.ts'
import { visitResources, type VisitContext } from './visit-resources.ts'
import { EMPTY_VISIT, problemsOf, type Visit } from './visit.ts'

const context: VisitContext = {
  patient: { ref: `p-${'0'.repeat(32)}`, name: 'Bob Li' },
  doctor: { ref: `d-${'1'.repeat(32)}`, name: 'Alice Martin' },
  hospital: { ref: `h-${'2'.repeat(32)}`, name: 'Hospital A' },
  startedMs: Date.UTC(2026, 10, 18, 9, 30),
  endedMs: Date.UTC(2026, 10, 18, 9, 42),
  visitId: '00000000-0000-4000-8000-000000000000',
}
const kind = OBSERVATION_KINDS.find(({ code }) => code === '59261-8')
const pressure = OBSERVATION_KINDS.find(({ code }) => code === '85354-9')
const VISIT: Visit = {
  ...EMPTY_VISIT,
  reason: 'Control',
  conditions: [{ id: 'c', text: 'Type 2 diabetes', certainty: 'provisional' }],
  observations: [kind, pressure].flatMap((one, i) => {
    const unit = one?.units[0]
    if (one === undefined || unit === undefined) return []
    const values = i === 0 ? ['47.0'] : ['142', '88.50']
    return [{ id: `o${i}`, text: one.name, kind: one, unit, values, low: '', high: i === 0 ? '42.0' : '' }]
  }),
  medicines: [{ id: 'm', text: 'Metformin 500 mg', dosage: 'one a day', days: '30' }],
  note: 'Weight stable.\n请注意',
}
const WRITTEN = visitResources(VISIT, context)

test('what the form wrote, the form can hold again, and nothing is missing in it', () => {
  for (const { resourceType, text } of WRITTEN) {
    const found = correctionOf(text)
    assert.ok(found !== undefined, resourceType)
    assert.deepEqual(problemsOf(visitOfCorrection(found)), [], resourceType)
    assert.equal(canBeInError(text), true)
  }
})

test('one value is changed: its digits as typed, every other member as it was', () => {
  const { text } = WRITTEN.find(({ resourceType }) => resourceType === 'Observation') ?? { text: '' }
  const found = correctionOf(text)
  assert.ok(found?.kind === 'observation')
  const next = corrected(text, { kind: 'observation', entry: { ...found.entry, values: ['48.10'] } })
  assert.equal(next, text.replace('"value":47.0', '"value":48.10').replace('"status":"final"', '"status":"corrected"'))
})

test('a quantity of others keeps what the form does not hold', () => {
  const text =
    '{"resourceType":"Observation","text":{"status":"generated","div":"<div>47.0</div>"},"status":"final",' +
    '"code":{"text":"Own test"},"valueQuantity":{"extension":[{"url":"u","valueDecimal":1.00}],"value":4.70e1,"unit":"x","code":"x"}}'
  assert.equal(correctionOf(text), undefined, 'an exponent is not what the field takes')
  const plain = text.replace('4.70e1', '47.00')
  const found = correctionOf(plain)
  assert.ok(found?.kind === 'observation')
  const next = corrected(plain, { kind: 'observation', entry: { ...found.entry, values: ['46'] } })
  assert.ok(next.includes('"valueDecimal":1.00'))
  assert.ok(next.includes('"value":46,"unit":"x"'))
  assert.equal(next.includes('div'), false, 'the narrative told the old value')
})

test('name, range, flag, dosage, certainty, words of a note', () => {
  const change = <T extends Correction['kind']>(
    type: string,
    name: T,
    to: (one: Extract<Correction, { kind: T }>) => Correction,
  ) => {
    const { text } = WRITTEN.find(({ resourceType }) => resourceType === type) ?? { text: '' }
    const found = correctionOf(text)
    assert.ok(found?.kind === name)
    const next = corrected(text, to(found as Extract<Correction, { kind: T }>))
    parseResource(next)
    return JSON.parse(next) as Resource
  }
  const observation = change('Observation', 'observation', ({ entry }) => ({
    kind: 'observation',
    entry: { ...entry, high: '', low: '', interpretation: 'N' },
  }))
  assert.equal(observation['referenceRange'], undefined)
  assert.equal(textAt(observation, 'interpretation', 'coding', 'code'), 'N')
  const medicine = change('MedicationRequest', 'medicine', ({ entry }) => ({
    kind: 'medicine',
    entry: { ...entry, dosage: 'two a day', days: '' },
  }))
  assert.deepEqual([medicine['dosageInstruction'], medicine['dispenseRequest']], [[{ text: 'two a day' }], undefined])
  const condition = change('Condition', 'condition', ({ entry }) => ({
    kind: 'condition',
    entry: { ...entry, certainty: 'confirmed' },
  }))
  assert.equal(textAt(condition, 'verificationStatus', 'coding', 'code'), 'confirmed')
  assert.equal(textAt(condition, 'clinicalStatus', 'coding', 'code'), 'active')
  const note = change('DocumentReference', 'note', () => ({ kind: 'note', text: 'Weight gone up.' }))
  assert.equal(note['docStatus'], 'amended')
  assert.equal(atob(textAt(note, 'content', 'attachment', 'data') ?? ''), 'Weight gone up.')
  const visit = change('Encounter', 'visit', () => ({ kind: 'visit', reason: 'Control of sugar' }))
  assert.deepEqual(visit['reasonCode'], [{ text: 'Control of sugar' }])
})

test('written in error: the status says it, the text stays, once only', () => {
  for (const { text, resourceType } of WRITTEN) {
    const next = writtenInError(text)
    parseResource(next)
    assert.equal(canBeInError(next), false)
    const resource = JSON.parse(next) as Record<string, unknown>
    if (resourceType === 'Condition') assert.equal(resource['clinicalStatus'], undefined)
    else assert.equal(resource['status'], 'entered-in-error')
  }
  assert.equal(canBeInError('{"resourceType":"Patient"}'), false)
})

test('refused: what the form cannot hold whole is not offered', () => {
  const observation = '"resourceType":"Observation","code":{"text":"x"}'
  for (const text of [
    `{${observation},"valueQuantity":{"value":1,"unit":"x","comparator":"<"}}`,
    `{${observation},"valueString":"positive"}`,
    `{${observation},"valueQuantity":{"value":1}}`,
    `{${observation},"valueQuantity":{"value":1,"unit":"x"},"referenceRange":[{"text":"below 2"}]}`,
    `{${observation},"valueQuantity":{"value":1,"unit":"x"},"interpretation":[{"coding":[{"code":"POS"}]}]}`,
    `{${observation},"component":[{"code":{"text":"y"},"valueQuantity":{"value":1,"unit":"x"}}]}`,
    '{"resourceType":"MedicationRequest","medicationReference":{"reference":"x"}}',
    '{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"x"},"dosageInstruction":[{"text":"a"},{"text":"b"}]}',
    '{"resourceType":"DocumentReference","content":[{"attachment":{"contentType":"application/pdf","data":"AAAA"}}]}',
    '{"resourceType":"DocumentReference","content":[{"attachment":{"contentType":"text/plain","data":"!"}}]}',
    '{"resourceType":"Condition","code":{"text":"x"},"verificationStatus":{"coding":[{"code":"refuted"}]}}',
    '{"resourceType":"Immunization"}',
    '[]',
    'no JSON',
    String.raw`{"resourceType":"Encounter","reasonCode":[{"text":"\u0001decimal:1"}]}`,
  ]) {
    assert.equal(correctionOf(text), undefined, text)
  }
  const [encounter] = WRITTEN
  assert.throws(() => corrected(encounter?.text ?? '', { kind: 'note', text: 'x' }), TypeError)
})

test('the same in another order of members is the same', () => {
  const one = { kind: 'note', text: 'x' } as const
  assert.equal(isSameCorrection(one, { text: 'x', kind: 'note' }), true)
  assert.equal(isSameCorrection(one, { text: 'y', kind: 'note' }), false)
})

test('exact JSON gives back the very text, whatever its numbers and strings are', () => {
  const number = fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.stringMatching(/^(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?$/))
    .map(([whole, rest]) => new Decimal(`${whole}${rest}`))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      number,
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\u0001')),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value')),
      fc.dictionary(fc.stringMatching(/^[a-z"\\]{1,8}$/), tie('value')),
    ),
  }))
  fc.assert(
    fc.property(value, (one) => {
      const text = formatExact(one)
      assert.equal(formatExact(parseExact(text)), text)
    }),
  )
})
