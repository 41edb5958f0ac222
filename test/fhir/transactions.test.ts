/** What a transaction leaves when the record server refuses a part of it, or is away. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { codeOf, hba1c, idsOf, openFhirScene, permitHospital, type Bundle, type FhirScene } from './scene.ts'

/** Messages to the record server that store; all others here are smaller. */
const LARGE = 16_384

describe('a transaction that cannot be stored', () => {
  let scene: FhirScene
  let bob = ''
  const put = (value: number, patient = bob, id = 'old') => ({
    resource: hba1c(patient, value, { id }),
    request: { method: 'PUT', url: `Observation/${id}` },
  })
  const place = (id: string) => ({
    resource: { resourceType: 'Location', id, name: id },
    request: { method: 'PUT', url: `Location/${id}` },
  })
  const send = (...entry: readonly object[]) =>
    scene.fhir('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  const valueOf = ({ json }: { readonly json: unknown }) =>
    (json as { readonly valueQuantity?: { readonly value: number } }).valueQuantity?.value
  before(async () => {
    scene = await openFhirScene()
    bob = scene.bob.ref
  })
  after(() => scene[Symbol.asyncDispose]())

  it('refused in one part: nothing of the others is served, in any way, and what is there can be written', async () => {
    const { world, fhir } = scene
    const eve = await world.patient('eve')
    await permitHospital(world, eve, ['medicine'])
    await fhir('PUT', '/Observation/old', hba1c(bob, 1, { id: 'old' }))
    const refused = await send(put(2), put(3, bob, 'new'), place('place'), put(4, eve.ref, 'of-eve'))
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'FHIR_TRANSACTION_INCOMPLETE'])

    assert.equal(valueOf(await fhir('GET', '/Observation/old')), 1)
    assert.equal((await fhir('GET', '/Observation/old/_history/2')).status, 404)
    assert.equal(((await fhir('GET', '/Observation/old/_history')).json as Bundle).total, 1)
    for (const name of ['Observation/new', 'Observation/of-eve', 'Location/place']) {
      assert.equal((await fhir('GET', `/${name}`)).status, 404, name)
    }
    const found = await fhir('GET', `/Observation?patient=${bob}`)
    assert.deepEqual(idsOf(found), ['old'])
    assert.equal(valueOf({ json: (found.json as Bundle).entry?.[0]?.resource }), 1)
    const proofs = idsOf(await fhir('GET', `/Provenance?patient=${bob}`))
    assert.equal(proofs.length, 1)
    assert.match(proofs[0] ?? '', /\.1$/)
    const hiddenProof = (proofs[0] ?? '').replace(/\.1$/, '.2')
    assert.equal((await fhir('GET', `/Provenance/${hiddenProof}`)).status, 404)
    assert.equal((await fhir('GET', `/Binary/${hiddenProof}`)).status, 404)

    const conflict = await fhir('PUT', '/Observation/old', hba1c(bob, 5, { id: 'old' }), { 'if-match': 'W/"2"' })
    assert.deepEqual([conflict.status, codeOf(conflict)], [412, 'FHIR_VERSION_CONFLICT'])
    const next = await fhir('PUT', '/Observation/old', hba1c(bob, 5, { id: 'old' }), { 'if-match': 'W/"1"' })
    assert.equal(next.status, 200, next.text)
    assert.equal(valueOf(await fhir('GET', '/Observation/old')), 5)
    assert.equal((await fhir('PUT', '/Observation/new', hba1c(bob, 6, { id: 'new' }))).status, 201)
    assert.deepEqual(idsOf(await fhir('GET', `/Observation?patient=${bob}`)).toSorted(), ['new', 'old'])
  })

  it('refused at once: its own code, and the same again is tried again', async () => {
    const { world } = scene
    const eve = await world.patient('eve')
    const only = put(1, eve.ref, 'only')
    for (let i = 0; i < 2; i++) assert.equal(codeOf(await send(only)), 'WARRANT_SCOPE_EXCEEDED')
    await permitHospital(world, eve)
    // The hospital asks again for permissions that were refused.
    const last = await send(only)
    assert.equal(last.status, 200, last.text)
  })

  it('the record server is away: taken whole, alone with what it writes, and answered when it is stored', async () => {
    const { world, fhir } = scene
    const large = { note: [{ text: 'x'.repeat(2 * LARGE) }] }
    const entries = [
      {
        resource: hba1c(bob, 7, large),
        request: { method: 'POST', url: 'Observation', ifNoneExist: 'value-quantity=7' },
      },
      place('later'),
    ]
    // Away in the middle: it still answers what the transaction is checked with.
    world.hooks.request = async (_, request, honest) => {
      const isStore = 'record' in request && request.record instanceof Uint8Array && request.record.length > LARGE
      if (isStore) throw new Error('away')
      return await honest(request)
    }
    const kept = await send(...entries)
    assert.equal(kept.status, 202, kept.text)
    assert.equal((await fhir('GET', '/Location/later')).status, 404)
    const other = await fhir('PUT', '/Location/later', { resourceType: 'Location', id: 'later' })
    assert.deepEqual([other.status, codeOf(other)], [503, 'FHIR_TRANSACTION_UNDER_WAY'])
    assert.equal((await send(...entries)).status, 202)
    world.beHonest()
    let answer = await send(...entries)
    while (answer.status === 202) {
      await setTimeout(100)
      answer = await send(...entries)
    }
    assert.equal(answer.status, 200, answer.text)
    const statuses = ((await answer.json) as Bundle).entry?.map(({ response }) => response?.status)
    assert.deepEqual(statuses, ['201 Created', '201 Created'])
    assert.equal((await fhir('GET', '/Location/later')).status, 200)
    assert.equal(idsOf(await fhir('GET', `/Observation?patient=${bob}&value-quantity=7`)).length, 1)
    // The answer was given: the same again is a new transaction.
    const again = ((await send(...entries)).json as Bundle).entry?.map(({ response }) => response?.status)
    assert.deepEqual(again, ['200 OK', '200 OK'])
    await world.verifyEverything()
  })
})
