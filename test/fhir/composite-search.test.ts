/** Composite parameters: both parts must be of the same element; and what the CapabilityStatement promises is served. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { searchParametersOf, type SearchKind, type SearchParameter } from '../../hospital/src/fhir/r4-tables.ts'
import { parseSearch } from '../../hospital/src/fhir/search-query.ts'
import { codeOf, hba1c, idsOf, openFhirScene, type FhirScene } from './scene.ts'

const LOINC = 'http://loinc.org'
const coded = (code: string) => ({ coding: [{ system: LOINC, code }] })
const mmHg = (value: number) => ({ value, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' })

describe('composite search parameters', () => {
  let scene: FhirScene
  const ids = async (query: string) => {
    const answer = await scene.fhir('GET', `/Observation?${query}`, undefined, { prefer: 'handling=strict' })
    assert.equal(answer.status, 200, answer.text)
    return idsOf(answer).toSorted()
  }
  before(async () => {
    scene = await openFhirScene()
    const bob = scene.bob.ref
    const subject = { reference: `Patient/${bob}` }
    const pressure = (id: string, systolic: number, diastolic: number) => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      subject,
      code: coded('85354-9'),
      component: [
        { code: coded('8480-6'), valueQuantity: mmHg(systolic) },
        { code: coded('8462-4'), valueQuantity: mmHg(diastolic) },
      ],
    })
    const smoking = {
      resourceType: 'Observation',
      id: 'smoking',
      status: 'final',
      subject,
      code: coded('72166-2'),
      valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '8517006' }] },
    }
    const text = {
      ...smoking,
      id: 'text',
      code: coded('11506-3'),
      valueCodeableConcept: undefined,
      valueString: 'Well.',
    }
    const date = { ...text, id: 'date', code: coded('8665-2'), valueString: undefined, valueDateTime: '2026-05-04' }
    for (const resource of [pressure('high', 142, 88), pressure('odd', 100, 142), smoking, text, date]) {
      const { status, text: answer } = await scene.fhir('PUT', `/Observation/${resource.id}`, resource)
      assert.equal(status, 201, answer)
    }
    assert.equal((await scene.fhir('PUT', '/Observation/lab', hba1c(bob, 47.5, { id: 'lab' }))).status, 201)
  })
  after(() => scene[Symbol.asyncDispose]())

  const cases: Readonly<Record<string, readonly string[]>> = {
    'code-value-quantity=59261-8$47.5': ['lab'],
    'code-value-quantity=http://loinc.org|59261-8$gt47||mmol/mol': ['lab'],
    'code-value-quantity=http://loinc.org|59261-8$gt48': [],
    'code-value-quantity=59261-8$47.5||mg': [],
    'code-value-quantity=8480-6$142': [],
    'component-code-value-quantity=8480-6$142': ['high'],
    'component-code-value-quantity=8480-6$gt140': ['high'],
    'component-code-value-quantity=8480-6$ge100': ['high', 'odd'],
    'component-code-value-quantity=8462-4$142': ['odd'],
    'component-code-value-quantity=8480-6$gt140,8462-4$gt140': ['high', 'odd'],
    'component-code-value-quantity=8480-6$lt120&component-code-value-quantity=8462-4$gt140': ['odd'],
    'component-code-value-quantity=59261-8$47.5': [],
    'combo-code-value-quantity=59261-8$ap47': ['lab'],
    'combo-code-value-quantity=http://loinc.org|8480-6$gt140|http://unitsofmeasure.org|mm[Hg]': ['high'],
    'combo-code-value-quantity=59261-8$gt40,8480-6$gt140': ['high', 'lab'],
    'code-value-concept=72166-2$http://snomed.info/sct|8517006': ['smoking'],
    'code-value-concept=72166-2$other': [],
    'combo-code-value-concept=72166-2$8517006': ['smoking'],
    'code-value-string=11506-3$well': ['text'],
    'code-value-date=8665-2$ge2026-05': ['date'],
    'code-value-date=8665-2$lt2026-05': [],
    'code-value-quantity:missing=false': ['lab'],
  }
  for (const [query, wanted] of Object.entries(cases)) {
    it(query, async () => assert.deepEqual(await ids(query), wanted))
  }

  it('goes on from a chain', async () => {
    const answer = await scene.fhir('GET', '/Patient?_has:Observation:patient:combo-code-value-quantity=8480-6$gt140')
    assert.equal(idsOf(answer).length, 1)
  })

  for (const wrong of [
    'code-value-quantity=59261-8',
    'code-value-quantity=59261-8$47$1',
    'code-value-quantity=59261-8$much',
    'code-value-quantity:exact=59261-8$47',
    '_sort=code-value-quantity',
  ]) {
    it(`${wrong} is refused`, async () => {
      const answer = await scene.fhir('GET', `/Observation?${wrong}`)
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'FHIR_SEARCH_INVALID'])
    })
  }

  it('every parameter that the CapabilityStatement names is known, with its kind, and none that it does not name', async () => {
    const { json } = await scene.fhir('GET', '/metadata')
    const { rest } = json as { readonly rest: readonly { readonly resource: readonly Promised[] }[] }
    let composites = 0
    for (const { type, searchParam } of rest[0]?.resource ?? []) {
      const known = searchParametersOf(type)
      assert.deepEqual(searchParam.map(({ name }) => name).toSorted(), [...known.keys()].toSorted(), type)
      for (const { name, type: kind } of searchParam) {
        const parameter = known.get(name)
        assert.ok(parameter?.kind === kind, `${type}.${name}`)
        if (kind === 'composite') composites++
        const { filters } = parseSearch(type, [[name, sampleOf(parameter)]], { isStrict: true })
        assert.equal(filters.length, 1, `${type}.${name}`)
      }
      assert.throws(() => parseSearch(type, [['no-such-parameter', 'x']], { isStrict: true }), {
        code: 'FHIR_SEARCH_INVALID',
      })
    }
    assert.ok(composites > 60, `${composites} composites`)
  })
})

interface Promised {
  readonly type: string
  readonly searchParam: readonly { readonly name: string; readonly type: string }[]
}

const SAMPLES: Readonly<Record<Exclude<SearchKind, 'composite'>, string>> = {
  token: 'urn:x|y',
  string: 'x',
  reference: 'Patient/x',
  date: 'ge2026-01-01',
  quantity: 'le5.4|http://unitsofmeasure.org|mg',
  uri: 'urn:x',
  number: 'gt1',
}

function sampleOf({ kind, components }: SearchParameter): string {
  return kind === 'composite' ? components.map((one) => SAMPLES[one.kind]).join('$') : SAMPLES[kind]
}
