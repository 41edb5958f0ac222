/** The REST interactions of R4 (http.html) against the whole system: records, versions, conditions, deletion, history. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { searchParametersOf } from '../../hospital/src/fhir/r4-tables.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { labResult } from '../../testkit/src/world/index.ts'
import {
  asker,
  codeOf,
  hba1c,
  idsOf,
  openFhirScene,
  permitHospital,
  registerWithCode,
  type Bundle,
  type FhirScene,
  type ResourceName,
} from './scene.ts'

const idOf = ({ json }: { readonly json: unknown }) => (json as ResourceName).id

describe('the façade', () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene()
  })
  after(() => scene[Symbol.asyncDispose]())

  it('says what it can do, to anybody', async () => {
    const { status, json, headers } = await asker(scene.base, '')('GET', '/metadata')
    assert.equal(status, 200)
    assert.match(headers.get('content-type') ?? '', /^application\/fhir\+json/)
    const statement = json as {
      readonly fhirVersion: string
      readonly rest: readonly { readonly resource: readonly { readonly type: string }[] }[]
    }
    assert.equal(statement.fhirVersion, '4.0.1')
    assert.equal(statement.rest[0]?.resource.length, 146)
  })

  it('does what its CapabilityStatement says of search, for every type', async () => {
    const { json } = await scene.fhir('GET', '/metadata')
    const { rest } = json as {
      readonly rest: readonly {
        readonly resource: readonly {
          readonly type: string
          readonly searchParam: readonly { readonly name: string; readonly type: string }[]
        }[]
      }[]
    }
    const VALUES: Readonly<Record<string, string>> = { date: '2026', number: '1', quantity: '1', reference: 'x' }
    const valueOf = (kind: string): string => VALUES[kind] ?? 'x'
    for (const { type, searchParam } of rest[0]?.resource ?? []) {
      // One request with every parameter: what is not known would be refused.
      const known = searchParametersOf(type)
      const queries = searchParam.map(({ name, type: kind }) => {
        const parts = known.get(name)?.components ?? []
        return `${name}=${kind === 'composite' ? parts.map((part) => valueOf(part.kind)).join('$') : valueOf(kind)}`
      })
      const { status, text } = await scene.fhir('GET', `/${type}?${queries.join('&')}&_count=1`, undefined, {
        prefer: 'handling=strict',
      })
      assert.equal(status, 200, `${type}: ${text}`)
    }
  })

  it('stores a record: signed, on the ledger, checkable', async () => {
    const { fhir, bob, world } = scene
    const created = await fhir('POST', '/Observation', hba1c(bob.ref, 47))
    assert.equal(created.status, 201)
    assert.equal(created.headers.get('etag'), 'W/"1"')
    assert.equal(created.headers.get('location'), `${scene.base}/Observation/${idOf(created)}/_history/1`)
    // The patient sees it too, through the patient's own session.
    const { items } = await bob.records()
    const mine = items.filter(({ resourceType }) => resourceType === 'Observation')
    assert.equal(mine.length, 1)
    const report = await bob.verify(await bob.read(mine[0]?.record as never))
    assert.deepEqual(
      report.checks.map(({ result }) => result),
      Array(7).fill('pass'),
    )
    const verified = await fhir('GET', `/Observation/${idOf(created)}/$verify`)
    const { parameter } = verified.json as {
      readonly parameter: readonly { readonly name: string; readonly valueBoolean?: boolean }[]
    }
    assert.equal(parameter.find(({ name }) => name === 'verified')?.valueBoolean, true)
    await world.verifyEverything()
  })

  it('keeps numbers, spaces and order as they were sent', async () => {
    const text = `{ "resourceType":"Observation",  "id":"exact",\n"valueDecimal":1.00, "status":"final","code":{"text":"\\u0078"},"subject":{"reference":"Patient/${scene.bob.ref}"}}`
    assert.equal((await scene.fhir('PUT', '/Observation/exact', text)).status, 201)
    const got = await scene.fhir('GET', '/Observation/exact')
    assert.equal(got.text.replace(/,"meta":\{[^}]*\}/, ''), text)
  })

  it('updates only the version that If-Match names', async () => {
    const { fhir, bob } = scene
    const id = 'if-match'
    assert.equal((await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))).status, 201)
    const second = await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 2, { id }), { 'if-match': 'W/"1"' })
    assert.deepEqual([second.status, second.headers.get('etag')], [200, 'W/"2"'])
    const late = await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 3, { id }), { 'if-match': 'W/"1"' })
    assert.deepEqual([late.status, codeOf(late)], [412, 'FHIR_VERSION_CONFLICT'])
    const none = await fhir('PUT', '/Observation/nobody', hba1c(bob.ref, 3, { id: 'nobody' }), { 'if-match': 'W/"1"' })
    assert.equal(none.status, 412)
    const same = await fhir('GET', `/Observation/${id}`, undefined, { 'if-none-match': 'W/"2"' })
    assert.deepEqual([same.status, same.text], [304, ''])
  })

  it('changes a part by JSON Patch, of the version that was meant', async () => {
    const { fhir, bob } = scene
    const id = 'patched'
    const patch = (operations: readonly object[], headers = {}, path = `/Observation/${id}`) =>
      fhir('PATCH', path, operations, { 'content-type': 'application/json-patch+json', ...headers })
    const amended = [{ op: 'replace', path: '/status', value: 'amended' }]
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id, identifier: [{ system: 'urn:lab', value: id }] }))
    const second = await patch(amended, { 'if-match': 'W/"1"' })
    assert.deepEqual([second.status, second.headers.get('etag')], [200, 'W/"2"'])
    assert.equal((second.json as { readonly status: string }).status, 'amended')
    const late = await patch(amended, { 'if-match': 'W/"1"' })
    assert.deepEqual([late.status, codeOf(late)], [412, 'FHIR_VERSION_CONFLICT'])
    const failed = await patch([...amended, { op: 'test', path: '/status', value: 'final' }])
    assert.deepEqual([failed.status, codeOf(failed)], [422, 'FHIR_PATCH_FAILED'])
    const renamed = await patch([{ op: 'replace', path: '/id', value: 'another' }])
    assert.deepEqual([renamed.status, codeOf(renamed)], [400, 'FHIR_ID_MISMATCH'])
    const moved = await patch([{ op: 'replace', path: '/resourceType', value: 'Basic' }])
    assert.deepEqual([moved.status, codeOf(moved)], [400, 'FHIR_ID_MISMATCH'])
    const byCondition = await patch(amended, {}, `/Observation?identifier=urn:lab|${id}`)
    assert.deepEqual([byCondition.status, byCondition.headers.get('etag')], [200, 'W/"3"'])
    assert.equal(codeOf(await patch(amended, {}, '/Observation?identifier=urn:lab|nothing')), 'FHIR_NOT_FOUND')
    assert.equal(codeOf(await patch(amended, {}, '/Observation/nothing')), 'FHIR_NOT_FOUND')
    assert.equal(codeOf(await fhir('PATCH', `/Observation/${id}`, amended)), 'HTTP_MEDIA_TYPE')
    const named = [{ op: 'add', path: '/alias', value: ['A'] }]
    const made = await patch(named, {}, `/Organization/${scene.world.hospitalRef('a')}`)
    assert.equal(codeOf(made), 'FHIR_NOT_SUPPORTED')
    await fhir('DELETE', `/Observation/${id}`)
    assert.equal(codeOf(await patch(amended)), 'FHIR_GONE')
    const put = await fhir('PUT', `/Observation/${id}`, '[]', { 'content-type': 'application/json-patch+json' })
    assert.equal(codeOf(put), 'HTTP_MEDIA_TYPE')
  })

  it('shows every version, and what was deleted', async () => {
    const { fhir, bob } = scene
    const id = 'history'
    for (const value of [1, 2]) await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, value, { id }))
    const first = await fhir('GET', `/Observation/${id}/_history/1`)
    assert.equal((first.json as { readonly valueQuantity: { readonly value: number } }).valueQuantity.value, 1)
    assert.equal((await fhir('GET', `/Observation/${id}/_history/3`)).status, 404)
    assert.equal((await fhir('DELETE', `/Observation/${id}`)).status, 204)
    assert.equal((await fhir('DELETE', `/Observation/${id}`)).status, 204)
    const gone = await fhir('GET', `/Observation/${id}`)
    assert.deepEqual([gone.status, codeOf(gone)], [410, 'FHIR_GONE'])
    assert.deepEqual(idsOf(await fhir('GET', `/Observation?_id=${id}`)), [])
    const { entry = [] } = (await fhir('GET', `/Observation/${id}/_history`)).json as Bundle
    assert.deepEqual(
      entry.map(({ response }) => response?.status),
      ['204', '200', '201'],
    )
    // Written again, it is there again, as the next version.
    const again = await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 3, { id }))
    assert.deepEqual([again.status, again.headers.get('etag')], [201, 'W/"3"'])
  })

  it('answers 410 for what the patient destroyed', async () => {
    const { fhir, bob } = scene
    const id = 'erased'
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))
    const { entry = [] } = (await fhir('GET', `/Provenance?target=Observation/${id}`)).json as Bundle
    const record = (entry[0]?.resource?.id ?? '').split('.')[0] as never
    const { commitment } = await bob.read(record)
    await bob.erase(record, commitment.ehrHash)
    const gone = await fhir('GET', `/Observation/${id}`)
    assert.deepEqual([gone.status, codeOf(gone)], [410, 'FHIR_GONE'])
    assert.deepEqual(idsOf(await fhir('GET', `/Observation?_id=${id}`)), [])
    // The name is free for a new record.
    const again = await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 2, { id }))
    assert.deepEqual([again.status, again.headers.get('etag')], [201, 'W/"1"'])
  })

  it('creates once under a condition', async () => {
    const { fhir, bob } = scene
    const body = hba1c(bob.ref, 5, { identifier: [{ system: 'urn:lab', value: 'once' }] })
    const condition = { 'if-none-exist': 'identifier=urn:lab|once' }
    const all = await Promise.all([1, 2, 3].map(() => fhir('POST', '/Observation', body, condition)))
    assert.deepEqual(
      all.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 200, 201],
    )
    assert.equal(new Set(all.map(idOf)).size, 1)
    await fhir('POST', '/Observation', body)
    const two = await fhir('POST', '/Observation', body, condition)
    assert.deepEqual([two.status, codeOf(two)], [412, 'FHIR_MULTIPLE_MATCHES'])
    const none = await fhir('POST', '/Observation', body, { 'if-none-exist': '' })
    assert.equal(none.status, 201)
    const unknown = await fhir('POST', '/Observation', body, { 'if-none-exist': 'colour=red' })
    assert.deepEqual([unknown.status, codeOf(unknown)], [400, 'FHIR_SEARCH_INVALID'])
  })

  it('updates and deletes by condition', async () => {
    const { fhir, bob } = scene
    const query = 'identifier=urn:lab|conditional'
    const body = hba1c(bob.ref, 6, { identifier: [{ system: 'urn:lab', value: 'conditional' }] })
    const first = await fhir('PUT', `/Observation?${query}`, body)
    assert.equal(first.status, 201)
    const second = await fhir('PUT', `/Observation?${query}`, { ...body, id: idOf(first) })
    assert.deepEqual([second.status, second.headers.get('etag')], [200, 'W/"2"'])
    assert.equal((await fhir('DELETE', `/Observation?${query}`)).status, 204)
    assert.equal((await fhir('GET', `/Observation/${idOf(first)}`)).status, 410)
    assert.equal((await fhir('DELETE', '/Observation')).status, 400)
  })

  it('finds what doctors stored without it', async () => {
    const { fhir, world, bob } = scene
    const alice = await world.doctor('alice')
    const { warrant } = await world.permit(bob, [alice])
    const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: labResult(51) })
    const found = await fhir('GET', `/Observation?patient=${bob.ref}&value-quantity=51`)
    assert.deepEqual(idsOf(found), [recordId])
    assert.equal((await fhir('GET', `/Observation/${recordId}`)).status, 200)
  })

  it('keeps what is about no patient in the hospital’s own store, with versions', async () => {
    const { fhir } = scene
    const place = (name: string) => ({ resourceType: 'Location', id: 'ward', name })
    assert.equal((await fhir('PUT', '/Location/ward', place('A'))).status, 201)
    assert.equal((await fhir('PUT', '/Location/ward', place('B'))).headers.get('etag'), 'W/"2"')
    assert.deepEqual(idsOf(await fhir('GET', '/Location?name=b')), ['ward'])
    assert.equal((await fhir('GET', '/Location/ward/_history')).status, 200)
    const verified = await fhir('GET', '/Location/ward/$verify')
    assert.deepEqual([verified.status, codeOf(verified)], [405, 'FHIR_NOT_SUPPORTED'])
  })

  it('stores for a patient only after the patient has registered and allowed it', async () => {
    const { fhir, world } = scene
    const patient = {
      resourceType: 'Patient',
      id: 'carol',
      name: [{ family: 'Meyer', given: ['Carol'] }],
      birthDate: '1970-05-01',
    }
    assert.equal((await fhir('PUT', '/Patient/carol', patient)).status, 201)
    const early = await fhir('POST', '/Observation', hba1c('carol', 1))
    assert.deepEqual([early.status, codeOf(early)], [422, 'FHIR_PATIENT_NOT_REGISTERED'])
    const { json } = await fhir('POST', '/Patient/carol/$invite')
    // Asked for again, the first code stays good.
    assert.equal((await fhir('POST', '/Patient/carol/$invite')).status, 200)
    const { parameter } = json as { readonly parameter: readonly { readonly valueString: string }[] }
    await registerWithCode(world, parameter[0]?.valueString ?? '')
    assert.equal((await fhir('POST', '/Observation', hba1c('carol', 1))).status, 201)
    assert.equal(idsOf(await fhir('GET', '/Observation?patient=carol')).length, 1)
    assert.deepEqual(idsOf(await fhir('GET', '/Patient?name=meyer')), ['carol'])
    const again = await fhir('POST', '/Patient/carol/$invite')
    assert.deepEqual([again.status, codeOf(again)], [405, 'FHIR_NOT_SUPPORTED'])
    // Registered, but without a permission for the hospital.
    const dave = await world.patient('dave')
    const refused = await fhir('POST', '/Observation', hba1c(dave.ref, 1))
    assert.deepEqual([refused.status, codeOf(refused)], [403, 'FHIR_PERMISSION_MISSING'])
    // A permission for medicines is none for laboratory results: the record server says so.
    await permitHospital(world, dave, ['medicine'])
    const other = await fhir('POST', '/Observation', hba1c(dave.ref, 1))
    assert.deepEqual([other.status, codeOf(other)], [403, 'WARRANT_SCOPE_EXCEEDED'])
    // With a permission that covers it, the same request is taken at once.
    await permitHospital(world, dave, ['medicine', 'lab'], 301)
    assert.equal((await fhir('POST', '/Observation', hba1c(dave.ref, 1))).status, 201)
  })

  it('takes a document of another server for the patient whom the request names', async () => {
    const { fhir, bob } = scene
    const scan = { resourceType: 'Binary', contentType: 'text/plain', data: Buffer.from('scan').toString('base64') }
    const created = await fhir('POST', '/Binary', scan, { 'x-trusthealth-patient': `Patient/${bob.ref}` })
    assert.equal(created.status, 201)
    const raw = await fhir('GET', `/Binary/${idOf(created)}`, undefined, { accept: '*/*' })
    assert.deepEqual([raw.text, raw.headers.get('content-security-policy')], ['scan', "sandbox; default-src 'none'"])
    assert.ok((await bob.records()).items.some(({ resourceType }) => resourceType === 'Binary'))
    const nobody = await fhir('POST', '/Binary', scan, { 'x-trusthealth-patient': 'Patient/nobody' })
    assert.deepEqual([nobody.status, codeOf(nobody)], [422, 'FHIR_UNRESOLVED_PATIENT'])
  })

  it('refuses to move a record to somebody else', async () => {
    const { fhir, bob } = scene
    const id = 'moving'
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))
    const moved = await fhir('PUT', `/Observation/${id}`, hba1c('carol', 1, { id }))
    assert.deepEqual([moved.status, codeOf(moved)], [400, 'FHIR_ID_MISMATCH'])
  })

  it('gives a patient’s whole story in pages', async () => {
    const { fhir, bob } = scene
    await fhir('PUT', '/Practitioner/house', { resourceType: 'Practitioner', id: 'house', name: [{ text: 'House' }] })
    await fhir('POST', '/Observation', hba1c(bob.ref, 9, { performer: [{ reference: 'Practitioner/house' }] }))
    const types = new Set<string>()
    let count = 0
    let url: string | undefined = `/Patient/${bob.ref}/$everything?_count=5`
    while (url !== undefined) {
      const { entry = [], link = [] } = (await fhir('GET', url)).json as Bundle
      count += entry.length
      for (const { resource } of entry) types.add(resource?.resourceType ?? '')
      url = link.find(({ relation }) => relation === 'next')?.url
    }
    const { total } = (await fhir('GET', `/Patient/${bob.ref}/$everything`)).json as Bundle
    assert.equal(count, total)
    assert.deepEqual([...types].toSorted(), ['Binary', 'Observation', 'Patient', 'Practitioner'])
  })

  it('tells who looked, as AuditEvents of IHE BALP', async () => {
    const { fhir, bob } = scene
    const id = 'looked-at'
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))
    await bob.records()
    await fhir('GET', `/Observation/${id}`)
    const { json } = await fhir('GET', `/AuditEvent?patient=${bob.ref}&entity=Observation/${id}&action=R`)
    const { entry = [] } = json as Bundle
    const event = entry[0]?.resource as unknown as {
      readonly meta: { readonly profile: readonly string[] }
      readonly outcome: string
      readonly agent: readonly { readonly who: { readonly reference?: string } }[]
    }
    assert.deepEqual(event.meta.profile, [
      'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead',
    ])
    assert.equal(event.outcome, '0')
    assert.equal(event.agent[0]?.who.reference, `Organization/${scene.world.hospitalRef('a')}`)
    const byBob = await fhir('GET', `/AuditEvent?patient=${bob.ref}&agent=Patient/${bob.ref}`)
    assert.ok(idsOf(byBob).length > 0)
    const name = idsOf(byBob)[0] ?? ''
    assert.equal((await fhir('GET', `/AuditEvent/${name}`)).status, 200)
    const written = await fhir('PUT', `/AuditEvent/${name}`, { resourceType: 'AuditEvent', id: name })
    assert.deepEqual([written.status, codeOf(written)], [405, 'FHIR_NOT_SUPPORTED'])
  })

  it('shows permissions as Consents, and takes a request for one, never one itself', async () => {
    const { fhir, bob, world } = scene
    const { json } = await fhir('GET', `/Consent?patient=${bob.ref}&status=active`)
    const [shown] = (json as Bundle).entry ?? []
    const consent = shown?.resource as ResourceName & Readonly<Record<string, unknown>>
    assert.match(consent.id, /^w-/)
    const { id: _id, meta: _meta, identifier: _identifier, dateTime: _time, ...terms } = consent
    const active = await fhir('POST', '/Consent', terms)
    assert.deepEqual([active.status, codeOf(active)], [422, 'FHIR_CONSENT_UNSIGNED'])
    const proposed = await fhir('POST', '/Consent', { ...terms, status: 'proposed' })
    assert.equal(proposed.status, 201)
    const asked = await fhir('GET', `/Consent/${idOf(proposed)}/$terms`)
    const { parameter } = asked.json as {
      readonly parameter: readonly { readonly name: string; readonly valueString?: string }[]
    }
    assert.equal(parameter.find(({ name }) => name === 'hospital')?.valueString, world.hospitalRef('a'))
    const odd = await fhir('POST', '/Consent', { ...terms, status: 'proposed', policyRule: { text: 'anything' } })
    assert.deepEqual([odd.status, codeOf(odd)], [422, 'FHIR_CONSENT_UNSUPPORTED'])
    // Access that Bob gives shows as well, and that he took it back.
    const alice = await world.doctor('alice')
    const given = await bob.giveAccess({
      grantee: alice.ref,
      scope: ['lab'],
      untilMs: world.clock.nowMs() + 86_400_000,
    })
    assert.equal((await fhir('GET', `/Consent/${given.jti}`)).status, 200)
    await bob.takeBack(given.jti)
    assert.deepEqual(idsOf(await fhir('GET', `/Consent?patient=${bob.ref}&status=inactive`)), [given.jti])
  })

  it('lets any client check a record: hash, ledger, receipt', async () => {
    const { fhir, bob, world } = scene
    const id = 'provable'
    await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 1, { id }))
    const found = await fhir('GET', `/Observation?_id=${id}&_revinclude=Provenance:target`)
    const { entry = [] } = found.json as Bundle
    const provenance = entry.find(({ search }) => search?.mode === 'include')?.resource as unknown as {
      readonly extension: readonly {
        readonly url: string
        readonly valueString?: string
        readonly extension?: readonly { readonly url: string; readonly valueString?: string }[]
      }[]
      readonly entity: readonly { readonly what: { readonly reference: string } }[]
      readonly signature: readonly { readonly data: string }[]
    }
    const commitment = Object.fromEntries(
      (provenance.extension[0]?.extension ?? []).map(({ url, valueString }) => [url, valueString]),
    )
    const bytes = await fhir('GET', `/${provenance.entity[0]?.what.reference ?? ''}`, undefined, { accept: '*/*' })
    const { ehrHash } = await import('../../shared/protocol/src/index.ts')
    const salt = Buffer.from(commitment['salt'] ?? '', 'hex')
    const hash = Buffer.from(ehrHash(world.crypto, new Uint8Array(salt), encodeUtf8(bytes.text))).toString('hex')
    assert.equal(hash, commitment['ehrHash'])
    const places = await bob.ledgerEntries()
    assert.ok(places.some(({ batchId }) => batchId === commitment['batchId']))
    const receipt = Buffer.from(provenance.signature[0]?.data ?? '', 'base64').toString()
    assert.equal(receipt.split('.').length, 3)
  })

  it('lets nobody in without a token', async () => {
    for (const authorization of ['', 'Bearer wrong', 'Basic eDp5']) {
      const answer = await asker(scene.base, authorization)('GET', '/Patient')
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'REQUEST_REJECTED'], authorization)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  })
})
