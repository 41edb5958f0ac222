/**
 * Uploads that are not what they must be, refused in the order of docs/protocol/04 §4.3, from the envelope to the ledger;
 * and fingerprints that the ledger does not take (07 §7.2) or that are not of the record (04 §4.1).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeBase64url, encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { encodeCommitGroups } from '../../shared/ledger-model/src/index.ts'
import {
  batchSigningInput,
  commitmentToJson,
  deriveTreatmentKey,
  encodeCbor,
  encodeRecordUpload,
  issueWarrant,
  newId,
  newRecordId,
  sealEnvelope,
  type Commitment,
} from '../../shared/protocol/src/index.ts'
import {
  certify,
  handmadeUpload,
  labResult,
  openScene,
  refusedWith,
  sealedBy,
  storeEnvelope,
  whileTimePasses,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

const record = (value = 5) => {
  const { bob, warrant, world } = scene
  return { patient: bob.ref, warrant, ehr: labResult(value, world.canary()) }
}
const refused = (envelope: Uint8Array, code: string) =>
  assert.rejects(storeEnvelope(scene.alice, envelope), refusedWith(code))
const handmade = (change: Parameters<typeof handmadeUpload>[2]) => handmadeUpload(scene.alice, record(), change)

test('an envelope of a key that the server does not have, of another kind, or with a bit flipped', async () => {
  const { world, bob, alice } = scene
  const upload = encodeRecordUpload((await handmade({})).upload)
  const wrong = deriveTreatmentKey(world.crypto, world.crypto.randomBytes(32), 1)
  await refused(sealEnvelope(world.crypto, wrong, bob.ref, 'record', upload), 'ENVELOPE_REJECTED')
  const later = deriveTreatmentKey(world.crypto, world.crypto.randomBytes(32), 9)
  await refused(sealEnvelope(world.crypto, later, bob.ref, 'record', upload), 'TREATMENT_KEY_UNKNOWN')
  await refused(await sealedBy(alice, bob.ref, upload, 'chain'), 'ENVELOPE_REJECTED')
  const { envelope } = await handmade({})
  for (const place of [envelope.length - 1, envelope.length - 40, Math.floor(envelope.length / 2)]) {
    const altered = envelope.slice()
    altered[place] = (altered[place] as number) ^ 1
    await refused(altered, 'ENVELOPE_REJECTED')
  }
})

test('an envelope of one patient does not serve for another', async () => {
  const { world, bob, alice } = scene
  const eve = await world.patient('eve')
  await world.permit(eve, [alice])
  const ofBob = await alice.keyring.newest(bob.ref)
  const upload = encodeRecordUpload((await handmade({})).upload)
  await refused(sealEnvelope(world.crypto, ofBob, eve.ref, 'record', upload), 'ENVELOPE_REJECTED')
  const { warrant } = await world.permit(bob, [alice])
  const toEve = await handmadeUpload(alice, { patient: eve.ref, warrant, ehr: labResult(6) })
  await assert.rejects(
    storeEnvelope(alice, toEve.envelope),
    refusedWith('WARRANT_PARTY_MISMATCH', 'WARRANT_SIGNATURE_INVALID'),
  )
})

test('content that is no CBOR, not an upload, or too large', async () => {
  const { alice, bob } = scene
  await refused(await sealedBy(alice, bob.ref, encodeUtf8('{"resourceType":"Observation"}')), 'CBOR_MALFORMED')
  await refused(await sealedBy(alice, bob.ref, encodeCbor({ v: 1 })), 'MESSAGE_MALFORMED')
  const { v: _v, ...upload } = { v: 1, ...(await handmade({})).upload }
  await refused(await sealedBy(alice, bob.ref, encodeCbor({ v: 2, ...upload })), 'MESSAGE_MALFORMED')
  await refused(await sealedBy(alice, bob.ref, encodeCbor({ v: 1, ...upload, extra: 1 })), 'MESSAGE_MALFORMED')
  const large = new Uint8Array(4 * 2 ** 20 + 1)
  await refused(await sealedBy(alice, bob.ref, encodeCbor({ v: 1, ...upload, ehr: large })), 'RECORD_TOO_LARGE')
})

test('a permission that is none, that is not on the ledger, or does not cover the kind', async () => {
  const { world, bob, alice } = scene
  await refused((await handmade({ warrant: 'e30.e30.e30' })).envelope, 'STATEMENT_MALFORMED')
  const nowS = Math.floor(world.clock.nowMs() / 1000)
  const unrecorded = issueWarrant(world.crypto, (await world.keysOf('bob')).keys.signingKey, {
    jti: newId(world.crypto, 'w'),
    iss: bob.ref,
    doctors: [alice.ref],
    hospital: world.hospitalRef('a'),
    nbf: nowS - 1,
    exp: nowS + 600,
    scope: ['*'],
    aux: '',
  })
  await refused((await handmade({ warrant: unrecorded })).envelope, 'WARRANT_NOT_RECORDED')
  await assert.rejects(alice.presentWarrant(unrecorded), refusedWith('WARRANT_NOT_RECORDED'))
  const { warrant } = await world.permit(bob, [alice], { scope: ['imaging'] })
  await refused((await handmade({ warrant })).envelope, 'WARRANT_SCOPE_EXCEEDED')
})

test('a text that is no FHIR R4 resource', async () => {
  for (const text of ['', ' ', 'no JSON', '[]', '{"resourceType":"Invented"}', '{"resourceType":"Observation",}']) {
    const ehr = encodeUtf8(text)
    const code = ehr.length === 0 ? 'MESSAGE_MALFORMED' : 'RECORD_NOT_FHIR'
    const { v: _v, ...upload } = { v: 1, ...(await handmade({})).upload }
    const envelope = await sealedBy(scene.alice, scene.bob.ref, encodeCbor({ v: 1, ...upload, ehr }))
    await refused(envelope, code)
  }
  const deep = 100_000
  const nested = `{"resourceType":"Observation","a":${'['.repeat(deep)}${']'.repeat(deep)}}`
  await refused((await handmade({ ehr: encodeUtf8(nested) })).envelope, 'RECORD_NOT_FHIR')
  await refused((await handmade({ ehr: Uint8Array.of(0x22, 0xff, 0xfe, 0x22) })).envelope, 'RECORD_NOT_FHIR')
})

test('a version that does not follow, and an id that is taken', async () => {
  const { alice, bob, stored } = scene
  const { recordId } = stored
  const { commitment } = await alice.read(recordId)
  const previous = commitment.ehrHash
  await refused((await handmade({ recordId })).envelope, 'RECORD_ID_REUSED')
  await refused((await handmade({ recordId, version: 3, previous })).envelope, 'RECORD_VERSION_CONFLICT')
  const another = new Uint8Array(32).fill(1)
  await refused((await handmade({ recordId, version: 2, previous: another })).envelope, 'RECORD_VERSION_CONFLICT')
  await refused((await handmade({ version: 2, previous })).envelope, 'RECORD_VERSION_CONFLICT')
  assert.equal((await bob.records()).items.length, 1)
})

test('the ledger takes no fingerprint that its author did not sign, or whose tag is of another', async () => {
  const { world, bob, alice } = scene
  const wei = await world.doctor('wei')
  await world.permit(bob, [wei])
  const { commitment } = await alice.prepare(record())
  const commit = async (by: typeof alice, signedFor: typeof alice, items: readonly Commitment[]) => {
    const signature = await by.identity.signer.sign(batchSigningInput(world.crypto, signedFor.ref, items))
    return await by.options.hospital.commit(by.requestSigner, signature, items)
  }
  const other = (await alice.prepare(record(6))).commitment
  const signature = await alice.identity.signer.sign(batchSigningInput(world.crypto, alice.ref, [other]))
  const swapped = alice.options.hospital.commit(alice.requestSigner, signature, [commitment])
  await assert.rejects(swapped, refusedWith('COMMIT_SIGNATURE_INVALID'))
  await assert.rejects(commit(wei, alice, [commitment]), refusedWith('COMMIT_TAG_MISMATCH'))
  await assert.rejects(commit(wei, wei, [commitment]), refusedWith('COMMIT_TAG_MISMATCH'))
})

test('a batch id serves once; a place that no batch has is not found', async () => {
  const { world, alice, stored } = scene
  const { crypto } = world
  const groups = await Promise.all(
    [7, 8].map(async (value) => {
      const items = [(await alice.prepare(record(value))).commitment]
      const signature = await alice.identity.signer.sign(batchSigningInput(crypto, alice.ref, items))
      const json = items.map(commitmentToJson)
      return encodeCommitGroups([{ author: alice.ref, signature: encodeBase64url(signature), items: json }])
    }),
  )
  const { identity, keys } = await world.keysOf('alice')
  const cert = identity.credential.kind === 'x509' ? (identity.credential.chain[0] as Uint8Array) : new Uint8Array()
  const as = { mspId: identity.mspId, cert, signingKey: keys.signingKey }
  const { ledger } = world.ledger
  const batchId = newId(crypto, 'b')
  const submit = async (text: string) =>
    await ledger.submit(await ledger.prepare(as, { fn: 'commit', args: [batchId, text] }))
  await submit(groups[0] as string)
  await assert.rejects(submit(groups[1] as string), refusedWith('BATCH_DIFFERENT'))
  const query = (id: string, index: string) => ledger.query({ fn: 'commitment', args: [id, index] })
  await assert.rejects(query(newId(crypto, 'b'), '0'), refusedWith('BATCH_NOT_FOUND'))
  await assert.rejects(query(stored.place.batchId, '999'), refusedWith('BATCH_NOT_FOUND'))
})

test('a fingerprint that is on the ledger, sent again by somebody else, changes nothing', async () => {
  const { world, alice, bob, stored } = scene
  const { ledger } = world.ledger
  const batch = JSON.parse(await ledger.query({ fn: 'batch', args: [stored.place.batchId] })) as {
    groups: Parameters<typeof encodeCommitGroups>[0]
  }
  const hospital = await certify(world, 'hospital', { hospital: 'b', registered: true })
  const args = [newId(world.crypto, 'b'), encodeCommitGroups(batch.groups)]
  await ledger.submit(await ledger.prepare(hospital.ledger, { fn: 'commit', args }))
  const { checks } = await bob.verify(await alice.read(stored.recordId))
  assert.ok(checks.every(({ result }) => result === 'pass'))
  // Under another record's id it is another fingerprint, which Alice did not sign.
  const [group] = batch.groups
  const items =
    group?.items.map((item) => ({ ...item, recordId: newRecordId(world.crypto, world.clock.nowMs()) })) ?? []
  const moved = encodeCommitGroups([{ ...(group as (typeof batch.groups)[number]), items }])
  const proposal = await ledger.prepare(hospital.ledger, { fn: 'commit', args: [newId(world.crypto, 'b'), moved] })
  await assert.rejects(ledger.submit(proposal), refusedWith('COMMIT_SIGNATURE_INVALID'))
})

test('a text other than its fingerprint on the ledger gets no receipt; nor one without a fingerprint', async () => {
  const { world, alice } = scene
  const { envelope, upload } = await handmade({})
  const honest = await alice.prepare(record(9))
  // The fingerprint of another text under the same id stands on the ledger first.
  const commitment = { ...honest.commitment, recordId: upload.recordId }
  const signature = await alice.identity.signer.sign(batchSigningInput(world.crypto, alice.ref, [commitment]))
  await alice.options.hospital.commit(alice.requestSigner, signature, [commitment])
  await refused(envelope, 'COMMITMENT_MISMATCH')
  const nowhere = storeEnvelope(alice, (await handmade({})).envelope)
  await assert.rejects(whileTimePasses(world, nowhere), refusedWith('COMMITMENT_MISSING'))
})

test('after all that only what was stored is there', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
