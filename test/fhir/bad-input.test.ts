/** What no FHIR client should send: each gets an OperationOutcome with a stable code, and stores nothing. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { codeOf, hba1c, openFhirScene, type FhirScene } from './scene.ts'

describe('bad input', () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene()
  })
  after(() => scene[Symbol.asyncDispose]())

  const observation = () => JSON.stringify(hba1c(scene.bob.ref, 1))
  const deep = (levels: number) => `{"resourceType":"Basic","x":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const cases: readonly {
    readonly name: string
    readonly method?: string
    readonly path?: string
    readonly body?: () => string
    readonly headers?: Readonly<Record<string, string>>
    readonly answer: readonly [number, string]
  }[] = [
    {
      name: 'XML',
      headers: { 'content-type': 'application/fhir+xml' },
      body: () => '<Observation/>',
      answer: [415, 'HTTP_MEDIA_TYPE'],
    },
    { name: 'text', headers: { 'content-type': 'text/plain' }, answer: [415, 'HTTP_MEDIA_TYPE'] },
    {
      name: 'another version of FHIR',
      headers: { 'content-type': 'application/fhir+json; fhirVersion=3.0' },
      answer: [415, 'HTTP_MEDIA_TYPE'],
    },
    {
      name: 'an answer in XML',
      method: 'GET',
      headers: { accept: 'application/fhir+xml' },
      answer: [406, 'HTTP_NOT_ACCEPTABLE'],
    },
    { name: '_format=xml', method: 'GET', path: '/Observation?_format=xml', answer: [406, 'HTTP_NOT_ACCEPTABLE'] },
    { name: 'no JSON', body: () => '{"resourceType":"Observation"', answer: [400, 'FHIR_NOT_JSON'] },
    { name: 'an empty body', body: () => ' ', answer: [400, 'FHIR_NOT_JSON'] },
    { name: 'a list', body: () => '[]', answer: [400, 'FHIR_ID_MISMATCH'] },
    { name: 'no resourceType', body: () => '{"status":"final"}', answer: [400, 'FHIR_ID_MISMATCH'] },
    { name: 'a byte order mark', body: () => `\uFEFF${observation()}`, answer: [400, 'FHIR_NOT_JSON'] },
    {
      name: 'a name twice',
      body: () => '{"resourceType":"Observation","status":"final","status":"amended"}',
      answer: [400, 'FHIR_DUPLICATE_KEY'],
    },
    {
      name: 'half a character',
      body: () => '{"resourceType":"Observation","x":"\\ud800"}',
      answer: [400, 'FHIR_NOT_JSON'],
    },
    { name: 'deep JSON', path: '/Basic', body: () => deep(100), answer: [400, 'FHIR_TOO_DEEP'] },
    { name: 'very deep JSON', path: '/Basic', body: () => deep(500_000), answer: [400, 'FHIR_TOO_DEEP'] },
    { name: 'a larger body', path: '/Basic', body: () => 'x'.repeat(37 * 2 ** 20), answer: [413, 'HTTP_TOO_LARGE'] },
    { name: 'another type than the address', path: '/Condition', body: observation, answer: [400, 'FHIR_ID_MISMATCH'] },
    {
      name: 'another id than the address',
      method: 'PUT',
      path: '/Observation/a',
      body: () => JSON.stringify(hba1c(scene.bob.ref, 1, { id: 'b' })),
      answer: [400, 'FHIR_ID_MISMATCH'],
    },
    { name: 'no id', method: 'PUT', path: '/Observation/a', body: observation, answer: [400, 'FHIR_ID_MISMATCH'] },
    { name: 'an id that is none', method: 'GET', path: '/Observation/a_b', answer: [400, 'FHIR_BAD_ID'] },
    { name: 'a long id', method: 'GET', path: `/Observation/${'a'.repeat(65)}`, answer: [400, 'FHIR_BAD_ID'] },
    {
      name: 'a bad id in the body',
      body: () => JSON.stringify(hba1c(scene.bob.ref, 1, { id: 'a_b' })),
      answer: [400, 'FHIR_BAD_ID'],
    },
    { name: 'a type that is none', method: 'GET', path: '/Nonsense/1', answer: [404, 'FHIR_UNKNOWN_RESOURCE_TYPE'] },
    { name: 'a bad escape', method: 'GET', path: '/Observation/%zz', answer: [400, 'HTTP_BAD_REQUEST'] },
    {
      name: 'a patch of a version',
      method: 'PATCH',
      path: '/Observation/a/_history/1',
      headers: { 'content-type': 'application/json-patch+json' },
      body: () => '[]',
      answer: [405, 'FHIR_NOT_SUPPORTED'],
    },
    { name: 'POST to an instance', path: '/Observation/a', body: observation, answer: [405, 'FHIR_NOT_SUPPORTED'] },
    {
      name: 'an operation that is none',
      path: '/Patient/x/$nothing',
      body: () => '{}',
      answer: [405, 'FHIR_NOT_SUPPORTED'],
    },
    {
      name: 'an operation by the name of a property of objects',
      method: 'GET',
      path: '/Patient/x/$constructor',
      answer: [405, 'FHIR_NOT_SUPPORTED'],
    },
    {
      name: 'a version that is none',
      method: 'GET',
      path: '/Observation/a/_history/1',
      answer: [404, 'FHIR_NOT_FOUND'],
    },
    { name: 'GET of the base', method: 'GET', path: '', answer: [405, 'FHIR_NOT_SUPPORTED'] },
    {
      name: 'more than one patient',
      body: () =>
        JSON.stringify({
          resourceType: 'Appointment',
          status: 'booked',
          participant: [
            { actor: { reference: `Patient/${scene.bob.ref}` } },
            { actor: { reference: 'Patient/another' } },
          ],
        }),
      path: '/Appointment',
      answer: [422, 'FHIR_UNRESOLVED_PATIENT'],
    },
  ]
  for (const {
    name,
    method = 'POST',
    path = '/Observation',
    body,
    headers,
    answer: [status, code],
  } of cases) {
    it(`${name} is ${code}`, async () => {
      const hasBody = method !== 'GET'
      const answer = await scene.fhir(method, path, hasBody ? (body?.() ?? '{}') : undefined, headers)
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text.slice(0, 300))
      assert.match(answer.headers.get('content-type') ?? '', /^application\/fhir\+json/)
    })
  }

  it('a record has at most 4 MiB; what is nobody’s may be as large as a request', async () => {
    const { fhir, bob } = scene
    const large = (subject: string) => `{"resourceType":"Basic",${subject}"x":"${'x'.repeat(5 * 2 ** 20)}"}`
    const record = await fhir('POST', '/Basic', large(`"subject":{"reference":"Patient/${bob.ref}"},`))
    assert.deepEqual([record.status, codeOf(record)], [413, 'FHIR_TOO_LARGE'])
    assert.equal((await fhir('POST', '/Basic', large(''))).status, 201)
  })

  it('stored nothing, and the service is well', async () => {
    const { json } = await scene.fhir('GET', '/Observation?_summary=count')
    assert.equal((json as { readonly total: number }).total, 0)
    assert.deepEqual(scene.world.faults, [])
  })

  it('answers 503 while the record server is away; what is new is kept, and delivered afterwards', async () => {
    const { world, bob, fhir } = scene
    await fhir('PUT', '/Observation/kept', hba1c(bob.ref, 1, { id: 'kept' }))
    await world.server.stop()
    const away = await fhir('GET', '/Observation/kept')
    assert.deepEqual([away.status, codeOf(away)], [503, 'SERVER_UNAVAILABLE'])
    assert.equal((await fhir('GET', '/metadata')).status, 200)
    const kept = await fhir('POST', '/Observation', hba1c(bob.ref, 99))
    assert.deepEqual([kept.status, codeOf(kept)], [202, 'SERVER_UNAVAILABLE'])
    await world.server.start()
    await world.server.serving()
    // The outbox tries again by itself; a second is its first pause.
    for (;;) {
      const { json, status } = await fhir('GET', `/Observation?patient=${bob.ref}&value-quantity=99`)
      if (status === 200 && (json as { readonly total: number }).total === 1) break
      await setTimeout(200)
    }
  })
})
