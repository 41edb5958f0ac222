/** Clients that others wrote talk to the façade: fhirclient (SMART), fhir-kit-client, MedplumClient. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { MedplumClient } from '@medplum/core'
import { hba1c, openFhirScene, type Bundle, type FhirScene } from './scene.ts'

interface Found {
  readonly resourceType: string
  readonly id: string
}

/** What of the clients the test uses; their own types want another FHIR package. */
interface KitClient {
  create(request: { resourceType: string; body: object }): Promise<Found>
  read(request: { resourceType: string; id: string }): Promise<Found>
  update(request: { resourceType: string; id: string; body: object }): Promise<Found>
  search(request: { resourceType: string; searchParams: object }): Promise<Bundle>
  nextPage(request: { bundle: Bundle }): Promise<Bundle>
  history(request: { resourceType: string; id: string }): Promise<Bundle>
  delete(request: { resourceType: string; id: string }): Promise<unknown>
  transaction(request: { body: object }): Promise<Bundle>
  capabilityStatement(): Promise<Found>
}
/** Its own types bring those of browsers with them, for the whole project. */
const smart = createRequire(import.meta.url)('fhirclient') as (
  request: object,
  response: object,
  storage: object,
) => { client(state: object): SmartClient }

interface SmartClient {
  create(resource: object): Promise<Found>
  update(resource: object): Promise<Found>
  delete(url: string): Promise<unknown>
  request<T = Found>(url: string, options?: object): Promise<T>
}

describe('clients of others', () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene()
  })
  after(() => scene[Symbol.asyncDispose]())

  it('fhir-kit-client reads, writes, searches, pages and deletes', async () => {
    const { base, token, bob } = scene
    const kit = (await import('fhir-kit-client')) as unknown as {
      Client: new (options: object) => KitClient
    }
    const client = new kit.Client({ baseUrl: base, bearerToken: token })
    assert.equal((await client.capabilityStatement()).resourceType, 'CapabilityStatement')
    const created = await client.create({ resourceType: 'Observation', body: hba1c(bob.ref, 47) })
    for (const value of [48, 49]) await client.create({ resourceType: 'Observation', body: hba1c(bob.ref, value) })
    const { id } = created
    assert.equal((await client.read({ resourceType: 'Observation', id })).id, id)
    await client.update({ resourceType: 'Observation', id, body: hba1c(bob.ref, 50, { id }) })
    const first = await client.search({ resourceType: 'Observation', searchParams: { patient: bob.ref, _count: 2 } })
    const second = await client.nextPage({ bundle: first })
    assert.deepEqual([first.total, first.entry?.length, second.entry?.length], [3, 2, 1])
    assert.equal((await client.history({ resourceType: 'Observation', id })).total, 2)
    const entry = [{ resource: hba1c(bob.ref, 51), request: { method: 'POST', url: 'Observation' } }]
    const done = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } })
    assert.equal(done.entry?.[0]?.response?.status, '201 Created')
    await client.delete({ resourceType: 'Observation', id })
    await assert.rejects(client.read({ resourceType: 'Observation', id }), (error) => {
      return (error as { response: { status: number } }).response.status === 410
    })
  })

  it('fhirclient reads, writes, resolves references and follows pages', async () => {
    const { base, token, bob } = scene
    const client = smart({ headers: {}, url: '/' }, {}, {}).client({
      serverUrl: base,
      tokenResponse: { access_token: token },
    })
    const created = await client.create(hba1c(bob.ref, 61))
    const read = await client.request<{ readonly subject: Found }>(`Observation/${created.id}`, {
      resolveReferences: ['subject'],
    })
    assert.equal(read.subject.resourceType, 'Patient')
    await client.update(hba1c(bob.ref, 62, { id: created.id }))
    const all = await client.request<readonly Found[]>(`Observation?patient=${bob.ref}&_count=1`, {
      pageLimit: 0,
      flat: true,
    })
    assert.ok(all.length >= 1 && all.every(({ resourceType }) => resourceType === 'Observation'))
    await client.delete(`Observation/${created.id}`)
    await assert.rejects(
      client.request(`Observation/${created.id}`),
      (error) => (error as { status: number }).status === 410,
    )
  })

  it('MedplumClient reads, writes, searches, goes through history and batches', async () => {
    const { base, token, bob } = scene
    const client = new MedplumClient({
      baseUrl: base.replace(/fhir$/, ''),
      fhirUrlPath: 'fhir/',
      accessToken: token,
      fetch,
      cacheTime: 0,
    })
    const created = await client.createResource(hba1c(bob.ref, 71) as Parameters<typeof client.createResource>[0])
    const id = created.id ?? ''
    assert.equal((await client.readResource('Observation', id)).meta?.versionId, '1')
    await client.updateResource({ ...created, status: 'amended' } as Parameters<typeof client.updateResource>[0])
    const found = await client.searchResources('Observation', { patient: bob.ref, status: 'amended' })
    assert.deepEqual(
      found.map((one) => one.id),
      [id],
    )
    assert.equal((await client.readHistory('Observation', id)).entry?.length, 2)
    const again = await client.createResourceIfNoneExist(
      hba1c(bob.ref, 72, { identifier: [{ system: 'urn:m', value: '1' }] }) as Parameters<
        typeof client.createResource
      >[0],
      'identifier=urn:m|1',
    )
    assert.ok(again.id !== undefined)
    const batch = await client.executeBatch({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ request: { method: 'GET', url: `Observation/${id}` } }],
    })
    assert.equal(batch.entry?.[0]?.resource?.id, id)
    const story = await client.readPatientEverything(bob.ref)
    assert.ok((story.total ?? 0) >= 2)
    await client.deleteResource('Observation', id)
    await assert.rejects(client.readResource('Observation', id))
  })
})
