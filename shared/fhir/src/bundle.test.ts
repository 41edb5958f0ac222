import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { linkBundle, splitBundle } from './bundle.ts'

function bundle(...entries: unknown[]): string {
  return JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: entries })
}

function patients(...entries: unknown[]): (string | undefined)[] {
  return linkBundle(splitBundle(bundle(...entries))).entries.map(({ patient }) => patient)
}

const PATIENT = { fullUrl: 'urn:uuid:p', resource: { resourceType: 'Patient', id: 'p' } }

describe('splitBundle', () => {
  it('gives the exact text of each resource', () => {
    const first = '{ "resourceType" : "Patient",\n "x": [1.0, 1e2, "\\u0041}"] }'
    const second = '{"resourceType":"Basic","resource":{"entry":[]}}'
    const text = `\n{"type":"transaction","id":"b1","entry" : [ { "fullUrl":"urn:uuid:1", "resource" : ${first} ,"request":{"method":"POST","url":"Patient"}},
      {"request":{"method":"DELETE","url":"Patient/2"}}, {"re\\u0073ource":${second}} ], "resourceType":"Bundle"}`
    assert.deepEqual(splitBundle(text), {
      type: 'transaction',
      id: 'b1',
      entries: [
        { index: 0, fullUrl: 'urn:uuid:1', method: 'POST', url: 'Patient', resourceText: first },
        { index: 1, method: 'DELETE', url: 'Patient/2' },
        { index: 2, resourceText: second },
      ],
    })
  })

  it('takes a Bundle without entries', () => {
    assert.deepEqual(splitBundle('{"resourceType":"Bundle","type":"searchset","total":0}'), {
      type: 'searchset',
      entries: [],
    })
    assert.deepEqual(splitBundle('{"resourceType":"Bundle","entry":[]}'), { entries: [] })
  })

  for (const text of [
    '{"resourceType":"Patient","entry":[]}',
    '{"resourceType":"Bundle","entry":{}}',
    '{"resourceType":"Bundle","entry":[1]}',
    '{"resourceType":"Bundle","entry":[[]]}',
    '{"resourceType":"Bundle","entry":"x"}',
  ]) {
    it(`refuses ${text}`, () => {
      assert.throws(() => splitBundle(text), { code: 'FHIR_NOT_A_BUNDLE' })
    })
  }

  it('refuses what parseResource refuses', () => {
    assert.throws(() => splitBundle('{"resourceType":"Bundle","entry":[{"resource":{}},]}'), { code: 'FHIR_NOT_JSON' })
    assert.throws(() => splitBundle('{"resourceType":"Bundle","entry":[{"resource":1,"resource":2}]}'), {
      code: 'FHIR_DUPLICATE_KEY',
    })
    assert.throws(() => splitBundle('{"resourceType":"Bundle"}', { maxBytes: 10 }), { code: 'FHIR_TOO_LARGE' })
  })

  it('takes resources of the full depth', () => {
    const deep = `{"resourceType":"Basic","x":${'['.repeat(63)}${']'.repeat(63)}}`
    assert.equal(splitBundle(`{"resourceType":"Bundle","entry":[{"resource":${deep}}]}`).entries[0]?.resourceText, deep)
  })

  it('every slice parses to what JSON.parse of the Bundle has there', () => {
    const entry = fc.record(
      { fullUrl: fc.webUrl(), resource: fc.jsonValue(), search: fc.jsonValue() },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.array(entry),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t', '\n'),
        (entries, others, space) => {
          const { id: _id, ...rest } = others
          const text = JSON.stringify({ ...rest, resourceType: 'Bundle', entry: entries }, undefined, space)
          const parsed = JSON.parse(text) as { entry: { resource?: unknown }[] }
          const slices = splitBundle(text).entries.map(({ resourceText }) => resourceText)
          assert.deepEqual(
            slices.map((slice) => (slice === undefined ? undefined : (JSON.parse(slice) as unknown))),
            parsed.entry.map(({ resource }) => resource),
          )
        },
      ),
    )
  })
})

describe('linkBundle', () => {
  it('names the entry that is at fault', () => {
    const split = splitBundle(bundle(PATIENT, { resource: { resourceType: 'Patient', id: 'no good' } }))
    assert.throws(() => linkBundle(split), { code: 'FHIR_BAD_ID', position: 1 })
    assert.throws(() => linkBundle(splitBundle(bundle({ resource: 1 }))), {
      code: 'FHIR_UNKNOWN_RESOURCE_TYPE',
      position: 0,
    })
    assert.throws(() => linkBundle(splitBundle(bundle(PATIENT)), { maxBytes: 5 }), {
      code: 'FHIR_TOO_LARGE',
      position: 0,
    })
  })

  it('lists the patients', () => {
    const linked = linkBundle(
      splitBundle(
        bundle(PATIENT, { resource: { resourceType: 'Patient', id: 'q' } }, { resource: { resourceType: 'Patient' } }),
      ),
    )
    assert.deepEqual(linked.patients, ['urn:uuid:p', 'Patient/q'])
    assert.equal(linked.type, 'collection')
  })

  const observation = (reference: string, fullUrl?: string): unknown => ({
    ...(fullUrl === undefined ? {} : { fullUrl }),
    resource: { resourceType: 'Observation', subject: { reference } },
  })

  it('resolves urn:uuid', () => {
    assert.deepEqual(patients(PATIENT, observation('urn:uuid:p')), ['urn:uuid:p', 'urn:uuid:p'])
  })

  it('resolves a relative reference on the base of the entry that has it', () => {
    const at = (base: string): unknown => ({
      fullUrl: `${base}/Patient/1`,
      resource: { resourceType: 'Patient', id: '1' },
    })
    assert.deepEqual(
      patients(
        at('https://a/fhir'),
        at('https://b/fhir'),
        observation('Patient/1', 'https://b/fhir/Observation/9'),
        observation('Patient/1', 'https://a/fhir/Observation/9'),
      ).slice(2),
      ['https://b/fhir/Patient/1', 'https://a/fhir/Patient/1'],
    )
  })

  it('resolves a relative reference by type and id when only one entry fits', () => {
    assert.deepEqual(patients(PATIENT, observation('Patient/p')), ['urn:uuid:p', 'urn:uuid:p'])
    assert.deepEqual(patients(PATIENT, observation('Patient/p/_history/3')), ['urn:uuid:p', 'urn:uuid:p'])
    const twin = { fullUrl: 'urn:uuid:q', resource: { resourceType: 'Patient', id: 'p' } }
    assert.deepEqual(patients(PATIENT, twin, observation('Patient/p')).slice(2), ['Patient/p'])
  })

  it('leaves a reference to a patient elsewhere as it is', () => {
    assert.deepEqual(patients(observation('Patient/7')), ['Patient/7'])
    assert.deepEqual(patients(observation('urn:uuid:elsewhere')), ['urn:uuid:elsewhere'])
  })

  it('takes no other entry for a patient', () => {
    const group = { fullUrl: 'urn:uuid:g', resource: { resourceType: 'Group', id: 'g' } }
    assert.deepEqual(patients(PATIENT, group, observation('urn:uuid:g')).slice(1), [undefined, undefined])
    assert.deepEqual(patients(PATIENT, { resource: { resourceType: 'Medication' } }).slice(1), [undefined])
  })

  it('finds the patient among participants and targets', () => {
    const doctor = { fullUrl: 'urn:uuid:d', resource: { resourceType: 'Practitioner' } }
    const appointment = {
      resource: {
        resourceType: 'Appointment',
        participant: [{ actor: { reference: 'urn:uuid:d' } }, { actor: { reference: 'urn:uuid:p' } }],
      },
    }
    const provenance = {
      resource: { resourceType: 'Provenance', target: [{ reference: 'urn:uuid:d' }, { reference: 'urn:uuid:p' }] },
    }
    assert.deepEqual(patients(PATIENT, doctor, appointment, provenance), [
      'urn:uuid:p',
      undefined,
      'urn:uuid:p',
      'urn:uuid:p',
    ])
  })
})
