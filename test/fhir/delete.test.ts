/** What DELETE does to a record, by policy: only the patient destroys; a hospital withdraws, asks, or does neither. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { RecordId } from '../../shared/protocol/src/index.ts'
import { codeOf, hba1c, idsOf, openFhirScene, type Bundle, type FhirScene } from './scene.ts'

describe('DELETE under request-erase', { timeout: 120_000 }, () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene({ hospital: { fhirDelete: 'request-erase' } })
  })
  after(() => scene[Symbol.asyncDispose]())

  /** Written, deleted; @returns what was asked. */
  async function deleted(id: string, reason?: string) {
    const { fhir, bob } = scene
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))
    const headers = reason === undefined ? {} : { 'x-trusthealth-reason': reason }
    const answer = await fhir('DELETE', `/Observation/${id}`, undefined, headers)
    assert.equal(answer.status, 202)
    const task = (answer.headers.get('content-location') ?? '').replace(scene.base, '')
    assert.equal((await fhir('GET', `/Observation/${id}`)).status, 410)
    const asked = (await bob.eraseRequests()).find(({ resourceId }) => resourceId === id)
    assert.ok(asked !== undefined)
    assert.equal(task, `/Task/${asked.id}`)
    return { task, asked }
  }

  const statusOf = async (task: string) => ((await scene.fhir('GET', task)).json as { readonly status: string }).status

  it('takes the resource away and asks the patient, whose device destroys the record', async () => {
    const { bob, fhir } = scene
    const { task, asked } = await deleted('agreed', 'entered for the wrong person')
    assert.deepEqual(
      [asked.state, asked.by, asked.byName, asked.reason],
      ['requested', 'practice', 'Practice token', 'entered for the wrong person'],
    )
    assert.equal(await statusOf(task), 'requested')
    // Until then the patient has it.
    assert.equal((await bob.read(asked.record)).version, 1)
    // Said, but not done: the record server is believed.
    const { hospital } = bob.options
    assert.equal((await hospital.answerEraseRequest(bob.requestSigner, asked.id, 'erased')).state, 'requested')
    assert.equal((await bob.eraseAsked(asked)).state, 'erased')
    assert.equal(await statusOf(task), 'completed')
    await assert.rejects(bob.read(asked.record), { code: 'RECORD_ERASED' })
    assert.deepEqual(idsOf(await fhir('GET', `/Task?patient=${bob.ref}&status=completed`)), [asked.id])
    // The name goes to a new record; what was destroyed stays destroyed.
    assert.equal((await fhir('PUT', '/Observation/agreed', hba1c(bob.ref, 2, { id: 'agreed' }))).status, 201)
    assert.equal(await statusOf(task), 'completed')
  })

  it('takes nothing away and asks nobody for what the hospital must keep', async () => {
    const { fhir, bob, world } = scene
    await world.submitAsAdmin('a', 'setRetention', ['3653'])
    await fhir('PUT', '/Observation/kept', hba1c(bob.ref, 1, { id: 'kept' }))
    const alone = await fhir('DELETE', '/Observation/kept')
    assert.deepEqual([alone.status, codeOf(alone)], [409, 'RETENTION_APPLIES'])
    const entry = [{ request: { method: 'DELETE', url: 'Observation/kept' } }]
    const together = await fhir('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
    assert.deepEqual([together.status, codeOf(together)], [409, 'RETENTION_APPLIES'])
    assert.equal((await fhir('GET', '/Observation/kept')).status, 200)
    assert.deepEqual(
      (await bob.eraseRequests()).filter(({ resourceId }) => resourceId === 'kept'),
      [],
    )
    // Another organisation's period is none of this one's, and a shorter one is for what is there, too.
    await world.submitAsAdmin('b', 'setRetention', ['3653'])
    await world.submitAsAdmin('a', 'setRetention', ['0'])
    assert.equal((await fhir('DELETE', '/Observation/kept')).status, 202)
  })

  it('the patient may say no, and only the patient', async () => {
    const { bob, world, fhir } = scene
    const { task, asked } = await deleted('refused')
    const carol = await world.patient('carol')
    assert.deepEqual(await carol.eraseRequests(), [])
    await assert.rejects(carol.keepAsked(asked.id), { code: 'HTTP_NOT_FOUND' })
    const hospital = world.hospital('a')
    const api = hospital.options.hospital
    await assert.rejects(api.answerEraseRequest(hospital.requestSigner, asked.id, 'kept'), { code: 'TEE_FORBIDDEN' })
    assert.ok((await api.eraseRequests(hospital.requestSigner)).some(({ id }) => id === asked.id))
    const alice = await world.doctor('alice')
    await assert.rejects(api.eraseRequests(alice.requestSigner), { code: 'TEE_FORBIDDEN' })
    assert.equal((await bob.keepAsked(asked.id)).state, 'kept')
    assert.equal(await statusOf(task), 'rejected')
    await assert.rejects(bob.keepAsked(asked.id), { code: 'HTTP_NOT_FOUND' })
    assert.equal((await bob.read(asked.record)).version, 1)
    assert.equal((await fhir('GET', '/Observation/refused')).status, 410)
  })

  it('writing it again takes the request back', async () => {
    const { bob, fhir } = scene
    const { task, asked } = await deleted('back')
    assert.equal((await fhir('PUT', '/Observation/back', hba1c(bob.ref, 2, { id: 'back' }))).status, 201)
    assert.equal(await statusOf(task), 'cancelled')
    await assert.rejects(bob.keepAsked(asked.id), { code: 'HTTP_NOT_FOUND' })
    // Deleted again, it is asked again.
    assert.equal((await fhir('DELETE', '/Observation/back')).status, 202)
    assert.equal(await statusOf(task), 'requested')
  })

  it('asks in a transaction as well', async () => {
    const { bob, fhir } = scene
    await fhir('PUT', '/Observation/bundled', hba1c(bob.ref, 1, { id: 'bundled' }))
    const { status, json } = await fhir('POST', '/', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ request: { method: 'DELETE', url: 'Observation/bundled' } }],
    })
    const { entry = [] } = json as Bundle
    assert.deepEqual([status, entry[0]?.response?.status], [200, '202 Accepted'])
    assert.match(entry[0]?.response?.location ?? '', /\/Task\/e-[0-9a-f]{32}$/)
  })

  it('nobody writes such a Task, and a reason has its limit', async () => {
    const { fhir, bob } = scene
    const { asked } = await deleted('unwritable')
    const task = { resourceType: 'Task', id: asked.id, status: 'completed', intent: 'proposal' }
    assert.equal(codeOf(await fhir('PUT', `/Task/${asked.id}`, task)), 'FHIR_NOT_SUPPORTED')
    await fhir('PUT', '/Observation/long', hba1c(bob.ref, 1, { id: 'long' }))
    const long = await fhir('DELETE', '/Observation/long', undefined, { 'x-trusthealth-reason': 'x'.repeat(257) })
    assert.deepEqual([long.status, codeOf(long)], [400, 'HTTP_BAD_REQUEST'])
  })

  it('what is nobody’s is simply deleted', async () => {
    const { fhir } = scene
    await fhir('PUT', '/Location/ward', { resourceType: 'Location', id: 'ward', name: 'A' })
    assert.equal((await fhir('DELETE', '/Location/ward')).status, 204)
  })
})

describe('DELETE under refuse', { timeout: 120_000 }, () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene({ hospital: { fhirDelete: 'refuse' } })
  })
  after(() => scene[Symbol.asyncDispose]())

  it('deletes no record, alone or in a transaction, and says so in the CapabilityStatement', async () => {
    const { fhir, bob } = scene
    await fhir('PUT', '/Observation/stays', hba1c(bob.ref, 1, { id: 'stays' }))
    const alone = await fhir('DELETE', '/Observation/stays')
    assert.deepEqual([alone.status, codeOf(alone)], [405, 'FHIR_DELETE_REFUSED'])
    assert.match(alone.text, /deletes no records of patients[^"]*Correct the record, or let the patient erase it/)
    // It binds the hospital, not the patient.
    await fhir('PUT', '/Observation/hers', hba1c(bob.ref, 1, { id: 'hers' }))
    const [made = ''] = idsOf(await fhir('GET', '/Provenance?target=Observation/hers'))
    const { recordId, commitment } = await bob.read(made.replace(/\.1$/, '') as RecordId)
    await bob.erase(recordId, commitment.ehrHash)
    assert.equal((await fhir('GET', '/Observation/hers')).status, 410)
    const together = await fhir('POST', '/', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { request: { method: 'POST', url: 'Observation' }, resource: hba1c(bob.ref, 77) },
        { request: { method: 'DELETE', url: 'Observation/stays' } },
      ],
    })
    assert.deepEqual([together.status, codeOf(together)], [405, 'FHIR_DELETE_REFUSED'])
    assert.deepEqual(idsOf(await fhir('GET', `/Observation?patient=${bob.ref}`)), ['stays'])
    assert.deepEqual(await bob.eraseRequests(), [])
    const { rest } = (await fhir('GET', '/metadata')).json as Capability
    const row = rest[0]?.resource.find(({ type }) => type === 'Observation')
    assert.match(row?.interaction.find(({ code }) => code === 'delete')?.documentation ?? '', /405/)
  })
})

interface Capability {
  readonly rest: readonly {
    readonly resource: readonly {
      readonly type: string
      readonly interaction: readonly { readonly code: string; readonly documentation?: string }[]
    }[]
  }[]
}
