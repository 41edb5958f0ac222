/**
 * Access that the patient did not give, that has not started, has ended, was taken back or does not reach a record,
 * opens nothing; nobody else takes it back. docs/protocol/03 §3.5, §3.6, 07 §7.2, 08 §8.1.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AccessTerms, DoctorClient } from '../../clients/sdk/src/index.ts'
import type { SigningKey } from '../../shared/crypto/src/index.ts'
import {
  issueGrant,
  issueRevocation,
  newId,
  type Grant,
  type GrantId,
  type WarrantId,
} from '../../shared/protocol/src/index.ts'
import { labResult, medication, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const HOUR_MS = 3_600_000
let scene: Scene
let omar: DoctorClient
before(async () => {
  scene = await openScene()
  omar = await scene.world.doctor('omar', { hospital: 'b' })
})
after(() => scene?.world.close())

const nowMs = () => scene.world.clock.nowMs()

function termsOf(change: Partial<Grant> = {}): Grant {
  const nbf = Math.floor(nowMs() / 1000) - 1
  return {
    jti: newId(scene.world.crypto, 'g'),
    iss: scene.bob.ref,
    grantee: omar.ref,
    scope: ['*'],
    records: [],
    fromMs: 0,
    toMs: 0,
    purpose: 'TREAT',
    nbf,
    exp: nbf + 3_600,
    ...change,
  }
}

const submit = (fn: string, statement: string) => {
  const { bob } = scene
  return bob.options.hospital.submitStatement(bob.requestSigner, fn, statement)
}

/** Gives access for an hour; takes it back after `work`. */
async function whileGiven(terms: Partial<AccessTerms>, work: () => Promise<void>): Promise<GrantId> {
  const { bob } = scene
  const { jti } = await bob.giveAccess({ grantee: omar.ref, scope: ['*'], untilMs: nowMs() + HOUR_MS, ...terms })
  await work()
  await bob.takeBack(jti)
  return jti
}

async function signersOtherThanBob(): Promise<Readonly<Record<string, SigningKey>>> {
  const { world } = scene
  await world.patient('eve')
  return {
    'the grantee': (await world.keysOf('omar')).keys.signingKey,
    'another patient': (await world.keysOf('eve')).keys.signingKey,
    'the hospital’s administrator': world.organization('a').admin.signingKey,
  }
}

test('access that somebody else signed is not taken by the ledger, and opens nothing', async () => {
  const { world, stored } = scene
  for (const [who, key] of Object.entries(await signersOtherThanBob())) {
    await assert.rejects(submit('grant', issueGrant(world.crypto, key, termsOf())), refusedWith('GRANT_INVALID'), who)
    await assert.rejects(omar.read(stored.recordId), refusedWith('ACCESS_DENIED'), who)
  }
})

test('a real statement with its terms changed is not taken; its id serves for no other terms', async () => {
  const { world } = scene
  const own = (await world.keysOf('bob')).keys.signingKey
  const terms = termsOf({ scope: ['imaging'] })
  const [header, , signature] = issueGrant(world.crypto, own, terms).split('.')
  const wider = Buffer.from(JSON.stringify({ ...terms, scope: ['*'] })).toString('base64url')
  await assert.rejects(submit('grant', [header, wider, signature].join('.')), refusedWith('GRANT_INVALID'))
  await submit('grant', issueGrant(world.crypto, own, terms))
  const again = issueGrant(world.crypto, own, { ...terms, scope: ['lab'] })
  await assert.rejects(submit('grant', again), refusedWith('GRANT_EXISTS'))
  await scene.bob.takeBack(terms.jti)
})

test('before its start and from its end on, access opens nothing', async () => {
  const { world, stored } = scene
  const fromMs = nowMs() + HOUR_MS
  await whileGiven({ fromMs, untilMs: fromMs + HOUR_MS }, async () => {
    await assert.rejects(omar.read(stored.recordId), refusedWith('GRANT_NOT_YET_VALID'))
    world.clock.advanceMs(HOUR_MS + 1_000)
    await omar.read(stored.recordId)
    world.clock.advanceMs(HOUR_MS + 1_000)
    await assert.rejects(omar.read(stored.recordId), refusedWith('GRANT_EXPIRED'))
    await assert.rejects(omar.list(scene.bob.ref), refusedWith('GRANT_EXPIRED'))
  })
})

test('another kind, record, date or purpose than was given for is refused', async () => {
  const { bob, alice, warrant, stored } = scene
  const medicine = await alice.store({ patient: bob.ref, warrant, ehr: medication() })
  const exceeded = refusedWith('GRANT_SCOPE_EXCEEDED')
  await whileGiven({ scope: ['lab'] }, async () => {
    await omar.read(stored.recordId)
    await assert.rejects(omar.read(medicine.recordId), exceeded)
    await assert.rejects(omar.read(stored.recordId, { purpose: 'HRESCH' }), exceeded)
  })
  await whileGiven({ records: [medicine.recordId] }, () => assert.rejects(omar.read(stored.recordId), exceeded))
  const laterMs = Date.UTC(2026, 11, 1)
  await whileGiven({ datesFromMs: laterMs }, () => assert.rejects(omar.read(stored.recordId), exceeded))
  await whileGiven({ purpose: 'HRESCH' }, () => assert.rejects(omar.read(stored.recordId), exceeded))
})

test('a record that was kept back is neither opened nor listed nor found, and the others are', async () => {
  const { bob, alice, warrant, stored } = scene
  const kept = await alice.store({ patient: bob.ref, warrant, ehr: labResult(7, scene.world.canary()) })
  await whileGiven({ except: [kept.recordId] }, async () => {
    await omar.read(stored.recordId)
    await assert.rejects(omar.read(kept.recordId), refusedWith('GRANT_SCOPE_EXCEEDED'))
    const listed = (await omar.list(bob.ref)).items.map(({ record }) => record)
    assert.ok(listed.includes(stored.recordId) && !listed.includes(kept.recordId))
    const found = (await omar.search({ patient: bob.ref, ehrType: 'lab' })).items.map(({ record }) => record)
    assert.ok(found.includes(stored.recordId) && !found.includes(kept.recordId))
    const [given] = (await bob.grants()).filter(({ revokedMs }) => revokedMs === null)
    assert.deepEqual(given?.except, [kept.recordId])
  })
})

test('access lets read, not write', async () => {
  const { world, bob, alice, warrant } = scene
  await whileGiven({}, async () => {
    await omar.list(bob.ref)
    const { envelope } = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(3, world.canary()) })
    const storing = omar.session.request('record.store', { envelope, kind: 'record' })
    await assert.rejects(storing, refusedWith('WARRANT_PARTY_MISMATCH'))
  })
})

test('what was taken back opens nothing from the next request on', async () => {
  const { stored } = scene
  await whileGiven({}, async () => void (await omar.read(stored.recordId)))
  await assert.rejects(omar.read(stored.recordId), refusedWith('GRANT_REVOKED'))
  await assert.rejects(omar.search({ patient: scene.bob.ref, text: 'HbA1c' }), refusedWith('GRANT_REVOKED'))
})

test('nobody else takes back; what was never given cannot be', async () => {
  const { world, bob, stored } = scene
  const { crypto } = world
  const own = (await world.keysOf('bob')).keys.signingKey
  const iat = Math.floor(nowMs() / 1000)
  const statement = (key: SigningKey, target: GrantId | WarrantId) =>
    issueRevocation(crypto, key, { jti: newId(crypto, 'v'), iss: bob.ref, target, iat })
  await whileGiven({}, async () => {
    const [given] = (await bob.grants()).filter(({ revokedMs }) => revokedMs === null)
    assert.ok(given !== undefined)
    for (const [who, key] of Object.entries(await signersOtherThanBob())) {
      const forged = submit('revokeGrant', statement(key, given.jti))
      await assert.rejects(forged, refusedWith('REVOCATION_INVALID'), who)
    }
    const otherFunction = submit('revokeWarrant', statement(own, given.jti))
    await assert.rejects(otherFunction, refusedWith('WARRANT_UNKNOWN'))
    await omar.read(stored.recordId)
  })
  await assert.rejects(submit('revokeGrant', statement(own, newId(crypto, 'g'))), refusedWith('GRANT_UNKNOWN'))
  await assert.rejects(submit('revokeWarrant', statement(own, newId(crypto, 'w'))), refusedWith('WARRANT_UNKNOWN'))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 3)
})
