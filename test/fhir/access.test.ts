/** Who may do what: doctors their patients, patients themselves, tokens their scopes; the record server decides besides. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { authorizationOf } from '../../clients/sdk/src/hospital-calls.ts'
import type { DoctorClient, PatientClient } from '../../clients/sdk/src/index.ts'
import { actorMay, type Actor } from '../../hospital/src/authorization.ts'
import { PRACTICE_TOKEN_FILE } from '../../hospital/src/fhir/practice-token.ts'
import {
  asker,
  codeOf,
  hba1c,
  idsOf,
  openFhirScene,
  permitHospital,
  type Answer,
  type Bundle,
  type FhirScene,
} from './scene.ts'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

describe('access', () => {
  let scene: FhirScene
  let alice: DoctorClient
  let carol: PatientClient
  /** Signs each request with the person's own key. */
  const as =
    (who: DoctorClient | PatientClient) =>
    async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer> => {
      const { crypto, clock } = scene.world
      const text = body === undefined ? undefined : JSON.stringify(body)
      const authorization = await authorizationOf(crypto, clock, who.requestSigner, method, `/fhir${path}`, text)
      return await asker(scene.base, authorization)(method, path, text)
    }

  before(async () => {
    scene = await openFhirScene()
    const { world, bob, fhir } = scene
    carol = await world.patient('carol')
    await permitHospital(world, carol)
    alice = await world.doctor('alice')
    await world.permit(bob, [alice])
    for (const [id, patient] of [
      ['bobs', bob.ref],
      ['carols', carol.ref],
    ] as const) {
      assert.equal((await fhir('PUT', `/Observation/${id}`, hba1c(patient, 47, { id }))).status, 201)
    }
    await fhir('PUT', '/Location/ward', { resourceType: 'Location', id: 'ward', name: 'Ward' })
    await fhir('PUT', '/Patient/waiting', { resourceType: 'Patient', id: 'waiting', name: [{ text: 'Waiting' }] })
  })
  after(() => scene[Symbol.asyncDispose]())

  it('a doctor sees the patients who gave a permission, and no others', async () => {
    const ask = as(alice)
    assert.deepEqual(idsOf(await ask('GET', '/Observation')), ['bobs'])
    assert.deepEqual(idsOf(await ask('GET', '/Patient')), [scene.bob.ref])
    assert.equal((await ask('GET', '/Observation/bobs')).status, 200)
    assert.deepEqual(idsOf(await ask('GET', '/Location')), ['ward'])
    for (const path of [
      '/Observation/carols',
      `/Patient/${carol.ref}`,
      '/Patient/waiting',
      `/Patient/${carol.ref}/$everything`,
    ]) {
      const refused = await ask('GET', path)
      assert.deepEqual([refused.status, codeOf(refused)], [404, 'FHIR_NOT_FOUND'], path)
    }
    assert.deepEqual(idsOf(await ask('GET', `/Observation?patient=${carol.ref}`)), [])
    assert.deepEqual(idsOf(await ask('GET', `/AuditEvent?patient=${carol.ref}`)), [])
    assert.deepEqual(idsOf(await ask('GET', `/Provenance?patient=${carol.ref}`)), [])
    assert.deepEqual(idsOf(await ask('GET', `/Consent?patient=${carol.ref}`)), [])
  })

  it('a doctor writes for such a patient only, and the Provenance says who it was', async () => {
    const ask = as(alice)
    const written = await ask('POST', '/Observation', hba1c(scene.bob.ref, 50))
    assert.equal(written.status, 201, written.text)
    const { id } = written.json as { readonly id: string }
    const { entry = [] } = (await scene.fhir('GET', `/Provenance?target=Observation/${id}`)).json as Bundle
    const made = entry[0]?.resource as
      { readonly agent?: readonly { readonly who: { readonly reference?: string } }[] } | undefined
    assert.ok(made?.agent?.some(({ who }) => who.reference === `Practitioner/${alice.ref}`))
    const refused = await ask('POST', '/Observation', hba1c(carol.ref, 50))
    assert.deepEqual([refused.status, codeOf(refused)], [404, 'FHIR_NOT_FOUND'])
    assert.equal((await ask('DELETE', '/Observation/carols')).status, 404)
  })

  it('nothing of others comes along with what one may see', async () => {
    const { entry = [] } = (await as(alice)('GET', '/Location?_revinclude=Observation:subject&_include=*'))
      .json as Bundle
    assert.ok(entry.every(({ resource }) => resource?.id !== 'carols'))
    const provenance = (await scene.fhir('GET', '/Provenance?target=Observation/carols')).json as Bundle
    const id = provenance.entry?.[0]?.resource?.id ?? ''
    assert.equal((await as(alice)('GET', `/Binary/${id}`)).status, 404)
    assert.equal((await as(alice)('GET', `/Provenance/${id}`)).status, 404)
  })

  it('a patient sees the own compartment and writes nothing', async () => {
    const ask = as(carol)
    assert.deepEqual(idsOf(await ask('GET', '/Observation')), ['carols'])
    assert.deepEqual(idsOf(await ask('GET', '/Patient')), [carol.ref])
    assert.equal((await ask('GET', '/Observation/bobs')).status, 404)
    assert.deepEqual(idsOf(await ask('GET', `/Observation?patient=${scene.bob.ref}`)), [])
    const written = await ask('POST', '/Observation', hba1c(carol.ref, 1))
    assert.deepEqual([written.status, codeOf(written)], [403, 'FHIR_FORBIDDEN'])
    const deleted = await ask('DELETE', '/Observation/carols')
    assert.deepEqual([deleted.status, codeOf(deleted)], [403, 'FHIR_FORBIDDEN'])
  })

  it('the patient’s access log names the person or app behind the hospital', async () => {
    const { bob, fhir, world } = scene
    await as(alice)('GET', '/Observation/bobs')
    await fhir('GET', '/Observation/bobs')
    const { entries } = await bob.accessLog(bob.ref)
    const reads = entries.filter(({ kind, actor }) => kind === 'read' && actor === world.hospitalRef('a'))
    const named = (id: string) => reads.find(({ by }) => by?.id === id)
    assert.deepEqual(named(alice.ref)?.by, { kind: 'person', id: alice.ref, name: 'alice' })
    assert.equal(named(alice.ref)?.automatic, false)
    assert.deepEqual(named('practice')?.by, { kind: 'app', id: 'practice', name: 'Practice token' })
    assert.equal(named('practice')?.automatic, true)
    const { entry = [] } = (await fhir('GET', `/AuditEvent?patient=${bob.ref}&agent-name=alice&subtype=read`))
      .json as Bundle
    const event = entry[0]?.resource as
      | { readonly agent?: readonly { readonly who: { readonly reference?: string }; readonly requestor: boolean }[] }
      | undefined
    assert.ok(event?.agent?.some(({ who, requestor }) => requestor && who.reference === `Practitioner/${alice.ref}`))
    assert.ok(event?.agent?.some(({ who }) => who.reference === `Organization/${world.hospitalRef('a')}`))
  })

  it('what the scopes do not allow is refused by its type', () => {
    const app: Actor = { kind: 'system', id: 'app', scopes: ['system/Observation.rs'] }
    assert.deepEqual(actorMay(app, 'r', 'Observation'), [{ reach: 'all' }])
    assert.deepEqual(actorMay(app, 'c', 'Observation'), [])
    assert.deepEqual(actorMay(app, 'r', 'Condition'), [])
  })

  it('the practice token is in a file of its owner’s', () => {
    const path = join(scene.world.hospitalFolder('a'), PRACTICE_TOKEN_FILE)
    assert.ok(existsSync(path))
    if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o077, 0)
  })
})
