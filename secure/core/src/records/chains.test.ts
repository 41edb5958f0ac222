import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  addLink,
  encodeChainUpload,
  makeCommitment,
  newRecordId,
  sealEnvelope,
  startChain,
  warrantHash,
  type Chain,
  type ChainLink,
  type Commitment,
  type PractitionerRef,
} from '../../../../shared/protocol/src/index.ts'
import type { TestIdentity } from '../../../../testkit/src/consortium.ts'
import { observation, TaWorld } from '../../../../testkit/src/ta-world.ts'

const world = await TaWorld.open()
after(() => world.close())
const group = [await world.doctor(), await world.doctor(), await world.doctor()] as const
const patient = await world.patient()
const warrant = await world.warrant(patient, group)
const [first, second, last] = group
const session = await world.connect(last)

/** A chain of the doctors, each with a record; `change` may spoil a link before it is signed. */
function chainOf(doctors: readonly TestIdentity<PractitionerRef>[], warrants: readonly string[] = []): Chain {
  const context = { patient: patient.ref, treatmentKey: world.treatmentKey(patient) }
  return doctors.reduce((chain, doctor, i) => {
    const link = {
      recordId: newRecordId(world.crypto, world.clock.nowMs()),
      author: doctor.ref,
      ehr: encodeUtf8(JSON.stringify(observation({ note: [{ text: `part ${i}` }] }))),
      salt: world.crypto.randomBytes(32),
      warrant: warrants[i] ?? warrant,
    }
    return addLink(world.crypto, chain, context, link, doctor.signingKey)
  }, startChain(world.crypto))
}

function envelopeOf(chain: Chain): Uint8Array {
  return sealEnvelope(world.crypto, world.treatmentKey(patient), patient.ref, 'chain', encodeChainUpload(chain))
}

function commitmentOf({ recordId, author, ehr, salt, warrant: jws }: ChainLink): Commitment {
  return makeCommitment(world.crypto, world.treatmentKey(patient), {
    recordId,
    version: 1,
    patient: patient.ref,
    author,
    ehr,
    salt,
    warrantHash: warrantHash(world.crypto, jws),
  })
}

async function commitAll(chain: Chain): Promise<void> {
  for (const link of chain.links) {
    const author = group.find(({ ref }) => ref === link.author)
    assert.ok(author !== undefined)
    await world.commit({ commitment: commitmentOf(link), author })
  }
}

const refused = (chain: Chain, code: string, link?: number, who: TestIdentity = last) =>
  assert.rejects(
    async () => (await world.connect(who)).request('record.store-chain', { envelope: envelopeOf(chain) }),
    { code, ...(link === undefined ? {} : { link }) },
  )

test('the last doctor stores for all: a receipt for each part, each readable', async () => {
  const chain = chainOf(group)
  const answered = session.request('record.store-chain', { envelope: envelopeOf(chain) })
  await world.settle()
  await commitAll(chain)
  const { receipts, log } = await answered
  assert.equal((receipts as readonly string[]).length, 3)
  for (const [i, proof] of (log as readonly unknown[]).entries()) {
    world.verifyLogProof(proof, { kind: 'chain', record: chain.links[i]?.recordId ?? '' })
  }
  const reader = await world.connect(patient)
  for (const { recordId, ehr, author } of chain.links) {
    const read = await reader.request('record.read', { record: recordId })
    assert.deepEqual([read['ehr'], read['author']], [ehr, author])
  }
})

test('repeating a stored chain gives its receipts again', async () => {
  const chain = chainOf(group)
  const answered = session.request('record.store-chain', { envelope: envelopeOf(chain) })
  await commitAll(chain)
  const payloads = (answer: Readonly<Record<string, unknown>>) =>
    (answer['receipts'] as readonly string[]).map((receipt) => receipt.split('.')[1])
  const before = await answered
  const { records } = await world.ask('status', {})
  const again = await session.request('record.store-chain', { envelope: envelopeOf(chain) })
  assert.deepEqual(payloads(again), payloads(before))
  assert.equal((await world.ask('status', {})).records, records)
})

test('a missing, moved, repeated or altered link is refused with its number', async () => {
  const chain = chainOf(group)
  const [a, b, c] = chain.links as readonly [ChainLink, ChainLink, ChainLink]
  await refused({ ...chain, links: [a, b] }, 'CHAIN_LINK_MISSING', 3)
  await refused({ ...chain, links: [a, c] }, 'CHAIN_LINK_MISSING', 2)
  await refused({ ...chain, links: [b, a, c] }, 'CHAIN_LINK_REORDERED', 1)
  await refused({ ...chain, links: [a, b, a] }, 'CHAIN_LINK_REPEATED', 3)
  const altered = { ...b, ehr: encodeUtf8(JSON.stringify(observation({ status: 'amended' }))) }
  await refused({ ...chain, links: [a, altered, c] }, 'CHAIN_LINK_ALTERED', 2)
})

test('only the last doctor of the chain stores it', async () => {
  await refused(chainOf(group), 'WARRANT_PARTY_MISMATCH', undefined, first)
})

test('the warrant of each link counts: its number is told', async () => {
  const nowSeconds = Math.floor(world.clock.nowMs() / 1000)
  const ended = await world.warrant(patient, group, { nbf: nowSeconds - 100, exp: nowSeconds })
  await refused(chainOf(group, [warrant, ended]), 'WARRANT_EXPIRED', 2)
  const unrecorded = await world.warrant(patient, group, { recorded: false })
  await refused(chainOf(group, [warrant, warrant, unrecorded]), 'WARRANT_NOT_RECORDED', 3)
})

test('a part that is not FHIR is refused with its number, and nothing of the chain is kept', async () => {
  const { records, waiting } = await world.ask('status', {})
  const context = { patient: patient.ref, treatmentKey: world.treatmentKey(patient) }
  for (const ehr of [encodeUtf8('nothing'), Uint8Array.of(0xff, 0xfe)]) {
    const link = {
      recordId: newRecordId(world.crypto, world.clock.nowMs()),
      author: last.ref,
      ehr,
      salt: world.crypto.randomBytes(32),
      warrant,
    }
    await refused(addLink(world.crypto, chainOf([first, second]), context, link, last.signingKey), 'RECORD_NOT_FHIR', 3)
  }
  const later = await world.ask('status', {})
  assert.deepEqual([later.records, later.waiting], [records, waiting])
})

test('a doctor of the group who was suspended is refused with the number of the link', async () => {
  const leaving = await world.doctor()
  const doctors = [leaving, last] as const
  const theirs = await world.warrant(patient, doctors)
  const chain = chainOf(doctors, [theirs, theirs])
  await world.ledger.submit(world.organizations[0].admin, 'suspendParticipant', [leaving.ref, 'left'])
  world.clock.advanceMs(5_000)
  await refused(chain, 'PARTICIPANT_SUSPENDED', 1)
})

test('one part without its commitment: COMMITMENT_MISSING with its number; the others are stored', async () => {
  const chain = chainOf([first, second, last])
  const answered = assert.rejects(session.request('record.store-chain', { envelope: envelopeOf(chain) }), {
    code: 'COMMITMENT_MISSING',
    link: 2,
  })
  await world.settle()
  const [a, b, c] = chain.links as readonly [ChainLink, ChainLink, ChainLink]
  await world.commit({ commitment: commitmentOf(a), author: first })
  await world.commit({ commitment: commitmentOf(c), author: last })
  await world.settle()
  world.clock.advanceMs(30_000)
  world.tick()
  await answered
  const reader = await world.connect(patient)
  assert.ok(await reader.request('record.read', { record: a.recordId }))
  await assert.rejects(reader.request('record.read', { record: b.recordId }), { code: 'ACCESS_DENIED' })
})
