/** Scopes with a search (SMART App Launch 2 §3.0.2.9): what does not fit is not there, whichever way it is asked for. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { backendToken } from '../../testkit/src/world/apps.ts'
import { asker, codeOf, hba1c, idsOf, openFhirScene, type Ask, type Bundle, type FhirScene } from './scene.ts'

const SYSTEM = 'http://terminology.hl7.org/CodeSystem/observation-category'
const categoryOf = (code: string) => ({ category: [{ coding: [{ system: SYSTEM, code }] }] })

describe('a scope with a search', () => {
  let scene: FhirScene
  let app: Ask
  before(async () => {
    scene = await openFhirScene()
    const { fhir, bob, base, world } = scene
    const put = async (id: string, category: string) => {
      const resource = hba1c(bob.ref, 1, { id, ...categoryOf(category) })
      assert.ok((await fhir('PUT', `/Observation/${id}`, resource)).status < 300)
    }
    await put('lab', 'laboratory')
    await put('vital', 'vital-signs')
    await put('moved', 'vital-signs')
    await put('moved', 'laboratory')
    const report = {
      resourceType: 'DiagnosticReport',
      id: 'report',
      status: 'final',
      code: { text: 'Report' },
      subject: { reference: `Patient/${bob.ref}` },
      result: [{ reference: 'Observation/lab' }, { reference: 'Observation/vital' }],
    }
    assert.equal((await fhir('PUT', '/DiagnosticReport/report', report)).status, 201)
    const token = await backendToken(
      world,
      `system/Observation.cruds?category=${SYSTEM}|laboratory`,
      'system/DiagnosticReport.rs',
      'system/Patient.rs',
    )
    app = asker(base, `Bearer ${token}`)
  })
  after(() => scene[Symbol.asyncDispose]())

  it('shows what fits, and nothing else exists', async () => {
    assert.equal((await app('GET', '/Observation/lab')).status, 200)
    for (const path of ['/Observation/vital', '/Observation/vital/_history', '/Observation/vital/$verify']) {
      const answer = await app('GET', path)
      assert.deepEqual([answer.status, codeOf(answer)], [404, 'FHIR_NOT_FOUND'], path)
    }
    assert.deepEqual(idsOf(await app('GET', '/Observation')), ['lab', 'moved'])
    assert.deepEqual(idsOf(await app('GET', '/Observation?_id=vital')), [])
    assert.deepEqual(idsOf(await app('GET', '/Observation?category=vital-signs')), [])
  })

  it('nor does it come along, or show by being asked about', async () => {
    const { bob } = scene
    assert.deepEqual(idsOf(await app('GET', '/DiagnosticReport?_include=DiagnosticReport:result'), 'include'), ['lab'])
    const back = await app('GET', `/Patient?_id=${bob.ref}&_revinclude=Observation:patient`)
    assert.deepEqual(idsOf(back, 'include').toSorted(), ['lab', 'moved'])
    assert.deepEqual(idsOf(await app('GET', '/Patient?_has:Observation:patient:category=vital-signs')), [])
    assert.deepEqual(idsOf(await app('GET', '/DiagnosticReport?result.category=vital-signs')), [])
    const { entry = [] } = (await app('GET', `/Patient/${bob.ref}/$everything`)).json as Bundle
    const ids = entry.map(({ resource }) => resource?.id)
    assert.ok(ids.includes('lab') && !ids.includes('vital'))
  })

  it('of a resource that fits now, earlier versions that did not are not shown', async () => {
    assert.equal((await app('GET', '/Observation/moved/_history/2')).status, 200)
    assert.equal((await app('GET', '/Observation/moved/_history/1')).status, 404)
    const { entry = [] } = (await app('GET', '/Observation/moved/_history')).json as Bundle
    assert.deepEqual(
      entry.map(({ response }) => response?.etag),
      ['W/"2"'],
    )
  })

  it('writes what fits only, and makes nothing of it into something else', async () => {
    const { bob } = scene
    assert.equal((await app('POST', '/Observation', hba1c(bob.ref, 2))).status, 201)
    const other = await app('POST', '/Observation', hba1c(bob.ref, 2, categoryOf('vital-signs')))
    assert.deepEqual([other.status, codeOf(other)], [403, 'FHIR_FORBIDDEN'])
    const away = await app('PUT', '/Observation/lab', hba1c(bob.ref, 2, { id: 'lab', ...categoryOf('vital-signs') }))
    assert.deepEqual([away.status, codeOf(away)], [403, 'FHIR_FORBIDDEN'])
    const taken = await app('PUT', '/Observation/vital', hba1c(bob.ref, 2, { id: 'vital' }))
    assert.deepEqual([taken.status, codeOf(taken)], [404, 'FHIR_NOT_FOUND'])
    assert.equal((await app('DELETE', '/Observation/vital')).status, 404)
    const patch = [{ op: 'replace', path: '/category/0/coding/0/code', value: 'vital-signs' }]
    const patched = await app('PATCH', '/Observation/lab', patch, { 'content-type': 'application/json-patch+json' })
    assert.deepEqual([patched.status, codeOf(patched)], [403, 'FHIR_FORBIDDEN'])
  })

  it('an export has what fits', async () => {
    const { base } = scene
    const begun = await app('GET', `${base}/Patient/$export?_type=Observation`, undefined, { prefer: 'respond-async' })
    assert.equal(begun.status, 202)
    const job = begun.headers.get('content-location') ?? ''
    let manifest = await app('GET', job)
    for (; manifest.status === 202; manifest = await app('GET', job)) await setTimeout(50)
    const { output } = manifest.json as { readonly output: readonly { readonly url: string }[] }
    const { text } = await app('GET', output[0]?.url ?? '')
    assert.match(text, /"id":"lab"/)
    assert.doesNotMatch(text, /vital/)
  })
})
