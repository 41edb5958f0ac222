/** Bulk Data as a backend service uses it: a token by its key, then export and import. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { backendToken } from '../../../testkit/src/world/apps.ts'
import { openTestWorld, type TestWorld } from '../../../testkit/src/world/index.ts'

let world: TestWorld
let url: string
before(async () => {
  world = await openTestWorld()
  url = world.surroundings('a').hospitalUrl
})
after(() => world.close())

const tokenFor = (...scopes: readonly string[]) => backendToken(world, ...scopes)

function ask(
  token: string,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> } = {},
) {
  const headers = { authorization: `Bearer ${token}`, prefer: 'respond-async', ...init.headers }
  return fetch(path.startsWith('http') ? path : url + path, { ...init, headers })
}

interface Manifest {
  readonly transactionTime: string
  readonly request: string
  readonly imported?: number
  readonly output: readonly { readonly type: string; readonly url: string; readonly count: number }[]
  readonly error: readonly { readonly type: string; readonly url: string; readonly count: number }[]
}

async function finished(token: string, begun: Response): Promise<{ manifest: Manifest; job: string }> {
  assert.equal(begun.status, 202, await begun.clone().text())
  const job = begun.headers.get('content-location') ?? ''
  for (;;) {
    const response = await ask(token, job)
    if (response.status === 200) return { manifest: (await response.json()) as Manifest, job }
    assert.equal(response.status, 202, await response.clone().text())
    assert.match(response.headers.get('x-progress') ?? '', /^\d+ of \d+$/)
    await sleep(50)
  }
}

async function resourcesOf(token: string, files: Manifest['output']) {
  const found: { resourceType: string; id: string }[] = []
  for (const { type, url: file, count } of files) {
    const response = await ask(token, file)
    assert.equal(response.headers.get('content-type'), 'application/fhir+ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    assert.equal(lines.length, count)
    for (const line of lines) {
      const resource = JSON.parse(line) as { resourceType: string; id: string }
      assert.equal(resource.resourceType, type)
      found.push(resource)
    }
  }
  return found
}

function observation(text: string, id?: string): string {
  return JSON.stringify({
    resourceType: 'Observation',
    ...(id === undefined ? {} : { id }),
    status: 'final',
    code: { text },
  })
}

test('what was imported line by line comes out of every export; refused lines are named; nothing is on the disk in clear', async () => {
  const [bob, emi, alice] = [await world.patient('Bob'), await world.patient('Emi'), await world.doctor('Alice')]
  const hospital = world.hospital('a')
  await world.permit(bob, [hospital, alice])
  await world.permit(emi, [hospital])
  const token = await tokenFor('system/*.cruds')
  const secret = world.canary()
  const ndjson = [
    observation(secret, 'one'),
    'no JSON',
    observation('b', 'two'),
    '{"resourceType":"Nothing"}',
    observation('c'),
    'null',
  ].join('\n')
  const headers = { 'content-type': 'application/fhir+ndjson', 'x-trusthealth-patient': `Patient/${bob.ref}` }
  const imported = await finished(token, await ask(token, '/fhir/$import', { method: 'POST', headers, body: ndjson }))
  assert.equal(imported.manifest.imported, 3)
  const outcomes = await Promise.all(
    imported.manifest.error.map(async (file) => (await (await ask(token, file.url)).text()).trim()),
  )
  assert.match(
    outcomes.join('\n'),
    /line 2: FHIR_NOT_JSON: The input[^]*line 4: FHIR_UNKNOWN_RESOURCE_TYPE[^]*line 6: FHIR_UNKNOWN_RESOURCE_TYPE/,
  )

  const all = await finished(token, await ask(token, '/fhir/$export'))
  assert.equal(all.manifest.request, `${url}/fhir/$export`)
  const found = await resourcesOf(token, all.manifest.output)
  const count = (type: string) => found.filter(({ resourceType }) => resourceType === type).length
  assert.deepEqual([count('Observation'), count('Patient'), count('Practitioner'), count('Organization')], [3, 2, 1, 1])
  assert.ok(found.some(({ id }) => id === 'one'))

  const some = await finished(token, await ask(token, '/fhir/Patient/$export?_type=Observation'))
  assert.deepEqual(
    some.manifest.output.map(({ type }) => type),
    ['Observation'],
  )
  const later = await finished(
    token,
    await ask(
      token,
      `/fhir/Patient/$export?_type=Observation&_since=${new Date(world.clock.nowMs() + 1_000).toISOString()}`,
    ),
  )
  assert.deepEqual(later.manifest.output, [])
  const group = await finished(token, await ask(token, `/fhir/Group/${alice.ref}/$export?_type=Patient`))
  assert.deepEqual(
    (await resourcesOf(token, group.manifest.output)).map(({ id }) => id),
    [bob.ref],
  )

  assert.equal((await ask(token, all.job, { method: 'DELETE' })).status, 202)
  assert.equal((await ask(token, all.job)).status, 404)
  assert.equal((await ask(token, all.manifest.output[0]?.url ?? '')).status, 404)
  await world.verifyEverything()
})

test("a job is its owner's; scopes, parameters and the form of the request are checked first", async () => {
  const token = await tokenFor('system/*.rs')
  const other = await tokenFor('system/*.rs')
  const statusOf = async (path: string, init: Parameters<typeof ask>[2] = {}, as = token) =>
    (await ask(as, path, init)).status
  const { job } = await finished(token, await ask(token, '/fhir/Group/patients/$export?_type=Patient'))
  assert.equal(await statusOf(job, {}, other), 404)
  assert.equal(await statusOf(job, { method: 'DELETE' }, other), 404)
  assert.equal(await statusOf('/fhir/$export', { headers: { prefer: '' } }), 400)
  assert.equal(await statusOf('/fhir/$export?_outputFormat=csv'), 406)
  assert.equal(await statusOf('/fhir/$export?_typeFilter=x'), 400)
  assert.equal(await statusOf('/fhir/$export?_since=yesterday'), 400)
  assert.equal(await statusOf('/fhir/Group/nobody/$export'), 404)
  const narrow = await tokenFor('system/Observation.rs')
  assert.equal(await statusOf('/fhir/$export?_type=Condition', {}, narrow), 403)
  assert.equal(await statusOf('/fhir/$export?_type=Observation', {}, narrow), 202)
  const ndjson = { method: 'POST', headers: { 'content-type': 'application/fhir+ndjson' }, body: observation('x') }
  assert.equal(await statusOf('/fhir/$import', ndjson), 403)
  const latin = { ...ndjson, body: new Uint8Array([0xe9]) }
  assert.equal(await statusOf('/fhir/$import', latin, await tokenFor('system/Observation.c')), 400)
  assert.equal(await statusOf('/fhir/$export', {}, 'guessed'), 401)
  const bob = await world.patient('Bob')
  const path = '/fhir/$export'
  const { authorizationOf } = await import('../../../clients/sdk/src/hospital-calls.ts')
  const authorization = await authorizationOf(world.crypto, world.clock, bob.requestSigner, 'GET', path)
  assert.equal((await fetch(url + path, { headers: { authorization, prefer: 'respond-async' } })).status, 403)
})

test('records that other authors stored are in the export with the text that was signed', async () => {
  const [bob, alice] = [await world.patient('Bob'), await world.doctor('Alice')]
  const { warrant } = await world.permit(bob, [alice])
  await alice.store({ patient: bob.ref, warrant, ehr: encodeUtf8(observation('by Alice')) })
  const token = await tokenFor('system/*.rs')
  const { manifest } = await finished(token, await ask(token, '/fhir/Patient/$export?_type=Observation'))
  const texts = await Promise.all(manifest.output.map(async (file) => (await ask(token, file.url)).text()))
  assert.match(texts.join(''), /by Alice/)
})
