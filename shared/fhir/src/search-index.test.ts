import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEhrType } from './ehr-type.ts'
import { ehrTypeOf } from './ehr-type-of.ts'
import type { ResourceType } from './resource-types.ts'
import type { FhirResource } from './resource.ts'
import { extractIndex, MAX_AUTHORS, MAX_CODES } from './search-index.ts'

function resource(resourceType: ResourceType, elements: Readonly<Record<string, unknown>> = {}): FhirResource {
  return { ...elements, resourceType }
}

describe('subjectReference', () => {
  for (const [reference, expected] of [
    [{ reference: 'Patient/1' }, 'Patient/1'],
    [{ reference: 'https://h/fhir/Patient/1/_history/2' }, 'https://h/fhir/Patient/1/_history/2'],
    [{ reference: 'Patient?identifier=a|b' }, 'Patient?identifier=a|b'],
    [{ reference: 'urn:uuid:7b1e2c9e-7f8c-4a63-93be-0b3a7d3f0f11' }, 'urn:uuid:7b1e2c9e-7f8c-4a63-93be-0b3a7d3f0f11'],
    [{ reference: 'urn:uuid:7b1e2c9e-7f8c-4a63-93be-0b3a7d3f0f11', type: 'Group' }, undefined],
    [{ reference: 'Group/1' }, undefined],
    [{ reference: 'Group/1', type: 'Patient' }, undefined],
    [{ reference: '#p' }, undefined],
    [{ reference: `Patient/${'1'.repeat(2000)}` }, undefined],
    [{ reference: '' }, undefined],
    [{ reference: 1 }, undefined],
    [{ identifier: { value: 'p-1' } }, undefined],
    ['Patient/1', undefined],
    [[{ reference: 'Group/2' }, { reference: 'Patient/1' }], 'Patient/1'],
  ] as const) {
    it(`of ${JSON.stringify(reference).slice(0, 70)} is ${String(expected)}`, () => {
      assert.equal(extractIndex(resource('Observation', { subject: reference })).subjectReference, expected)
    })
  }

  it('of a Patient is itself', () => {
    assert.equal(extractIndex(resource('Patient', { id: 'x' })).subjectReference, 'Patient/x')
    assert.equal(extractIndex(resource('Patient')).subjectReference, undefined)
  })

  it('is not guessed among participants who could be anybody', () => {
    const participant = [{ actor: { reference: 'urn:uuid:a' } }, { actor: { reference: 'urn:uuid:b' } }]
    assert.equal(extractIndex(resource('Appointment', { participant })).subjectReference, undefined)
    assert.equal(
      extractIndex(resource('Appointment', { participant: [...participant, { actor: { reference: 'Patient/1' } }] }))
        .subjectReference,
      'Patient/1',
    )
  })
})

describe('dates', () => {
  const dates = (elements: Readonly<Record<string, unknown>>, type: ResourceType = 'Observation'): unknown => {
    const { dateStartMs, dateEndMs } = extractIndex(resource(type, elements))
    return [dateStartMs, dateEndMs]
  }
  const day = (text: string): number => Date.parse(text)

  it('take the first element that holds one', () => {
    const effectiveDateTime = '2020-01-02'
    assert.deepEqual(dates({ effectiveDateTime, issued: '2021-01-01T00:00:00Z' }), [
      day('2020-01-02'),
      day('2020-01-03') - 1,
    ])
    assert.deepEqual(dates({ effectiveDateTime: 'yesterday', issued: '2021-01-01T00:00:00.000Z' }), [
      day('2021-01-01'),
      day('2021-01-01'),
    ])
  })

  it('of a period are its ends, each at its own precision', () => {
    assert.deepEqual(dates({ effectivePeriod: { start: '2020', end: '2020-06-15' } }), [
      day('2020-01-01'),
      day('2020-06-16') - 1,
    ])
    assert.deepEqual(dates({ effectivePeriod: { start: '2020' } }), [day('2020-01-01'), undefined])
    assert.deepEqual(dates({ effectivePeriod: { end: '2020' } }), [undefined, day('2021-01-01') - 1])
  })

  it('of a period that ends before it starts are none', () => {
    assert.deepEqual(dates({ effectivePeriod: { start: '2021', end: '2020' } }), [undefined, undefined])
  })

  it('of a timing are around its events or its bounds', () => {
    assert.deepEqual(dates({ effectiveTiming: { event: ['2020-05-01', 'x', '2020-03-01'] } }), [
      day('2020-03-01'),
      day('2020-05-02') - 1,
    ])
    assert.deepEqual(dates({ effectiveTiming: { repeat: { boundsPeriod: { start: '2020-03-01' } } } }), [
      day('2020-03-01'),
      undefined,
    ])
  })

  it('of several periods are around them all, open if one is', () => {
    const period = (start: string, end?: string): unknown => ({
      period: end === undefined ? { start } : { start, end },
    })
    const event = [period('2020', '2021'), period('2019', '2019')]
    assert.deepEqual(dates({ event }, 'Composition'), [day('2019-01-01'), day('2022-01-01') - 1])
    assert.deepEqual(dates({ event: [...event, period('2022')] }, 'Composition'), [day('2019-01-01'), undefined])
  })

  it('are absent when the resource states none', () => {
    assert.deepEqual(dates({ meta: { lastUpdated: '2020-01-01T00:00:00Z' } }), [undefined, undefined])
  })
})

describe('codes', () => {
  it('are each system and code once, the main element first', () => {
    const { codes } = extractIndex(
      resource('Observation', {
        category: [{ coding: [{ system: 's', code: 'cat' }] }],
        code: {
          coding: [
            { system: 's', code: 'a', display: 'A' },
            { system: 's', code: 'a', display: 'again' },
            { code: 'a' },
            { system: 's' },
            { system: 's', code: 7 },
            'x',
            null,
          ],
        },
        component: [{ code: { coding: [{ system: 's', code: 'part' }] } }],
      }),
    )
    assert.deepEqual(codes, [
      { system: 's', code: 'a', display: 'A' },
      { system: '', code: 'a' },
      { system: 's', code: 'cat' },
      { system: 's', code: 'part' },
    ])
  })

  it('leave out a system or code longer than any real one instead of cutting it', () => {
    const long = 'x'.repeat(1025)
    const coding = [
      { system: 's', code: long },
      { system: long, code: 'a' },
      { system: 's', code: 'b', display: long },
    ]
    assert.deepEqual(extractIndex(resource('Condition', { code: { coding } })).codes, [{ system: 's', code: 'b' }])
  })

  it('and authors are limited in number', () => {
    const coding = Array.from({ length: 200 }, (_, i) => ({ system: 's', code: `c${i}` }))
    const performer = Array.from({ length: 200 }, (_, i) => ({ reference: `Practitioner/${i}` }))
    const index = extractIndex(resource('Observation', { code: { coding }, performer }))
    assert.equal(index.codes.length, MAX_CODES)
    assert.equal(index.authorReferences.length, MAX_AUTHORS)
  })

  it('leave out authors whom nobody else could look up', () => {
    const performer = [{ reference: '#a' }, { display: 'Dr' }, { reference: 'Practitioner/1' }, { reference: 7 }]
    assert.deepEqual(extractIndex(resource('Observation', { performer })).authorReferences, ['Practitioner/1'])
  })

  it('of a contained medicine are its own', () => {
    const medication = {
      resourceType: 'Medication',
      id: 'm',
      code: { coding: [{ system: 'rx', code: '1', display: 'Aspirin 81 MG' }] },
    }
    const index = extractIndex(
      resource('MedicationRequest', { contained: [medication], medicationReference: { reference: '#m' } }),
    )
    assert.deepEqual(index.codes, [{ system: 'rx', code: '1', display: 'Aspirin 81 MG' }])
    assert.equal(index.title, 'Aspirin 81 MG')
  })
})

describe('title', () => {
  for (const [type, elements, title] of [
    [
      'Condition',
      { code: { text: '  Asthma\n bronchiale ', coding: [{ code: 'x', display: 'y' }] } },
      'Asthma bronchiale',
    ],
    ['Condition', { code: { coding: [{ code: 'x' }, { code: 'y', display: 'Y' }] } }, 'Y'],
    ['Condition', { code: { coding: [{ code: 'x' }] } }, 'x'],
    ['Condition', {}, 'Condition'],
    ['MedicationRequest', {}, 'Medication request'],
    ['Patient', { name: [{ given: ['Bob', 7, 'L.'], family: 'Li' }] }, 'Bob L. Li'],
    ['Patient', { name: [{ text: 'Bob Li' }] }, 'Bob Li'],
    ['Patient', { name: 'Bob' }, 'Bob'],
    ['MedicationRequest', { medicationReference: { reference: 'Medication/1', display: 'Aspirin' } }, 'Aspirin'],
    ['Condition', { code: { text: 'x'.repeat(300) } }, 'x'.repeat(200)],
    ['Condition', { code: { text: `${'x'.repeat(199)}😀` } }, 'x'.repeat(199)],
  ] as const) {
    it(`of ${type} ${JSON.stringify(elements).slice(0, 60)} is ${title.slice(0, 30)}`, () => {
      assert.equal(extractIndex(resource(type, elements)).title, title)
    })
  }
})

describe('status', () => {
  it('is a code or the first code of a concept', () => {
    assert.equal(extractIndex(resource('Observation', { status: 'final' })).status, 'final')
    const clinicalStatus = { coding: [{ code: 'active' }] }
    assert.equal(extractIndex(resource('Condition', { clinicalStatus, status: 'x' })).status, 'active')
    assert.equal(extractIndex(resource('Condition', { clinicalStatus: { text: 'active' } })).status, undefined)
  })
})

describe('narrativeText', () => {
  const words = (elements: Readonly<Record<string, unknown>>, type: ResourceType = 'Observation'): string =>
    extractIndex(resource(type, elements)).narrativeText

  it('has the narrative, displays, notes and names, each once', () => {
    assert.equal(
      words({
        text: { status: 'generated', div: '<div><p>Glucose &amp; more</p></div>' },
        code: { coding: [{ code: 'x', display: 'Glucose' }], text: 'Glucose' },
        note: [{ text: 'Fasting' }],
        valueString: 'high',
      }),
      'Glucose & more\nGlucose\nFasting\nhigh',
    )
    assert.equal(words({ name: [{ given: ['Bob'], family: 'Li' }] }, 'Patient'), 'Bob\nLi')
  })

  it('has section narratives and contained displays', () => {
    const section = [{ title: 'History', text: { div: '<div>smoked <b>once</b></div>' } }]
    assert.equal(
      words({ section, contained: [{ code: { text: 'inner' } }] }, 'Composition'),
      'History\nsmoked once\ninner',
    )
  })

  it('has no identifiers, codes, extensions or meta data', () => {
    assert.equal(
      words({
        id: 'x',
        meta: { tag: [{ display: 'hidden' }] },
        identifier: [{ type: { text: 'hidden' } }],
        extension: [{ valueString: 'hidden' }],
        code: { coding: [{ system: 'hidden', code: 'hidden' }] },
      }),
      '',
    )
  })

  it('has the text of text attachments', () => {
    const attachment = (contentType: string, text: string): unknown => ({
      attachment: { contentType, data: Buffer.from(text).toString('base64') },
    })
    const content = [
      attachment('text/plain; charset=utf-8', 'Chief\nComplaint: Übelkeit'),
      attachment('text/html', '<p>As <b>html</b></p>'),
      attachment('application/pdf', 'binary'),
    ]
    assert.equal(words({ content }, 'DocumentReference'), 'Chief Complaint: Übelkeit\nAs html')
  })

  it('stops at 65,536 characters', () => {
    assert.equal(words({ note: Array.from({ length: 100_000 }, (_, i) => ({ text: `note ${i}` })) }).length, 65_536)
    assert.equal(words({ text: { div: 'x'.repeat(1_000_000) }, note: [{ text: 'late' }] }).length, 65_536)
  })

  it('survives objects nested deeper than any stack', () => {
    let deep: unknown = { display: 'bottom' }
    for (let i = 0; i < 200_000; i++) deep = i % 2 === 0 ? [deep] : { x: deep }
    assert.equal(words({ x: deep, note: [{ text: 'top' }] }), 'top')
  })
})

describe('extractIndex', () => {
  it('never asks an element for its text by a method that the element itself brings', () => {
    const trap = { toString: 1, valueOf: 1 }
    const elements = { id: trap, code: { coding: [{ system: trap, code: trap, display: trap }] }, status: trap }
    for (const type of ['Patient', 'Observation', 'DiagnosticReport'] as const) {
      const odd = { ...elements, category: [elements.code], resourceType: type } as unknown as FhirResource
      assert.deepEqual(extractIndex(odd).codes, [])
    }
  })
})

describe('ehrTypeOf', () => {
  const category = (system: string, ...codes: string[]): unknown => [
    { coding: codes.map((code) => ({ system, code })) },
  ]
  const OBSERVATION = 'http://terminology.hl7.org/CodeSystem/observation-category'
  const V2 = 'http://terminology.hl7.org/CodeSystem/v2-0074'

  for (const [type, elements, kind] of [
    ['Observation', { category: category(OBSERVATION, 'laboratory') }, 'lab'],
    ['Observation', { category: category(OBSERVATION, 'vital-signs') }, 'vital-signs'],
    ['Observation', { category: category(OBSERVATION, 'imaging') }, 'imaging'],
    ['Observation', { category: category(OBSERVATION, 'procedure') }, 'procedure'],
    ['Observation', { category: category(OBSERVATION, 'social-history', 'laboratory') }, 'other'],
    ['Observation', { category: category(OBSERVATION, 'unheard-of', 'laboratory') }, 'lab'],
    ['Observation', { category: category('urn:other', 'laboratory') }, 'other'],
    ['Observation', { category: { coding: [{ system: OBSERVATION, code: 'laboratory' }] } }, 'lab'],
    ['Observation', { code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] } }, 'vital-signs'],
    ['Observation', { code: { coding: [{ system: 'urn:other', code: '8867-4' }] } }, 'other'],
    ['Observation', { specimen: { reference: 'Specimen/1' } }, 'lab'],
    ['Observation', { referenceRange: [{ text: '1-2' }] }, 'lab'],
    ['Observation', { referenceRange: [] }, 'other'],
    ['Observation', {}, 'other'],
    ['DiagnosticReport', { category: category(V2, 'HM') }, 'lab'],
    ['DiagnosticReport', { category: category(V2, 'RAD') }, 'imaging'],
    ['DiagnosticReport', { category: category('http://loinc.org', '34117-2') }, 'document'],
    ['DiagnosticReport', { imagingStudy: [{ reference: 'ImagingStudy/1' }] }, 'imaging'],
    ['DiagnosticReport', { specimen: [{ reference: 'Specimen/1' }] }, 'lab'],
    ['DiagnosticReport', {}, 'other'],
    ['MedicationRequest', {}, 'medicine'],
    ['AllergyIntolerance', {}, 'allergy'],
    ['Immunization', {}, 'immunization'],
    ['Condition', {}, 'condition'],
    ['Procedure', {}, 'procedure'],
    ['Encounter', {}, 'encounter'],
    ['DocumentReference', {}, 'document'],
    ['CarePlan', {}, 'careplan'],
    ['Consent', {}, 'consent'],
    ['ImagingStudy', {}, 'imaging'],
    ['Claim', {}, 'other'],
    ['Patient', {}, 'other'],
  ] as const) {
    it(`${type} ${JSON.stringify(elements).slice(0, 90)} is ${kind}`, () => {
      assert.equal(ehrTypeOf(resource(type, elements)), kind)
    })
  }

  it('isEhrType knows the list and nothing else', () => {
    assert.ok(isEhrType('lab'))
    for (const value of ['*', 'Lab', '', 'visit', null, undefined, 3]) assert.equal(isEhrType(value), false)
  })
})
