/** A Consent of a grant shows what the grant gives, no more: named records, what is kept back, dates, and sanctions. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import type { RecordId } from '../../shared/protocol/src/index.ts'
import { certify } from '../../testkit/src/world/by-hand.ts'
import { hba1c, idsOf, openFhirScene, type FhirScene } from './scene.ts'

const DAY_MS = 86_400_000
const RECORD_SYSTEM = 'https://trusthealth.example/fhir/record'

interface Data {
  readonly meaning: string
  readonly reference: { readonly reference?: string; readonly identifier: { readonly system: string; value: string } }
}

interface Provision {
  readonly type: string
  readonly actor?: readonly { readonly reference: { readonly identifier: { readonly value: string } } }[]
  readonly data?: readonly Data[]
  readonly dataPeriod?: { readonly start?: string; readonly end?: string }
  readonly provision?: readonly Provision[]
}

describe('Consents of grants', () => {
  let scene: FhirScene
  let alice: DoctorClient
  const records = new Map<string, RecordId>()

  before(async () => {
    scene = await openFhirScene()
    const { world, bob, fhir } = scene
    alice = await world.doctor('alice')
    for (const id of ['shown', 'kept']) {
      assert.equal((await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, 47, { id }))).status, 201)
      const [of] = idsOf(await fhir('GET', `/Provenance?target=Observation/${id}`))
      records.set(id, of?.split('.')[0] as RecordId)
    }
  })
  after(() => scene[Symbol.asyncDispose]())

  const give = async (more: object) => {
    const { bob, world } = scene
    const terms = { grantee: alice.ref, scope: ['lab'], untilMs: world.clock.nowMs() + DAY_MS, ...more }
    const { jti } = await bob.giveAccess(terms)
    return jti
  }
  const consentOf = async (jti: string) => {
    const { json } = await scene.fhir('GET', `/Consent/${jti}`)
    return json as { readonly status: string; readonly provision: Provision }
  }
  const record = (id: string) => records.get(id) as RecordId
  const named = (id: string): Data => ({
    meaning: 'instance',
    reference: { reference: `Observation/${id}`, identifier: { system: RECORD_SYSTEM, value: record(id) } },
  })

  it('a grant of everything of a kind names no record and has no exception', async () => {
    const jti = await give({})
    const { status, provision } = await consentOf(jti)
    assert.equal(status, 'active')
    assert.equal(provision.type, 'permit')
    assert.deepEqual([provision.data, provision.dataPeriod, provision.provision], [undefined, undefined, undefined])
    await scene.bob.takeBack(jti)
  })

  it('what the patient keeps back is a nested provision that denies, and the record server refuses it', async () => {
    const jti = await give({ except: [record('kept')] })
    const { provision } = await consentOf(jti)
    assert.equal(provision.type, 'permit')
    assert.deepEqual(provision.provision, [{ type: 'deny', data: [named('kept')] }])
    assert.equal((await alice.read(record('shown'))).recordId, record('shown'))
    await assert.rejects(alice.read(record('kept')), { code: 'GRANT_SCOPE_EXCEEDED' })
    await scene.bob.takeBack(jti)
  })

  it('a grant of single records names each, and is found by it', async () => {
    const jti = await give({ records: [record('shown')] })
    const { provision } = await consentOf(jti)
    assert.deepEqual(provision.data, [named('shown')])
    assert.equal(provision.provision, undefined)
    assert.deepEqual(idsOf(await scene.fhir('GET', '/Consent?data=Observation/shown&status=active')), [jti])
    assert.deepEqual(idsOf(await scene.fhir('GET', '/Consent?data=Observation/kept&status=active')), [])
    await scene.bob.takeBack(jti)
  })

  it('a record that has no resource here is named by its id alone', async () => {
    const unknown = `r-${'5'.repeat(32)}` as RecordId
    const jti = await give({ except: [unknown] })
    const { provision } = await consentOf(jti)
    assert.deepEqual(provision.provision?.[0]?.data, [
      { meaning: 'instance', reference: { identifier: { system: RECORD_SYSTEM, value: unknown } } },
    ])
    await scene.bob.takeBack(jti)
  })

  it('limits of the clinical date are the period of the data', async () => {
    const datesFromMs = Date.UTC(2026, 0, 1)
    const open = await give({ datesFromMs })
    assert.deepEqual((await consentOf(open)).provision.dataPeriod, { start: '2026-01-01T00:00:00.000Z' })
    const closed = await give({ datesFromMs, datesToMs: datesFromMs + DAY_MS })
    const { dataPeriod } = (await consentOf(closed)).provision
    assert.deepEqual(dataPeriod, { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' })
    for (const jti of [open, closed]) await scene.bob.takeBack(jti)
  })

  it('a grant to somebody who was reported for misuse is not active', async () => {
    const { world } = scene
    const jti = await give({})
    assert.equal((await consentOf(jti)).status, 'active')
    const report = JSON.stringify({ subject: alice.ref, code: 'other', evidence: [] })
    const hospital = await certify(world, 'hospital', { registered: true })
    await submitCall(world.ledger.ledger, hospital.ledger, { fn: 'reportMisuse', args: [report] })
    await assert.rejects(alice.read(record('shown')), { code: 'PARTICIPANT_SUSPENDED' })
    const { status, provision } = await consentOf(jti)
    assert.equal(status, 'inactive')
    assert.deepEqual(
      provision.provision?.map(({ type, actor }) => [type, actor?.[0]?.reference.identifier.value]),
      [['deny', alice.ref]],
    )
  })
})
