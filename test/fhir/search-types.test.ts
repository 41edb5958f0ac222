/**
 * The kinds of resources that people ask for most, each found by the parameters that they use, and not by another value;
 * order and pages where several are equal.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hba1c, idsOf, openFhirScene, type Bundle, type FhirScene } from './scene.ts'

const SNOMED = 'http://snomed.info/sct'
const concept = (code: string, text: string, system = SNOMED) => ({ coding: [{ system, code, display: text }], text })

function resourcesOf(bob: string): readonly object[] {
  const patient = { reference: `Patient/${bob}` }
  return [
    { resourceType: 'Practitioner', id: 'okoye', name: [{ family: 'Okoye' }] },
    { resourceType: 'Organization', id: 'lab', name: 'Laboratory' },
    { resourceType: 'Location', id: 'ward', name: 'Ward 3' },
    {
      resourceType: 'Encounter',
      id: 'visit',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      type: [concept('185349003', 'Check up')],
      subject: patient,
      participant: [{ individual: { reference: 'Practitioner/okoye' } }],
      period: { start: '2026-11-14T09:00:00Z', end: '2026-11-14T10:00:00Z' },
      location: [{ location: { reference: 'Location/ward' } }],
    },
    {
      resourceType: 'MedicationRequest',
      id: 'metformin',
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: concept('372567009', 'Metformin'),
      subject: patient,
      encounter: { reference: 'Encounter/visit' },
      authoredOn: '2026-11-14',
      requester: { reference: 'Practitioner/okoye' },
    },
    {
      resourceType: 'Procedure',
      id: 'ecg',
      status: 'completed',
      code: concept('29303009', 'Electrocardiogram'),
      subject: patient,
      performedDateTime: '2026-11-14',
      performer: [{ actor: { reference: 'Practitioner/okoye' } }],
    },
    hba1c(bob, 47, { id: 'result' }),
    {
      resourceType: 'DiagnosticReport',
      id: 'report',
      status: 'final',
      category: [concept('LAB', 'Laboratory', 'http://terminology.hl7.org/CodeSystem/v2-0074')],
      code: concept('58410-2', 'Blood count', 'http://loinc.org'),
      subject: patient,
      effectiveDateTime: '2026-11-14',
      issued: '2026-11-15T08:00:00Z',
      performer: [{ reference: 'Organization/lab' }],
      result: [{ reference: 'Observation/result' }],
    },
    {
      resourceType: 'DocumentReference',
      id: 'letter',
      status: 'current',
      type: concept('11488-4', 'Consult note', 'http://loinc.org'),
      subject: patient,
      date: '2026-11-14T09:30:00Z',
      author: [{ reference: 'Practitioner/okoye' }],
      content: [{ attachment: { contentType: 'text/plain', data: 'QQ==' } }],
    },
    {
      resourceType: 'AllergyIntolerance',
      id: 'penicillin',
      clinicalStatus: concept('active', 'Active', 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical'),
      type: 'allergy',
      category: ['medication'],
      criticality: 'high',
      code: concept('764146007', 'Penicillin'),
      patient,
      recordedDate: '2020-01-02',
    },
    {
      resourceType: 'Immunization',
      id: 'influenza',
      status: 'completed',
      vaccineCode: concept('140', 'Influenza', 'http://hl7.org/fhir/sid/cvx'),
      patient,
      occurrenceDateTime: '2026-10-01',
      lotNumber: 'L-7',
    },
  ]
}

/** What finds the one resource, and what does not. */
const QUERIES: Readonly<Record<string, { readonly found: readonly string[]; readonly not: readonly string[] }>> = {
  'Encounter/visit': {
    found: [
      'class=AMB',
      'status=finished',
      'type=185349003',
      'date=2026-11-14',
      'participant=Practitioner/okoye',
      'location=ward',
      'location.name=ward',
    ],
    not: ['class=IMP', 'status=planned', 'date=gt2026-11-14', 'participant.family=other', 'location=other'],
  },
  'MedicationRequest/metformin': {
    found: [
      'code=372567009',
      'status=active',
      'intent=order',
      'authoredon=2026-11-14',
      'requester=okoye',
      'requester:Practitioner.family=okoye',
      'encounter=visit',
      'encounter.class=AMB',
    ],
    not: ['code=1', 'status=stopped', 'intent=plan', 'authoredon=lt2026-11-14', 'requester=other'],
  },
  'Procedure/ecg': {
    found: [`code=${SNOMED}|29303009`, 'status=completed', 'date=2026-11', 'performer=Practitioner/okoye'],
    not: ['code=http://loinc.org|29303009', 'status=preparation', 'date=2026-10'],
  },
  'DiagnosticReport/report': {
    found: [
      'category=LAB',
      'code=58410-2',
      'status=final',
      'date=2026-11-14',
      'issued=ge2026-11-15',
      'performer=Organization/lab',
      'result=Observation/result',
      'result.code=59261-8',
    ],
    not: ['category=RAD', 'issued=lt2026-11-15', 'result.code=1'],
  },
  'DocumentReference/letter': {
    found: ['type=11488-4', 'status=current', 'date=2026-11-14', 'author=okoye', 'contenttype=text/plain'],
    not: ['type=1', 'contenttype=application/pdf'],
  },
  'AllergyIntolerance/penicillin': {
    found: [
      'code=764146007',
      'clinical-status=active',
      'criticality=high',
      'type=allergy',
      'category=medication',
      'date=2020',
    ],
    not: ['clinical-status=resolved', 'criticality=low', 'category=food'],
  },
  'Immunization/influenza': {
    found: ['vaccine-code=140', 'status=completed', 'date=2026-10', 'lot-number=L-7'],
    not: ['vaccine-code=1', 'lot-number=X'],
  },
}

describe('each kind of resource is found by its own parameters', () => {
  let scene: FhirScene
  const ids = async (query: string) => {
    const answer = await scene.fhir('GET', query, undefined, { prefer: 'handling=strict' })
    assert.equal(answer.status, 200, `${query}: ${answer.text}`)
    return idsOf(answer)
  }
  before(async () => {
    scene = await openFhirScene()
    for (const resource of resourcesOf(scene.bob.ref)) {
      const { resourceType, id } = resource as { readonly resourceType: string; readonly id: string }
      const { status, text } = await scene.fhir('PUT', `/${resourceType}/${id}`, resource)
      assert.equal(status, 201, text)
    }
  })
  after(() => scene[Symbol.asyncDispose]())

  for (const [name, { found, not }] of Object.entries(QUERIES)) {
    const [type = '', id = ''] = name.split('/')
    it(type, async () => {
      for (const query of [...found, `patient=${scene.bob.ref}`, `_id=${id}`]) {
        assert.deepEqual(await ids(`/${type}?${query}`), [id], query)
      }
      for (const query of [...not, 'patient=somebody']) assert.deepEqual(await ids(`/${type}?${query}`), [], query)
    })
  }

  it('Consent, AuditEvent and Provenance, which the server makes', async () => {
    const { bob, world } = scene
    const hospital = world.hospitalRef('a')
    const [consent] = await ids(`/Consent?patient=${bob.ref}`)
    for (const query of [
      `status=active&actor=Organization/${hospital}`,
      `period=gt${new Date(world.clock.nowMs()).toISOString().slice(0, 10)}`,
    ]) {
      assert.deepEqual(await ids(`/Consent?patient=${bob.ref}&${query}`), [consent], query)
    }
    assert.deepEqual(await ids(`/Consent?patient=${bob.ref}&status=rejected`), [])
    await scene.fhir('GET', '/Procedure/ecg')
    const about = `/AuditEvent?patient=${bob.ref}&entity=Procedure/ecg`
    assert.ok((await ids(`${about}&action=R&subtype=read&outcome=0`)).length > 0)
    assert.ok((await ids(`${about}&agent=Organization/${hospital}&date=ge2026-01-01`)).length > 0)
    assert.deepEqual(await ids(`${about}&action=D`), [])
    assert.deepEqual(await ids(`${about}&date=lt2020`), [])
    const [made, ...more] = await ids('/Provenance?target=Procedure/ecg')
    assert.ok(made !== undefined && more.length === 0)
    assert.ok((await ids(`/Provenance?patient=${bob.ref}&recorded=ge2026-01-01`)).includes(made))
    assert.deepEqual(await ids('/Provenance?target=Procedure/other'), [])
  })

  it('where several are equal, pages have each once, whatever the order', async () => {
    const { fhir, bob } = scene
    const equal = Array.from({ length: 7 }, (_, i) => `equal-${i}`)
    for (const id of equal) {
      const resource = hba1c(bob.ref, 5, { id, identifier: [{ system: 'urn:equal', value: 'x' }] })
      assert.equal((await fhir('PUT', `/Observation/${id}`, resource)).status, 201)
    }
    for (const sort of ['value-quantity', '-date', 'status,-code', '_lastUpdated', '-_lastUpdated']) {
      const seen: string[] = []
      let url: string | undefined = `/Observation?identifier=urn:equal|x&_sort=${sort}&_count=2`
      while (url !== undefined) {
        const answer = await fhir('GET', url)
        seen.push(...idsOf(answer))
        url = (answer.json as Bundle).link?.find(({ relation }) => relation === 'next')?.url
      }
      assert.deepEqual(seen.toSorted(), equal, sort)
    }
    assert.deepEqual(await ids('/Observation?identifier=urn:equal|x&_sort=-_lastUpdated'), equal.toReversed())
  })

  it('_lastUpdated with every prefix, and with a zone whose plus was not escaped', async () => {
    const { fhir } = scene
    const { json } = await fhir('GET', '/Procedure/ecg')
    const at = (json as { readonly meta: { readonly lastUpdated: string } }).meta.lastUpdated
    const second = at.slice(0, 19)
    const earlier = new Date(Date.parse(at) - 86_400_000).toISOString()
    const fits = [
      at,
      `ge${at}`,
      `le${at}`,
      `gt${earlier}`,
      `sa${earlier}`,
      `ne${earlier}`,
      `ap${at}`,
      `ge${second}+00:00`,
    ]
    const fitsNot = [
      earlier,
      `gt${at}`,
      `lt${at}`,
      `sa${at}`,
      `eb${at}`,
      `ne${at}`,
      `le${earlier}`,
      `lt${second}+00:00`,
    ]
    for (const value of fits) assert.deepEqual(await ids(`/Procedure?_lastUpdated=${value}`), ['ecg'], value)
    for (const value of fitsNot) assert.deepEqual(await ids(`/Procedure?_lastUpdated=${value}`), [], value)
  })

  it('a history in pages has each version once, newest first', async () => {
    const { fhir, bob } = scene
    for (const value of [1, 2, 3, 4, 5]) {
      await fhir('PUT', '/Observation/versions', hba1c(bob.ref, value, { id: 'versions' }))
    }
    const seen: (string | undefined)[] = []
    let url: string | undefined = '/Observation/versions/_history?_count=2'
    while (url !== undefined) {
      const { entry = [], link = [], total } = (await fhir('GET', url)).json as Bundle
      assert.equal(total, 5)
      seen.push(...entry.map(({ response }) => response?.etag))
      url = link.find(({ relation }) => relation === 'next')?.url
    }
    assert.deepEqual(seen, ['W/"5"', 'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"'])
  })

  it('deletes only the version that If-Match names', async () => {
    const { fhir, bob } = scene
    for (const value of [1, 2]) await fhir('PUT', '/Observation/matched', hba1c(bob.ref, value, { id: 'matched' }))
    const late = await fhir('DELETE', '/Observation/matched', undefined, { 'if-match': 'W/"1"' })
    assert.equal(late.status, 412)
    assert.equal((await fhir('GET', '/Observation/matched')).status, 200)
    assert.equal((await fhir('DELETE', '/Observation/matched', undefined, { 'if-match': 'W/"2"' })).status, 204)
  })

  it('of several who update by a condition that fits nothing yet, one creates', async () => {
    const { fhir, bob } = scene
    const body = hba1c(bob.ref, 6, { identifier: [{ system: 'urn:lab', value: 'race' }] })
    const all = await Promise.all([1, 2, 3].map(() => fhir('PUT', '/Observation?identifier=urn:lab|race', body)))
    assert.equal(all.filter(({ status }) => status === 201).length, 1)
    assert.equal((await ids('/Observation?identifier=urn:lab|race')).length, 1)
  })
})
