/** Transactions and batches: references inside, conditions, all or nothing, and each for itself. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { codeOf, hba1c, idsOf, openFhirScene, type Bundle, type FhirScene } from './scene.ts'

const SYNTHEA = new URL('../../data/synthea/', import.meta.url)
const gunzip = (name: string) => gunzipSync(readFileSync(new URL(name, SYNTHEA))).toString('utf8')
const post = (type: string) => ({ method: 'POST', url: type })

describe('Bundles', () => {
  let scene: FhirScene
  let bob = ''
  const send = (type: string, entry: readonly object[], headers?: Readonly<Record<string, string>>) =>
    scene.fhir('POST', '', { resourceType: 'Bundle', type, entry }, headers)
  before(async () => {
    scene = await openFhirScene()
    bob = scene.bob.ref
  })
  after(() => scene[Symbol.asyncDispose]())

  it('a transaction stores what refers to each other', async () => {
    const answer = await send('transaction', [
      {
        fullUrl: 'urn:uuid:1',
        resource: { resourceType: 'Practitioner', name: [{ text: 'Wei' }] },
        request: post('Practitioner'),
      },
      {
        fullUrl: 'urn:uuid:2',
        resource: {
          resourceType: 'Encounter',
          status: 'finished',
          class: { code: 'AMB' },
          subject: { reference: `Patient/${bob}` },
        },
        request: post('Encounter'),
      },
      {
        resource: hba1c(bob, 47, {
          id: 't1',
          performer: [{ reference: 'urn:uuid:1' }],
          encounter: { reference: 'urn:uuid:2' },
        }),
        request: { method: 'PUT', url: 'Observation/t1' },
      },
      { request: { method: 'GET', url: 'Observation?_id=t1' } },
    ])
    assert.equal(answer.status, 200, answer.text)
    const { entry = [] } = answer.json as Bundle
    assert.deepEqual(
      entry.map(({ response }) => response?.status),
      ['201 Created', '201 Created', '201 Created', '200 OK'],
    )
    const stored = (await scene.fhir('GET', '/Observation/t1')).json as {
      readonly performer: readonly { readonly reference: string }[]
      readonly encounter: { readonly reference: string }
    }
    assert.match(stored.performer[0]?.reference ?? '', /^Practitioner\/[0-9a-f-]{36}$/)
    assert.equal((await scene.fhir('GET', `/${stored.encounter.reference}`)).status, 200)
  })

  it('a transaction is refused whole, and names the entry', async () => {
    const there = idsOf(await scene.fhir('GET', '/Observation'))
    for (const [bad, code] of [
      [
        {
          resource: { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/nobody' } },
          request: post('Observation'),
        },
        'FHIR_UNRESOLVED_PATIENT',
      ],
      [{ resource: hba1c(bob, 1), request: post('Condition') }, 'FHIR_ID_MISMATCH'],
      [
        { resource: hba1c(bob, 1, { id: 't1' }), request: { method: 'PUT', url: 'Observation/t1', ifMatch: 'W/"9"' } },
        'FHIR_VERSION_CONFLICT',
      ],
      [{ request: post('Observation') }, 'HTTP_BAD_REQUEST'],
      [{ resource: hba1c(bob, 1), request: { method: 'PATCH', url: 'Observation/t1' } }, 'HTTP_BAD_REQUEST'],
      [{ request: { method: 'DELETE', url: 'Observation/nothing' } }, 'FHIR_NOT_FOUND'],
      [
        {
          resource: hba1c(bob, 1, { performer: [{ reference: 'Practitioner?identifier=nobody' }] }),
          request: post('Observation'),
        },
        'FHIR_NOT_FOUND',
      ],
    ] as const) {
      const answer = await send('transaction', [{ resource: hba1c(bob, 1), request: post('Observation') }, bad])
      assert.equal(codeOf(answer), code, answer.text)
      assert.ok(answer.text.includes('Bundle.entry[1]'), answer.text)
    }
    const twice = { resource: hba1c(bob, 1, { id: 'twice' }), request: { method: 'PUT', url: 'Observation/twice' } }
    assert.equal((await send('transaction', [twice, twice])).status, 400)
    // By a condition, too: both would be made, or both would be the next version.
    const identified = hba1c(bob, 1, { identifier: [{ system: 'urn:lab', value: 'overlap' }] })
    const conditional = {
      resource: identified,
      request: { method: 'PUT', url: 'Observation?identifier=urn:lab|overlap' },
    }
    assert.equal(codeOf(await send('transaction', [conditional, conditional])), 'HTTP_BAD_REQUEST')
    assert.deepEqual(idsOf(await scene.fhir('GET', '/Observation')), there)
    await scene.fhir('PUT', '/Observation/overlap', { ...identified, id: 'overlap' })
    const named = { request: { method: 'DELETE', url: 'Observation/overlap' } }
    const overlapping = await send('transaction', [conditional, named])
    assert.equal(codeOf(overlapping), 'HTTP_BAD_REQUEST')
    assert.ok(overlapping.text.includes('Bundle.entry[1]'))
    assert.equal((await scene.fhir('DELETE', '/Observation/overlap')).status, 204)
    assert.deepEqual(idsOf(await scene.fhir('GET', '/Observation')), there)
  })

  it('a transaction takes back what it created when the record server refuses another part', async () => {
    const { world } = scene
    const eve = await world.patient('eve')
    const { permitHospital } = await import('./scene.ts')
    await permitHospital(world, eve, ['medicine'])
    const there = idsOf(await scene.fhir('GET', '/Observation'))
    const answer = await send('transaction', [
      { resource: hba1c(bob, 1), request: post('Observation') },
      { resource: hba1c(eve.ref, 1), request: post('Observation') },
    ])
    assert.deepEqual([answer.status, codeOf(answer)], [503, 'FHIR_TRANSACTION_INCOMPLETE'])
    assert.deepEqual(idsOf(await scene.fhir('GET', '/Observation')), there)
  })

  it('a transaction creates under a condition, and finds what it refers to by one', async () => {
    const doctor = {
      resourceType: 'Practitioner',
      identifier: [{ system: 'urn:npi', value: '1' }],
      name: [{ text: 'Omar' }],
    }
    const entry = [
      {
        fullUrl: 'urn:uuid:3',
        resource: doctor,
        request: { ...post('Practitioner'), ifNoneExist: 'identifier=urn:npi|1' },
      },
      { resource: hba1c(bob, 2, { performer: [{ reference: 'urn:uuid:3' }] }), request: post('Observation') },
    ]
    const statuses = async () =>
      ((await send('transaction', entry)).json as Bundle).entry?.map(({ response }) => response?.status)
    assert.deepEqual(await statuses(), ['201 Created', '201 Created'])
    assert.deepEqual(await statuses(), ['200 OK', '201 Created'])
    const found = await send('transaction', [
      {
        resource: hba1c(bob, 3, { performer: [{ reference: 'Practitioner?identifier=urn:npi|1' }] }),
        request: post('Observation'),
      },
    ])
    assert.equal(found.status, 200, found.text)
    assert.equal(idsOf(await scene.fhir('GET', '/Observation?performer.identifier=urn:npi|1')).length, 3)
  })

  it('a batch answers each request for itself', async () => {
    const answer = await send('batch', [
      { resource: hba1c(bob, 1), request: post('Observation') },
      { request: { method: 'GET', url: 'Observation/nothing' } },
      { request: { method: 'GET', url: 'Nonsense/1' } },
      { resource: { resourceType: 'Basic' } },
      { request: { method: 'GET', url: `Patient/${bob}` } },
    ])
    const { entry = [] } = answer.json as Bundle
    assert.deepEqual(
      entry.map(({ response }) => response?.status),
      ['201 Created', '404', '404', '400', '200 OK'],
    )
    assert.equal(codeOf({ json: entry[1]?.response?.outcome }), 'FHIR_NOT_FOUND')
    assert.equal(entry[4]?.resource?.id, bob)
  })

  it('takes a patient’s whole history as Synthea makes it', { timeout: 240_000 }, async () => {
    for (const name of ['hospitals.json.gz', 'practitioners.json.gz']) {
      const answer = await scene.fhir('POST', '', gunzip(name))
      assert.equal(answer.status, 200, answer.text.slice(0, 500))
    }
    const text = gunzip('patient-03.json.gz')
    const { entry: sent } = JSON.parse(text) as {
      readonly entry: readonly { readonly resource: { readonly resourceType: string } }[]
    }
    const answer = await scene.fhir('POST', '', text, { 'x-trusthealth-patient': `Patient/${bob}` })
    assert.equal(answer.status, 200, answer.text.slice(0, 500))
    const { entry = [] } = answer.json as Bundle
    assert.equal(entry.length, sent.length)
    assert.ok(entry.every(({ response }) => response?.status === '201 Created'))
    const encounters = sent.filter(({ resource }) => resource.resourceType === 'Encounter').length
    const found = (await scene.fhir('GET', `/Encounter?patient=${bob}&_summary=count`)).json as Bundle
    assert.equal(found.total, encounters + 1)
    const [first] = entry
    const location = /(Patient\/[^/]+)/.exec(first?.response?.location ?? '')?.[1] ?? ''
    assert.equal((await scene.fhir('GET', `/${location}`)).status, 200)
    await scene.world.verifyEverything()
  })

  for (const [what, body] of [
    ['another type', { resourceType: 'Bundle', type: 'collection', entry: [] }],
    ['no Bundle', { resourceType: 'Basic' }],
    ['an entry that is no list', { resourceType: 'Bundle', type: 'batch', entry: 1 }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const answer = await scene.fhir('POST', '', body)
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'FHIR_NOT_A_BUNDLE'])
    })
  }
})
