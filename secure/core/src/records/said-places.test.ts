/** An author says where its fingerprints are: what is taken at once, and what is not believed. */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { newId, type BatchId } from '../../../../shared/protocol/src/index.ts'
import { TaWorld, type Upload } from '../../../../testkit/src/ta-world.ts'
import type { SaidPlace } from './uploads.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor()
const patient = await world.patient()
const warrant = await world.warrant(patient, [doctor, world.hospital])
const session = await world.connect(doctor)

/** Effects of the application, `need` with what it asked. */
const seen: string[] = []
world.behaviour = async (effect, honest) => {
  seen.push(effect.fx === 'need' ? effect.queries.map(({ fn }) => fn).join() : effect.fx)
  await honest(effect)
}
beforeEach(() => seen.splice(0))

const make = (): Upload => world.upload(patient, { author: doctor, warrant })

function placeOf({ commitment: { recordId, version } }: Upload): SaidPlace {
  const [, , batchId, index, , block] =
    world.ledger.findCommitted(recordId, version) ?? assert.fail('not on the ledger')
  return { batchId, index, block }
}

const send = (upload: Upload, place?: SaidPlace) =>
  session.request('record.store', {
    envelope: upload.envelope,
    ...(place === undefined ? {} : { place: { ...place } }),
  })

function claimsOf(receipt: unknown): { readonly batchId: BatchId; readonly index: number } {
  return JSON.parse(Buffer.from(String(receipt).split('.')[1] ?? '', 'base64url').toString()) as ReturnType<
    typeof claimsOf
  >
}

test('what the ledger shows there is stored in one round: one question, nothing to watch', async () => {
  const upload = make()
  await world.commit(upload)
  const place = placeOf(upload)
  const { receipt, log } = await send(upload, place)
  assert.deepEqual(seen, ['patientPolicy,commitmentLeaves,succession'])
  assert.deepEqual([claimsOf(receipt).batchId, claimsOf(receipt).index], [place.batchId, place.index])
  world.verifyLogProof(log, { record: upload.commitment.recordId, kind: 'store' })
  assert.equal((await world.ask('status', {})).waiting, 0)
})

test('a place of another fingerprint is not believed: the record waits, and is stored where its own are', async () => {
  const [stored, upload] = [make(), make()]
  await world.commit(stored)
  await send(stored, placeOf(stored))
  const sending = send(upload, placeOf(stored))
  await world.settle()
  assert.equal((await world.ask('status', {})).waiting, 1)
  await world.commit(upload)
  assert.equal(claimsOf((await sending)['receipt']).batchId, placeOf(upload).batchId)
})

test('a place that is not on the ledger refuses nobody, not even who asks in the same question', async () => {
  const [lost, other] = [make(), make()]
  await world.commit(other)
  const nowhere = { batchId: newId(world.crypto, 'b'), index: 999, block: 1 }
  seen.splice(0)
  const waiting = send(lost, nowhere)
  const { receipt } = await send(other, placeOf(other))
  assert.equal(claimsOf(receipt).batchId, placeOf(other).batchId)
  assert.equal(seen.filter((asked) => asked.includes('commitmentLeaves')).length, 1, 'they shared one question')
  await world.commit(lost)
  await waiting
})

test('a block that the organisations have not vouched for is not written into a receipt', async () => {
  const upload = make()
  await world.commit(upload)
  const place = placeOf(upload)
  const { receipt } = await send(upload, { ...place, block: place.block + 1_000 })
  assert.ok(seen.includes('watch'))
  assert.equal((claimsOf(receipt) as unknown as SaidPlace).block, place.block)
})

test('many: each from the place of the first on; what stands elsewhere waits for itself', async () => {
  const hospital = await world.connect(world.hospital)
  const uploads = Array.from({ length: 3 }, () => world.upload(patient, { author: world.hospital, warrant }))
  await world.commit(...uploads)
  const [first, second, third] = uploads as [Upload, Upload, Upload]
  const place = { ...placeOf(first) }
  // In another order than they were signed in: the middle one only is where it is said to be.
  const envelopes = [third, second, first].map(({ envelope }) => envelope)
  const { results } = await hospital.request('record.store-many', { envelopes, place })
  const indexes = (results as { receipt: unknown }[]).map(({ receipt }) => claimsOf(receipt).index)
  assert.deepEqual(indexes, [2, 1, 0])
})

test('MESSAGE_MALFORMED: a place past the end of every batch; the last one is asked for, and what follows it is not', async () => {
  const upload = make()
  await world.commit(upload)
  const { batchId, block } = placeOf(upload)
  await assert.rejects(send(upload, { batchId, index: 1_000, block }), { code: 'MESSAGE_MALFORMED' })
  const envelopes = [make(), make()].map(({ envelope }) => envelope)
  const sending = session.request('record.store-many', { envelopes, place: { batchId, index: 999, block } })
  await world.settle()
  assert.equal((await world.ask('status', {})).waiting, 2)
  sending.catch(() => undefined)
})
