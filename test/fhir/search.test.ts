/** Searches as people ask them: every kind of parameter, modifiers, chains, includes, order, pages, summaries. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codeOf, hba1c, idsOf, openFhirScene, type Bundle, type FhirScene } from './scene.ts'

describe('search', () => {
  let scene: FhirScene
  let bob = ''
  const ids = async (query: string) => {
    const answer = await scene.fhir('GET', query, undefined, { prefer: 'handling=strict' })
    assert.equal(answer.status, 200, answer.text)
    return idsOf(answer)
  }

  before(async () => {
    scene = await openFhirScene()
    bob = scene.bob.ref
    const put = async (resource: object) => {
      const { resourceType, id } = resource as { readonly resourceType: string; readonly id: string }
      const { status, text } = await scene.fhir('PUT', `/${resourceType}/${id}`, resource)
      assert.equal(status, 201, text)
    }
    await put({ resourceType: 'Practitioner', id: 'chen', name: [{ family: 'Chén', given: ['Wei'] }] })
    await put({
      resourceType: 'Encounter',
      id: 'visit',
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: `Patient/${bob}` },
    })
    await put(hba1c(bob, 47, { id: 'a', performer: [{ reference: 'Practitioner/chen' }] }))
    await put(
      hba1c(bob, 48.04, { id: 'b', effectiveDateTime: '2026-11-15', encounter: { reference: 'Encounter/visit' } }),
    )
    await put(
      hba1c(bob, 60, {
        id: 'c',
        effectiveDateTime: '2025',
        status: 'amended',
        meta: { tag: [{ system: 'urn:t', code: 'x' }] },
      }),
    )
    await put({
      resourceType: 'Condition',
      id: 'diabetes',
      clinicalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
      },
      code: { coding: [{ system: 'http://snomed.info/sct', code: '44054006', display: 'Diabetes mellitus type 2' }] },
      subject: { reference: `Patient/${bob}` },
      onsetDateTime: '2020-03',
    })
  })
  after(() => scene[Symbol.asyncDispose]())

  const cases: Readonly<Record<string, readonly string[]>> = {
    'Observation?code=59261-8': ['a', 'b', 'c'],
    'Observation?code=http://loinc.org|59261-8&status=amended': ['c'],
    'Observation?code=|59261-8': [],
    'Observation?encounter.subject:Patient.name=bob': ['b'],
    'Observation?encounter:Encounter.subject:Patient.name=nobody': [],
    'Encounter?_has:Observation:encounter:code=59261-8': ['visit'],
    'Encounter?_has:Observation:encounter:status=amended': [],
    'Encounter?_has:Observation:encounter:subject:Patient.name=bob': ['visit'],
    'Practitioner?_has:Observation:performer:value-quantity=47': ['chen'],
    'Patient?_has:Condition:patient:code=44054006&_summary=false&_elements=id&_has:Observation:patient:code=none': [],
    'Observation?code=http://loinc.org|': ['a', 'b', 'c'],
    'Observation?code=other,59261-8': ['a', 'b', 'c'],
    'Observation?code:text=hba': ['a', 'b', 'c'],
    'Observation?status:not=final': ['c'],
    'Observation?category=laboratory': ['a', 'b', 'c'],
    'Observation?date=2026-11-14': ['a'],
    'Observation?date=2026-11': ['a', 'b'],
    'Observation?date=gt2026-11-14': ['b'],
    'Observation?date=ge2026-11-14&date=lt2026-11-15': ['a'],
    'Observation?date=lt2026': ['c'],
    'Observation?date=sa2025': ['a', 'b'],
    'Observation?date=eb2026': ['c'],
    'Observation?date=ap2026-11-14': ['a', 'b'],
    'Observation?date=ne2025': ['a', 'b'],
    'Observation?date=2026-11-14T09:30': ['a'],
    'Observation?date=2026-11-14T09:29Z': [],
    'Observation?date=ge2026-11-14T09:30:00Z': ['a', 'b'],
    'Observation?value-quantity=48': ['b'],
    'Observation?value-quantity=48.0': ['b'],
    'Observation?value-quantity=48.00': [],
    'Observation?value-quantity=gt47|http://unitsofmeasure.org|mmol/mol': ['b', 'c'],
    'Observation?value-quantity=gt47||mmol/mol': ['b', 'c'],
    'Observation?value-quantity=gt47||mg/dL': [],
    'Observation?performer=Practitioner/chen': ['a'],
    'Observation?performer=chen': ['a'],
    'Observation?performer:Practitioner=chen': ['a'],
    'Observation?performer:Organization=chen': [],
    'Observation?performer:Practitioner.family=chen': ['a'],
    'Observation?performer.name=wei': ['a'],
    'Observation?encounter=visit': ['b'],
    'Observation?encounter:missing=true': ['a', 'c'],
    'Observation?encounter:missing=false': ['b'],
    'Observation?_tag=urn:t|x': ['c'],
    'Observation?_id=a,c': ['a', 'c'],
    'Observation?_lastUpdated=gt2020&_id=a': ['a'],
    'Observation?_lastUpdated=lt2020': [],
    'Observation?subject:Patient.name=bob&_id=a': ['a'],
    'Observation?patient.birthdate=1962-03-03&_id=a': ['a'],
    'Observation?patient.name=nobody': [],
    'Observation?_sort=value-quantity': ['a', 'b', 'c'],
    'Observation?_sort=-date': ['b', 'a', 'c'],
    'Observation?_sort=status,-value-quantity': ['c', 'b', 'a'],
    'Condition?code=44054006': ['diabetes'],
    'Condition?code:text=diabetes': ['diabetes'],
    'Condition?onset-date=2020': ['diabetes'],
    'Condition?clinical-status=active': ['diabetes'],
    'Practitioner?family=CHEN': ['chen'],
    'Practitioner?family:exact=Chen': [],
    'Practitioner?family:exact=Chén': ['chen'],
    'Practitioner?name:contains=ei': ['chen'],
    'Patient?name=bob&birthdate=1962': ['bob'],
  }
  for (const [query, expected] of Object.entries(cases)) {
    it(query, async () => {
      const found = await ids(`/${query}`)
      assert.deepEqual(query.startsWith('Patient') ? found.map((id) => (id === bob ? 'bob' : id)) : found, expected)
    })
  }

  it('finds one patient’s by any way of naming the patient', async () => {
    for (const value of [bob, `Patient/${bob}`, `${scene.base}/Patient/${bob}`]) {
      assert.deepEqual(await ids(`/Observation?patient=${encodeURIComponent(value)}`), ['a', 'b', 'c'])
      assert.deepEqual(await ids(`/Observation?subject=${encodeURIComponent(value)}`), ['a', 'b', 'c'])
    }
    assert.deepEqual(await ids(`/Patient/${bob}/Observation?_id=a`), ['a'])
    assert.deepEqual(await ids('/Observation?patient=somebody'), [])
  })

  it('searches by POST', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    assert.deepEqual(idsOf(await scene.fhir('POST', '/Observation/_search', 'code=59261-8&_id=b', form)), ['b'])
  })

  it('pages with links, and the same total on each page', async () => {
    const seen: string[] = []
    const totals = new Set<number | undefined>()
    let url: string | undefined = '/Observation?_sort=-value-quantity&_count=2'
    while (url !== undefined) {
      const answer = await scene.fhir('GET', url)
      const { link = [], total } = answer.json as Bundle
      seen.push(...idsOf(answer))
      totals.add(total)
      url = link.find(({ relation }) => relation === 'next')?.url
    }
    assert.deepEqual([seen, [...totals]], [['c', 'b', 'a'], [3]])
    const none = (await scene.fhir('GET', '/Observation?_count=0')).json as Bundle
    assert.deepEqual([none.total, none.entry], [3, undefined])
  })

  it('includes what is named, and what names it', async () => {
    const included = async (query: string) => idsOf(await scene.fhir('GET', query), 'include')
    assert.deepEqual(await included('/Observation?_id=a&_include=Observation:performer'), ['chen'])
    assert.deepEqual(await included('/Observation?_id=a&_include=Observation:subject'), [bob])
    assert.deepEqual((await included('/Observation?_id=b&_include=*')).toSorted(), [bob, 'visit'].toSorted())
    assert.deepEqual(
      await included('/Observation?_id=b&_include=Observation:encounter&_include:iterate=Encounter:patient'),
      ['visit', bob],
    )
    assert.deepEqual(await included('/Observation?_id=b&_include=Observation:subject:Group'), [])
    assert.deepEqual(await included('/Encounter?_id=visit&_revinclude=Observation:encounter'), ['b'])
    assert.equal((await included('/Observation?_id=a&_revinclude=Provenance:target')).length, 1)
    assert.deepEqual(await included('/Patient?name=bob&_revinclude=Condition:patient'), ['diabetes'])
  })

  it('gives a part of each resource when asked, and says so', async () => {
    const one = async (query: string) => {
      const { entry = [] } = (await scene.fhir('GET', query)).json as Bundle
      return entry[0]?.resource as Readonly<Record<string, unknown>>
    }
    const summary = await one('/Observation?_id=a&_summary=true')
    assert.deepEqual(
      [summary['category'], (summary['meta'] as { tag: { code: string }[] }).tag[0]?.code, 'valueQuantity' in summary],
      [undefined, 'SUBSETTED', true],
    )
    assert.deepEqual(Object.keys(await one('/Observation?_id=a&_elements=status')).toSorted(), [
      'id',
      'meta',
      'resourceType',
      'status',
    ])
    const count = (await scene.fhir('GET', '/Observation?_summary=count')).json as Bundle
    assert.deepEqual([count.total, count.entry], [3, undefined])
    const read = (await scene.fhir('GET', '/Observation/a?_elements=code')).json as Readonly<Record<string, unknown>>
    assert.ok('code' in read && !('status' in read))
  })

  it('finds patients by what is written of them', async () => {
    const { fhir } = scene
    assert.deepEqual(idsOf(await fhir('GET', '/Patient?_has:Condition:patient:code=44054006')), [bob])
    assert.deepEqual(idsOf(await fhir('GET', '/Patient?_has:Condition:patient:code=1')), [])
  })

  it('leaves out what it does not know and says so, or refuses it when asked to be strict', async () => {
    const lenient = await scene.fhir('GET', '/Observation?colour=red&_id=a')
    const { entry = [], link = [] } = lenient.json as Bundle
    assert.deepEqual(
      entry.map(({ search }) => search?.mode),
      ['match', 'outcome'],
    )
    assert.ok(!(link[0]?.url ?? '').includes('colour'))
    const strict = await scene.fhir('GET', '/Observation?colour=red', undefined, { prefer: 'handling=strict' })
    assert.deepEqual([strict.status, codeOf(strict)], [400, 'FHIR_SEARCH_INVALID'])
  })

  for (const query of [
    'Observation?date=yesterday',
    'Observation?value-quantity=much',
    'Observation?code:above=x',
    'Observation?code=',
    'Observation?_count=-1',
    'Observation?_sort=colour',
    'Observation?_include=Observation:code',
    'Observation?_include=Nothing:subject',
    'Observation?_summary=short',
    'Observation?encounter:missing=perhaps',
    'Observation?code.name=x',
    'Observation?subject.subject.name=x',
    'Observation?encounter.part-of.part-of.part-of.status=x',
    'Patient?_has:Observation:code:status=final',
    'Patient?_has:Observation:patient=x',
    'Patient?_has:Observation:patient:colour=x',
    'Patient?_has:Nothing:patient:code=x',
    'Provenance',
  ]) {
    it(`refuses ${query}`, async () => {
      const answer = await scene.fhir('GET', `/${query}`)
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'FHIR_SEARCH_INVALID'])
    })
  }
})
