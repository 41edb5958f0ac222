/**
 * The work of a group of doctors: a part left out, moved, doubled, changed, added by a stranger, or sent by another than
 * the last doctor is refused with its number, and nothing of it is stored. docs/protocol/04 §4.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import {
  addLink,
  encodeCbor,
  encodeChainUpload,
  issueWarrant,
  newId,
  newRecordId,
  newRef,
  startChain,
  type Chain,
  type ChainLink,
} from '../../shared/protocol/src/index.ts'
import { openScene, refusedWith, sealedBy, visitNote, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
let wei: DoctorClient
let ada: DoctorClient
let group: string
/** One id for all chains: only their links differ. */
let whole: Chain
before(async () => {
  scene = await openScene()
  const { world, bob, alice } = scene
  whole = startChain(world.crypto)
  wei = await world.doctor('wei')
  ada = await world.doctor('ada')
  group = (await world.permit(bob, [alice, wei, ada])).warrant
})
after(() => scene?.world.close())

interface Part {
  readonly by: string
  readonly text?: string
  readonly warrant?: string
}

/** Parts signed one after another, each by its own doctor, in the order given. */
async function chainOf(parts: readonly Part[]): Promise<readonly ChainLink[]> {
  const { world, bob, alice } = scene
  const context = { patient: bob.ref, treatmentKey: await alice.keyring.newest(bob.ref) }
  let chain: Chain = whole
  for (const { by, text = `part of ${by}`, warrant = group } of parts) {
    const doctor = await world.doctor(by)
    const recordId = newRecordId(world.crypto, world.clock.nowMs())
    const salt = world.crypto.randomBytes(32)
    const link = { recordId, author: doctor.ref, ehr: visitNote(text), salt, warrant }
    chain = addLink(world.crypto, chain, context, link, (await world.keysOf(by)).keys.signingKey)
  }
  return chain.links
}

async function send(links: readonly ChainLink[], by: DoctorClient = ada): Promise<unknown> {
  const { alice, bob } = scene
  const upload = encodeChainUpload({ ...whole, links })
  return await by.session.request('record.store-chain', {
    envelope: await sealedBy(alice, bob.ref, upload, 'chain'),
  })
}

/** For `assert.rejects`: the code and the number of the doctor's part. */
function atPart(number: number, code: string): (error: unknown) => true {
  return (error) => {
    refusedWith(code)(error)
    assert.equal((error as { link?: number }).link, number)
    return true
  }
}

test('a part left out, moved, or given twice is refused with its number', async () => {
  const [a, b, c] = (await chainOf([{ by: 'alice' }, { by: 'wei' }, { by: 'ada' }])) as [
    ChainLink,
    ChainLink,
    ChainLink,
  ]
  await assert.rejects(send([a, b]), atPart(3, 'CHAIN_LINK_MISSING'))
  await assert.rejects(send([a, c]), atPart(2, 'CHAIN_LINK_MISSING'))
  await assert.rejects(send([b, c]), atPart(1, 'CHAIN_LINK_MISSING'))
  await assert.rejects(send([b, a, c]), atPart(1, 'CHAIN_LINK_REORDERED'))
  await assert.rejects(send([a, c, b]), atPart(2, 'CHAIN_LINK_REORDERED'))
  await assert.rejects(send([a, b, b]), atPart(3, 'CHAIN_LINK_REPEATED'))
  await assert.rejects(send([a, b, { ...c, recordId: a.recordId }]), atPart(3, 'CHAIN_LINK_REPEATED'))
})

test('a part that was changed, or signed by another doctor, is refused with its number', async () => {
  const [a, b, c] = (await chainOf([{ by: 'alice' }, { by: 'wei' }, { by: 'ada' }])) as [
    ChainLink,
    ChainLink,
    ChainLink,
  ]
  const other = (await chainOf([{ by: 'alice', text: 'another first part' }])) as [ChainLink]
  await assert.rejects(send([a, { ...b, ehr: visitNote('changed') }, c]), atPart(2, 'CHAIN_LINK_ALTERED'))
  await assert.rejects(send([a, { ...b, salt: a.salt }, c]), atPart(2, 'CHAIN_LINK_ALTERED'))
  await assert.rejects(send([a, { ...b, signature: c.signature }, c]), atPart(2, 'CHAIN_LINK_ALTERED'))
  // Each signature covers all that came before: a first part of another chain breaks the second.
  await assert.rejects(send([other[0], b, c]), atPart(2, 'CHAIN_LINK_ALTERED'))
})

test('a stranger’s part is refused, in the middle, at the end and in place of a doctor', async () => {
  const { world, alice } = scene
  const mallory = await world.doctor('mallory')
  const [a, b, c] = (await chainOf([{ by: 'alice' }, { by: 'wei' }, { by: 'ada' }])) as [
    ChainLink,
    ChainLink,
    ChainLink,
  ]
  const theirs = { ...b, author: mallory.ref, recordId: newRecordId(world.crypto, world.clock.nowMs()) }
  await assert.rejects(send([a, theirs, c]), atPart(2, 'WARRANT_PARTY_MISMATCH'))
  await assert.rejects(send([a, theirs, b, c]), atPart(2, 'WARRANT_PARTY_MISMATCH'))
  await assert.rejects(send([a, b, c, theirs], mallory), atPart(4, 'WARRANT_PARTY_MISMATCH'))
  // The whole chain, but sent by another than its last doctor.
  await assert.rejects(send([a, b, c], alice), refusedWith('WARRANT_PARTY_MISMATCH'))
  await assert.rejects(send([a, b, c], mallory), refusedWith('WARRANT_PARTY_MISMATCH'))
})

test('the permission must be of the patient, on the ledger, and hold for every part', async () => {
  const { world, bob, alice, warrant: alone } = scene
  const nowS = Math.floor(world.clock.nowMs() / 1000)
  const terms = { jti: newId(world.crypto, 'w'), iss: bob.ref, doctors: [alice.ref, wei.ref, ada.ref] }
  const rest = { hospital: world.hospitalRef('a'), nbf: nowS - 1, exp: nowS + 600, scope: ['*'] as const, aux: '' }
  const sign = (key: Parameters<typeof issueWarrant>[1]) => issueWarrant(world.crypto, key, { ...terms, ...rest })
  const forged = sign((await world.keysOf('alice')).keys.signingKey)
  const unrecorded = sign((await world.keysOf('bob')).keys.signingKey)
  const all = (warrant: string) => ['alice', 'wei', 'ada'].map((by) => ({ by, warrant }))
  await assert.rejects(send(await chainOf(all(forged))), atPart(1, 'WARRANT_SIGNATURE_INVALID'))
  await assert.rejects(send(await chainOf(all(unrecorded))), atPart(1, 'WARRANT_NOT_RECORDED'))
  const mixed = await chainOf([{ by: 'alice' }, { by: 'wei', warrant: alone }, { by: 'ada' }])
  await assert.rejects(send(mixed), atPart(2, 'WARRANT_PARTY_MISMATCH'))
})

test('a group of one, and more parts than a chain may have, are refused', async () => {
  const { world, bob, alice, warrant: alone } = scene
  const context = { patient: bob.ref, treatmentKey: await alice.keyring.newest(bob.ref) }
  const one = await chainOf([{ by: 'alice' }])
  await assert.rejects(send([{ ...(one[0] as ChainLink), warrant: alone }], alice), refusedWith('MESSAGE_MALFORMED'))
  const link = one[0] as ChainLink
  const many = Array.from({ length: 17 }, () => ({ ...link, author: newRef(world.crypto, 'd') }))
  const upload = encodeCbor({ v: 1, chainId: whole.chainId, links: many })
  const envelope = await sealedBy(alice, context.patient, upload, 'chain')
  await assert.rejects(ada.session.request('record.store-chain', { envelope }), refusedWith('MESSAGE_MALFORMED'))
})

test('the hospital passes a group’s work on only from the doctor whose turn it is', async () => {
  const { world, bob, alice } = scene
  const mallory = await world.doctor('mallory')
  const chainId = await alice.startChain(bob.ref, visitNote('first part'), group)
  const envelope = await sealedBy(alice, bob.ref, new Uint8Array(8), 'chain')
  for (const who of [mallory, alice, ada]) {
    const passing = who.options.hospital.passChain(who.requestSigner, chainId, mallory.ref, envelope)
    await assert.rejects(passing, refusedWith('TEE_FORBIDDEN'))
  }
  const [turn] = await wei.chainTurns()
  assert.ok(turn !== undefined && turn.chainId === chainId)
  await assert.rejects(ada.addToChain(turn, visitNote('out of turn'), group), refusedWith('CHAIN_LINK_MISSING'))
  assert.deepEqual(await wei.checkTurn(turn), [alice.ref, wei.ref, ada.ref])
  const links = turn.chain.links.map((link) => ({ ...link, ehr: visitNote('other words') }))
  const altered = { ...turn, chain: { ...turn.chain, links } }
  await assert.rejects(wei.checkTurn(altered), { code: 'CHAIN_LINK_ALTERED', link: 1 })
  const noResource = {
    ...turn,
    chain: { ...turn.chain, links: links.map((link) => ({ ...link, ehr: new Uint8Array(1) })) },
  }
  await assert.rejects(wei.checkTurn(noResource), { link: 1 })
  const [policy] = await wei.policies([bob.ref])
  assert.ok(policy?.warrants.some(({ doctors }) => doctors.includes(wei.ref)))
})

test('nothing of all that was stored', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
