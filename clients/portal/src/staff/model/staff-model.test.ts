/** Imports settle every line once and go on where they stopped; the front desk is told who may be the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../../../shared/crypto/src/index.ts'
import { ImportFile, readItems, type Answer } from './import-queue.ts'
import { dayText } from '../../shell/day.ts'
import { EMPTY_REGISTRATION, findSame, registrationProblems } from './registration.ts'

const line = (id: string) => `{"resourceType":"Observation","id":"${id}"}`
const ndjson = encodeUtf8([line('a'), 'not json', '', line('b'), '{"resourceType":"Nothing"}', line('c')].join('\n'))
const ok: Answer = { ok: true }

test('NDJSON: good lines with their number, bad ones with a code, empty ones left out', () => {
  const items = readItems('x.ndjson', ndjson)
  assert.deepEqual(
    items.map((item) => [item.position, 'code' in item ? item.code : item.resourceType]),
    [
      [1, 'Observation'],
      [2, 'FHIR_NOT_JSON'],
      [4, 'Observation'],
      [5, 'FHIR_UNKNOWN_RESOURCE_TYPE'],
      [6, 'Observation'],
    ],
  )
})

test('a Bundle gives its entries, a single resource itself, anything else is refused', () => {
  const bundle = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":${line('a')}},{"resource":${line('b')}}]}`
  assert.deepEqual(
    readItems('x.json', encodeUtf8(bundle)).map(({ position }) => position),
    [1, 2],
  )
  const [single] = readItems('x.json', encodeUtf8(line('a')))
  assert.equal(single !== undefined && 'text' in single && single.text, line('a'), 'the text as it stands')
  assert.throws(() => readItems('x.json', encodeUtf8('nothing')), { code: 'FHIR_NOT_JSON' })
})

test('every line is settled once: stored, refused by the hospital, or no resource', () => {
  const file = new ImportFile('x.ndjson', readItems('x.ndjson', ndjson))
  const first = file.nextBatch(3)
  assert.deepEqual(
    first.map(({ position }) => position),
    [1, 2, 4],
  )
  file.settle(first, [ok, { ok: false, code: 'FHIR_UNRESOLVED_PATIENT' }])
  assert.deepEqual([file.progress.position, file.progress.stored, file.progress.isDone], [4, 1, false])
  file.settle(file.nextBatch(3), [ok])
  const { stored, refused, isDone, total } = file.progress
  assert.deepEqual([stored, total, isDone], [2, 5, true])
  assert.deepEqual(
    refused.map(({ position, code }) => [position, code]),
    [
      [2, 'FHIR_NOT_JSON'],
      [4, 'FHIR_UNRESOLVED_PATIENT'],
      [5, 'FHIR_UNKNOWN_RESOURCE_TYPE'],
    ],
  )
  assert.equal(refused[1]?.text, line('b'))
  assert.deepEqual(file.nextBatch(3), [])
})

test('it goes on where an earlier run stopped', () => {
  const items = readItems('x.ndjson', ndjson)
  const file = new ImportFile('x.ndjson', items, { position: 4, stored: 2, refused: [] })
  assert.deepEqual(
    file.nextBatch(10).map(({ position }) => position),
    [5, 6],
  )
})

test('refused: answers that do not fit the batch', () => {
  const file = new ImportFile('x.ndjson', readItems('x.ndjson', ndjson))
  assert.throws(() => file.settle(file.nextBatch(3), [ok]), RangeError)
  assert.equal(file.progress.position, 0)
})

const form = { ...EMPTY_REGISTRATION, name: 'Bob Li', day: '3', month: '3', year: '1962', isIdentityChecked: true }

test('a birth date is three fields that make a day', () => {
  assert.equal(dayText(form), '1962-03-03')
  for (const wrong of [{ day: '31', month: '2' }, { year: '62' }, { month: '13' }, { day: '' }]) {
    assert.equal(dayText({ ...form, ...wrong }), undefined)
  }
  assert.equal(dayText({ day: '', month: '', year: '' }), '')
})

test('what is missing is named, for each kind of person', () => {
  assert.deepEqual(registrationProblems(form), [])
  assert.deepEqual(registrationProblems(EMPTY_REGISTRATION), ['name', 'birth', 'identity'])
  assert.deepEqual(registrationProblems({ ...form, kind: 'practitioner' }), ['department'])
  assert.deepEqual(registrationProblems({ ...form, kind: 'staff', year: '' }), [])
  assert.deepEqual(registrationProblems({ ...form, kind: 'staff', roles: [] }), ['roles'])
})

test('the same person is found by name in any order, accents or not, or by birth date and one name', () => {
  const known = [
    { ref: 'p-1', name: 'LI, Bob', birthDate: '1970-01-01' },
    { ref: 'p-2', name: 'Robert Li', birthDate: '1962-03-03' },
    { ref: 'p-3', name: 'Bób Lí', birthDate: undefined },
    { ref: 'p-4', name: 'Bob Lin', birthDate: '1962-03-03' },
    { ref: 'p-5', name: 'Emi Sato', birthDate: '1962-03-03' },
  ]
  assert.deepEqual(
    findSame(form, known).map(({ ref }) => ref),
    ['p-1', 'p-2', 'p-3', 'p-4'],
  )
  assert.deepEqual(findSame({ ...form, name: ' ' }, known), [])
})
