/** Requests that try to get around: other content types, encoded addresses, doubled headers, values that look like code. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import { authorizationOf } from '../../clients/sdk/src/hospital-calls.ts'
import { asker, codeOf, hba1c, idsOf, openFhirScene, permitHospital, type Bundle, type FhirScene } from './scene.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe('hostile requests', () => {
  let scene: FhirScene
  let carol: PatientClient
  before(async () => {
    scene = await openFhirScene()
    carol = await scene.world.patient('carol')
    await permitHospital(scene.world, carol)
    for (const [id, patient] of [
      ['bobs', scene.bob.ref],
      ['carols', carol.ref],
    ] as const) {
      assert.equal((await scene.fhir('PUT', `/Observation/${id}`, hba1c(patient, 47, { id }))).status, 201)
    }
  })
  after(() => scene[Symbol.asyncDispose]())

  /** Asks as Carol, who signs each request. */
  async function asCarol(path: string, headers: Readonly<Record<string, string>> = {}) {
    const { crypto, clock } = scene.world
    const authorization = await authorizationOf(crypto, clock, carol.requestSigner, 'GET', `/fhir${path}`)
    return await asker(scene.base, authorization)('GET', path, undefined, headers)
  }

  it('a body is what its content type says, or it is refused', async () => {
    const { fhir, bob } = scene
    const body = JSON.stringify(hba1c(bob.ref, 1))
    const gzipped = await fetch(`${scene.base}/Observation`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${scene.token}`,
        'content-type': 'application/fhir+json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(body),
    })
    assert.equal(gzipped.status, 415)
    for (const [path, text, headers] of [
      ['/Observation', body, FORM],
      ['/Observation', body, { 'content-type': 'application/json-patch+json' }],
      ['/Observation', body, { 'content-type': 'multipart/form-data; boundary=x' }],
      ['/Observation', body, { 'content-type': 'application/fhir+jsonx' }],
      // Read as a form it would be no condition at all, and find everything.
      ['/Observation/_search', '{"_id":"bobs"}', { 'content-type': 'application/fhir+json' }],
    ] as const) {
      const answer = await fhir('POST', path, text, headers)
      assert.deepEqual([answer.status, codeOf(answer)], [415, 'HTTP_MEDIA_TYPE'], headers['content-type'])
    }
    const upper = await fhir('POST', '/Observation/_search', '_id=bobs', {
      'content-type': 'Application/X-WWW-Form-Urlencoded',
    })
    assert.deepEqual(idsOf(upper), ['bobs'])
  })

  it('an address means the same however it is written', async () => {
    const { fhir } = scene
    for (const path of [
      '/Observation/bobs/',
      '/Observation/%62obs',
      '/Observation/bobs?_format=application/fhir+json',
    ]) {
      assert.equal((await fhir('GET', path)).status, 200, path)
    }
    assert.equal((await fhir('GET', '/Observation/BOBS')).status, 404)
    for (const path of [
      '/Observation/bobs%2F..%2Fcarols',
      '/Observation/bobs%00',
      '/Observation/bobs%20',
      '/Observation/bobs%3F',
      '/Observation//bobs',
    ]) {
      assert.deepEqual([path, codeOf(await fhir('GET', path))], [path, 'FHIR_BAD_ID'])
    }
    for (const path of [
      '/_history',
      '/Observation/_history',
      '/Patient/$everything',
      '/Patient/$match',
      '/$versions',
      '/_search?_id=1',
    ]) {
      const answer = await fhir('GET', path)
      assert.deepEqual([answer.status, codeOf(answer)], [405, 'FHIR_NOT_SUPPORTED'], path)
    }
    const odd = await fhir('LINK', '/Observation/bobs')
    assert.deepEqual([odd.status, codeOf(odd)], [405, 'FHIR_NOT_SUPPORTED'])
  })

  it('no way of naming somebody else’s record gets at it', async () => {
    const { bob, fhir } = scene
    const [provenance = ''] = idsOf(await fhir('GET', '/Provenance?target=Observation/bobs'))
    const [event = ''] = idsOf(await fhir('GET', `/AuditEvent?patient=${bob.ref}`))
    const [consent = ''] = idsOf(await fhir('GET', `/Consent?patient=${bob.ref}`))
    const record = provenance.replace(/\.\d+$/, '')
    for (const path of [
      '/Observation/bobs',
      '/Observation/%62obs',
      '/Observation/bobs/_history',
      '/Observation/bobs/_history/1',
      '/Observation/bobs/$verify',
      `/Observation/${record}`,
      `/Provenance/${provenance}`,
      `/Binary/${provenance}`,
      `/AuditEvent/${event}`,
      `/Consent/${consent}`,
      `/Consent/${consent}/$terms`,
      `/Patient/${bob.ref}`,
      `/Patient/${bob.ref}/$everything`,
    ]) {
      const answer = await asCarol(path, { 'x-trusthealth-patient': `Patient/${bob.ref}` })
      assert.deepEqual([path, answer.status, codeOf(answer)], [path, 404, 'FHIR_NOT_FOUND'])
    }
    for (const query of [
      `/Observation?patient=${bob.ref}`,
      `/Observation?_id=bobs,carols&patient=${bob.ref}`,
      `/Patient/${bob.ref}/Observation`,
      `/Observation?subject:Patient.name=bob`,
      `/Patient?_has:Observation:patient:_id=bobs`,
      `/Provenance?target=Observation/bobs`,
      `/AuditEvent?patient=${bob.ref}`,
    ]) {
      const { status, json } = await asCarol(query)
      assert.deepEqual([query, status, (json as Bundle).total], [query, 200, 0])
    }
    const back = await asCarol('/Observation?_include=*&_revinclude=Provenance:target&_include:iterate=*')
    assert.doesNotMatch(back.text, new RegExp(bob.ref))
  })

  it('values that look like code find what they say, which is nothing', async () => {
    const { fhir } = scene
    for (const value of [
      `' OR 1=1 --`,
      '"; DROP TABLE fhir_resource; --',
      '%',
      '_',
      '*',
      '.*',
      '${7*7}',
      '{{7*7}}',
      '\u0000',
      '\ud83d\ude00',
      '$ne',
      '<script>',
    ]) {
      for (const name of ['_id', 'code', 'identifier', 'patient', 'status', 'code:text', '_tag', 'value-string']) {
        const answer = await fhir('GET', `/Observation?${name}=${encodeURIComponent(value)}`)
        assert.ok(answer.status === 200 || codeOf(answer) === 'FHIR_SEARCH_INVALID', `${name}=${value}: ${answer.text}`)
        if (answer.status === 200) assert.deepEqual(idsOf(answer), [], `${name}=${value}`)
      }
    }
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      for (const query of [
        `${name}=x`,
        `_sort=${name}`,
        `_include=Observation:${name}`,
        `_has:${name}:patient:code=x`,
        `subject:${name}.name=x`,
        `code:${name}=x`,
      ]) {
        const answer = await fhir('GET', `/Observation?${query}`, undefined, { prefer: 'handling=strict' })
        assert.deepEqual([query, codeOf(answer)], [query, 'FHIR_SEARCH_INVALID'])
      }
      assert.equal((await fhir('GET', `/${name}/1`)).status, 404)
      assert.equal((await fhir('GET', `/Observation?_elements=${name}`)).status, 200)
    }
    assert.deepEqual(scene.world.faults, [])
  })

  it('a Bundle is no way around its own limits, nor around what a search is', async () => {
    const { fhir } = scene
    const entryOf = (url: string, resource?: object) => ({
      resource,
      request: { method: resource ? 'POST' : 'GET', url },
    })
    const bundle = (...entry: readonly object[]) => ({ resourceType: 'Bundle', type: 'batch', entry })
    const inner = bundle(entryOf('metadata'))
    for (const entry of [
      ...['/', '//', '?', '/?_format=json'].map((url) => entryOf(url, inner)),
      entryOf('Observation/_search', { resourceType: 'Basic' }),
    ]) {
      const { json } = await fhir('POST', '', bundle(entry))
      const [only] = (json as Bundle).entry ?? []
      assert.deepEqual(
        [only?.response?.status, codeOf({ json: only?.response?.outcome })],
        ['405', 'FHIR_NOT_SUPPORTED'],
      )
    }
    const many = await fhir('POST', '', bundle(...Array.from({ length: 5_001 }, () => entryOf('metadata'))))
    assert.deepEqual([many.status, codeOf(many)], [413, 'FHIR_TOO_LARGE'])
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
    const text = `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Basic"},"resource":{"resourceType":"Basic","x":${deep}}}]}`
    assert.equal(codeOf(await fhir('POST', '', text)), 'FHIR_TOO_DEEP')
  })

  it('headers that are doubled, contradict each other or smuggle a second request change nothing', async () => {
    const { bob, fhir } = scene
    const twice = await fhir('DELETE', '/Observation/bobs', undefined, { 'if-match': 'W/"1", W/"9"' })
    assert.equal(twice.status, 412)
    const both = await fhir('POST', '/Observation', hba1c(bob.ref, 1), {
      'x-trusthealth-patient': `Patient/${bob.ref}, Patient/${carol.ref}`,
    })
    assert.equal(codeOf(both), 'FHIR_UNRESOLVED_PATIENT')
    const { host, port, hostname } = new URL(scene.base)
    const raw = async (...lines: readonly string[]): Promise<string> => {
      const socket = connect(Number(port), hostname)
      socket.write(lines.join('\r\n'))
      let text = ''
      for await (const chunk of socket) text += String(chunk)
      return text
    }
    const inner = 'DELETE /fhir/Observation/bobs HTTP/1.1'
    const token = `Authorization: Bearer ${scene.token}`
    const smuggled = await raw(
      'POST /fhir/Observation/_search HTTP/1.1',
      `Host: ${host}`,
      token,
      `Content-Type: ${FORM['content-type']}`,
      'Content-Length: 4',
      'Transfer-Encoding: chunked',
      '',
      '0',
      '',
      inner,
      `Host: ${host}`,
      token,
      'Connection: close',
      '',
      '',
    )
    assert.match(smuggled, /^HTTP\/1\.1 400/)
    const unsigned = await raw(
      'GET /fhir/Observation HTTP/1.1',
      `Host: ${host}`,
      'Authorization: Bearer wrong',
      token,
      'Connection: close',
      '',
      '',
    )
    assert.match(unsigned, /^HTTP\/1\.1 40[01]/)
    assert.equal((await fhir('GET', '/Observation/bobs')).status, 200)
  })

  it('an app that asks for everything, or whose answers would go to somebody else, is not registered', async () => {
    const { options, requestSigner } = scene.world.hospital('a')
    const open = {
      kind: 'public',
      name: 'x',
      scopes: ['patient/*.rs'],
      redirectUris: ['https://app.example/'],
    } as const
    for (const app of [
      { ...open, scopes: ['system/*.cruds'] },
      { ...open, redirectUris: ['http://app.example/'] },
    ]) {
      await assert.rejects(options.hospital.registerApp(requestSigner, app), { code: 'APP_REJECTED' })
    }
    assert.deepEqual(await options.hospital.apps(requestSigner), [])
  })
})
