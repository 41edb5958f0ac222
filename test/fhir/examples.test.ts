/**
 * The 746 official R4 examples that are records go in by PUT and come out by GET: the same text but for the server's own
 * `meta.versionId` and `meta.lastUpdated`, and, where they are a patient's, as Binary the very bytes that were sent.
 * Without TRUSTHEALTH_LONG=1 those of the types that people use most.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { extractIndex, linkBundle, parseResource, splitBundle } from '../../shared/fhir/src/index.ts'
import { withMeta } from '../../hospital/src/fhir/resource-text.ts'
import { DEFINITIONS, exampleNames, exampleText } from '../conformance/fhir/r4-package.ts'
import { codeOf, openFhirScene, registerWithCode, type Answer, type FhirScene, type ResourceName } from './scene.ts'

const IS_LONG = process.env['TRUSTHEALTH_LONG'] === '1'
const USUAL =
  /^(?:Patient|Encounter|Observation|Condition|MedicationRequest|Procedure|DiagnosticReport|DocumentReference|AllergyIntolerance|Immunization|Consent|AuditEvent|Provenance)-/

/** They name patients of other servers, so the request says whose record it is: `X-TrustHealth-Patient`. */
const OF_OTHER_SERVERS = [
  'Bundle-10bb101f-a121-4264-a920-67be9cb82c74',
  'Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe',
  'Bundle-b248b1b2-1686-4b94-9936-37d7a5f94b51',
  'Bundle-bundle-references',
  'Bundle-bundle-response',
  'Bundle-bundle-transaction',
  'Bundle-father',
  'Bundle-xds',
  'Person-pp',
  'QuestionnaireResponse-bb',
  'QuestionnaireResponse-ussg-fht-answers',
  'ServiceRequest-myringotomy',
]

/** Another file of the package has the same type and id: it is its second version. */
const SECOND_VERSION = 'ig-r4'

describe('the official R4 examples through the façade', { timeout: 900_000 }, () => {
  let scene: FhirScene
  const texts = new Map<string, string>()
  const put = new Map<string, Answer>()

  before(async () => {
    scene = await openFhirScene()
    for (const name of exampleNames()) {
      if (!IS_LONG && !USUAL.test(name)) continue
      const text = exampleText(name)
      if (!DEFINITIONS.has(nameOf(text).resourceType)) texts.set(name, text)
    }
    for (const id of patientsNamed([...texts.values()])) {
      const text = texts.get(`Patient-${id}`) ?? JSON.stringify({ resourceType: 'Patient', id, name: [{ text: id }] })
      const { status } = await scene.fhir('PUT', `/Patient/${id}`, text)
      assert.equal(status, 201, id)
      const { json } = await scene.fhir('POST', `/Patient/${id}/$invite`)
      const { parameter } = json as { readonly parameter: readonly { readonly valueString: string }[] }
      await registerWithCode(scene.world, parameter[0]?.valueString ?? '')
    }
    for (const [name, text] of texts) {
      const { resourceType, id } = nameOf(text)
      const whose = OF_OTHER_SERVERS.includes(name) ? { 'x-trusthealth-patient': 'Patient/example' } : undefined
      put.set(name, await scene.fhir('PUT', `/${resourceType}/${id}`, text, whose))
    }
  })
  after(() => scene[Symbol.asyncDispose]())

  it('all go in', () => {
    const refused = [...put].flatMap(([name, answer]) => (answer.status < 300 ? [] : [[name, codeOf(answer)]]))
    assert.deepEqual(refused, [])
    assert.equal(texts.size, IS_LONG ? 746 : 208)
  })

  it('come out as they went in', async () => {
    for (const [name, { status, headers }] of put) {
      if (status >= 300 || (IS_LONG && name === 'ImplementationGuide-fhir')) continue
      const sent = texts.get(name) ?? ''
      const { resourceType, id } = nameOf(sent)
      const got = await scene.fhir('GET', `/${resourceType}/${id}`, undefined, { accept: 'application/fhir+json' })
      const { meta } = JSON.parse(got.text) as {
        readonly meta: { readonly versionId: string; readonly lastUpdated: string }
      }
      assert.equal(got.text, withMeta(sent, meta), name)
      assert.equal(got.headers.get('etag'), headers.get('etag'), name)
      assert.equal(meta.versionId, resourceType === 'Patient' || name === SECOND_VERSION ? '2' : '1', name)
    }
  })

  it('that are records come out as the very bytes that were signed', async () => {
    let records = 0
    const names = new Map([...texts].map(([name, text]) => [`${nameOf(text).resourceType}/${nameOf(text).id}`, name]))
    for (const patient of await scene.world.hospital('a').patients()) {
      const { json } = await scene.fhir('GET', `/Provenance?patient=${patient.ref}&_count=1000&_elements=target,entity`)
      const { entry = [] } = json as { readonly entry?: readonly { readonly resource: MadeProvenance }[] }
      for (const { resource } of entry) {
        const [type = '', id = ''] = resource.target[0]?.reference.split('/') ?? []
        const binary = `/${resource.entity[0]?.what.reference ?? ''}`
        const { text } = await scene.fhir('GET', binary, undefined, { accept: '*/*' })
        assert.equal(text, texts.get(names.get(`${type}/${id}`) ?? ''), `${type}/${id}`)
        records++
      }
    }
    assert.ok(records >= (IS_LONG ? 380 : 100), String(records))
  })
})

interface MadeProvenance {
  readonly target: readonly { readonly reference: string }[]
  readonly entity: readonly { readonly what: { readonly reference: string } }[]
}

function nameOf(text: string): ResourceName {
  return JSON.parse(text) as ResourceName
}

/** Ids by which the examples call their patients. */
function patientsNamed(all: readonly string[]): ReadonlySet<string> {
  const ids = new Set<string>()
  const add = (reference: string | undefined) => {
    const id = /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(reference ?? '')?.[1]
    if (id !== undefined) ids.add(id)
  }
  for (const text of all) {
    if (text.length > 4 * 2 ** 20) continue
    const resource = parseResource(text)
    add(extractIndex(resource).subjectReference)
    if (resource.resourceType !== 'Bundle') continue
    for (const { patient } of linkBundle(splitBundle(text)).entries) add(patient)
  }
  return ids
}
