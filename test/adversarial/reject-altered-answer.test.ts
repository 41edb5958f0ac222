/**
 * What a record server could say that is not so, found by the reader alone: text, fingerprints, permission, place on the
 * ledger, log, receipt, an older version for the newest. The reader's ledger answers by another way.
 * docs/protocol/04 §4.5, §4.6, 06 §6.3, §6.4.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  CHECK_IDS,
  parseLedgerResult,
  verifyRecord,
  type CheckId,
  type RecordAnswer,
  type VerifyOptions,
} from '../../clients/sdk/src/index.ts'
import { decodeBase64url, encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { participantRecordShape } from '../../shared/ledger-model/src/index.ts'
import { newId, verifyReceipt } from '../../shared/protocol/src/index.ts'
import { logOrigin, signCheckpoint } from '../../shared/tlog/src/index.ts'
import { labResult, openScene, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
let honest: RecordAnswer
let options: VerifyOptions
before(async () => {
  scene = await openScene()
  const { world, bob, alice, warrant, stored } = scene
  await alice.correct(await alice.read(stored.recordId), bob.ref, labResult(48), warrant)
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(49) })
  await world.server.tee.request('anchor-now', {})
  honest = await bob.read(stored.recordId)
  const { hospital, ledger } = bob.options
  options = {
    crypto: world.crypto,
    ledger,
    serverRef: world.serverRef,
    patient: bob.ref,
    nowMs: () => world.clock.nowMs(),
    evidence: await bob.evidence(),
    findVersions: (record) => hospital.findRecord(bob.requestSigner, record),
    consistencyProof: (from, to) => bob.consistencyProof(from, to),
  }
})
after(() => scene?.world.close())

/** Flips a bit. */
function altered(bytes: Uint8Array, place = 3): Uint8Array {
  const copy = bytes.slice()
  copy[place] = (copy[place] as number) ^ 1
  return copy
}

/** The check that fails, and its code; all others pass unless the text itself is wrong. */
async function failureOf(answer: RecordAnswer, change: Partial<VerifyOptions> = {}): Promise<readonly string[]> {
  const { checks } = await verifyRecord(answer, { ...options, ...change })
  return checks.filter(({ result }) => result !== 'pass').map(({ id, code, result }) => `${id} ${result} ${code}`)
}
const commitment = (change: Partial<RecordAnswer['commitment']>): RecordAnswer => ({
  ...honest,
  commitment: { ...honest.commitment, ...change },
})
const log = (change: Partial<RecordAnswer['log']>): RecordAnswer => ({ ...honest, log: { ...honest.log, ...change } })
const failed = (id: CheckId, code: string) => `${id} fail ${code}`

test('the honest answer passes every check', async () => {
  assert.deepEqual(await failureOf(honest), [])
  assert.equal((await verifyRecord(honest, options)).checks.length, CHECK_IDS.length)
})

test('another text, another salt, another record: nothing else is looked at', async () => {
  const mismatch = [failed('text', 'RECORD_HASH_MISMATCH')]
  assert.deepEqual(await failureOf({ ...honest, ehr: altered(honest.ehr) }), mismatch)
  assert.deepEqual(await failureOf({ ...honest, ehr: encodeUtf8('{}') }), mismatch)
  assert.deepEqual(await failureOf({ ...honest, salt: altered(honest.salt) }), mismatch)
  assert.deepEqual(await failureOf(commitment({ ehrHash: altered(honest.commitment.ehrHash) })), mismatch)
  assert.deepEqual(await failureOf({ ...honest, version: 1 }), [failed('text', 'COMMITMENT_MISMATCH')])
})

test('fingerprints that the ledger does not have so', async () => {
  const different = [failed('ledger', 'COMMITMENT_MISMATCH')]
  assert.deepEqual(await failureOf(commitment({ patientTag: altered(honest.commitment.patientTag) })), different)
  assert.deepEqual(await failureOf(commitment({ previous: altered(honest.commitment.previous) })), different)
  const nowhere = await failureOf(commitment({ batchId: newId(scene.world.crypto, 'b') }))
  for (const id of ['signature', 'permission', 'ledger'] as const) {
    assert.ok(nowhere.includes(failed(id, 'BATCH_NOT_FOUND')), id)
  }
  assert.ok((await failureOf(commitment({ index: 999 }))).includes(failed('ledger', 'COMMITMENT_MISMATCH')))
})

test('another author than the one who signed', async () => {
  const wei = await scene.world.doctor('wei')
  const failures = await failureOf({ ...honest, author: wei.ref })
  assert.ok(failures.includes(failed('signature', 'COMMIT_SIGNATURE_INVALID')))
  assert.ok(failures.includes(failed('permission', 'WARRANT_PARTY_MISMATCH')))
})

test('another permission, or the record of another patient', async () => {
  const { world, bob, alice } = scene
  const { warrant } = await world.permit(bob, [alice])
  assert.deepEqual(await failureOf({ ...honest, warrant }), [failed('permission', 'WARRANT_PARTY_MISMATCH')])
  const eve = await world.patient('eve')
  assert.deepEqual(await failureOf(honest, { patient: eve.ref }), [failed('permission', 'WARRANT_PARTY_MISMATCH')])
})

test('a log that does not have the record, or not there', async () => {
  const { log: place } = honest
  const wrong = [failed('log', 'LOG_PROOF_INVALID')]
  assert.deepEqual(await failureOf(log({ entry: altered(place.entry, place.entry.length - 1) })), wrong)
  assert.deepEqual(await failureOf(log({ index: place.index + 1 })), wrong)
  assert.deepEqual(await failureOf(log({ size: place.size + 1 })), wrong)
  assert.deepEqual(await failureOf(log({ proof: place.proof.slice(1) })), wrong)
  assert.deepEqual(await failureOf(log({ proof: place.proof.map((hash) => altered(hash)) })), wrong)
  assert.deepEqual(await failureOf(log({ index: place.size })), [failed('log', 'LOG_SIZE_INVALID')])
})

test('a checkpoint that the server did not sign, of another log, or no checkpoint', async () => {
  const { crypto, serverRef } = scene.world
  const { checkpoint } = honest.log
  const content = { origin: logOrigin(serverRef), size: honest.log.size, root: new Uint8Array(32), extensions: [] }
  const stranger = crypto.generateSigningKey()
  const forged = signCheckpoint(crypto, stranger, content)
  assert.deepEqual(await failureOf(log({ checkpoint: forged })), [failed('log', 'LOG_SIGNATURE_MISSING')])
  // The real signature under another root.
  const [signatureLine] = checkpoint.split('\n').filter((line) => line.startsWith('—'))
  const [, , , ...rest] = forged.split('\n')
  assert.ok(signatureLine !== undefined && rest.length > 0)
  const moved = `${forged.split('\n').slice(0, 3).join('\n')}\n\n${signatureLine}\n`
  assert.deepEqual(await failureOf(log({ checkpoint: moved })), [failed('log', 'LOG_SIGNATURE_INVALID')])
  const renamed = signCheckpoint(crypto, stranger, { ...content, origin: 'trusthealth/another' })
  assert.deepEqual(await failureOf(log({ checkpoint: renamed })), [failed('log', 'LOG_SIGNATURE_MISSING')])
  assert.deepEqual(await failureOf(log({ checkpoint: 'no note' })), [failed('log', 'LOG_CHECKPOINT_MALFORMED')])
})

test('a log that is not the one whose checkpoint the ledger has', async () => {
  const { world, bob, alice, warrant } = scene
  // Nothing more is anchored: the log goes on from what the ledger has.
  world.hooks.submit = () => Promise.reject(Object.assign(new Error('kept'), { code: 'LEDGER_UNAVAILABLE' }))
  const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: labResult(50) })
  const answer = await bob.read(recordId)
  const proof = (change: (hashes: readonly Uint8Array[]) => readonly Uint8Array[]) => ({
    consistencyProof: async (from: number, to: number) => change(await bob.consistencyProof(from, to)),
  })
  const otherHistory = await failureOf(
    answer,
    proof((hashes) => hashes.map((hash) => altered(hash))),
  )
  assert.deepEqual(otherHistory, [failed('log', 'LOG_NOT_CONSISTENT')])
  const tooLong = await failureOf(
    answer,
    proof((hashes) => [...hashes, new Uint8Array(32)]),
  )
  assert.deepEqual(tooLong, [failed('log', 'LOG_PROOF_INVALID')])
  world.beHonest()
})

test('an older version in the place of the newest', async () => {
  const { bob, stored } = scene
  const old = await bob.read(stored.recordId, { version: 1 })
  assert.deepEqual(await failureOf(old), [])
  const hidden = await failureOf({ ...old, latestVersion: 1 })
  assert.deepEqual(hidden, [failed('newest', 'STATE_ROLLED_BACK')])
})

test('what could not be checked is no pass', async () => {
  const { evidence: _evidence, findVersions: _find, consistencyProof: _proof, ...fewer } = options
  const { checks } = await verifyRecord(honest, fewer)
  const skipped = checks.filter(({ result }) => result === 'skip')
  assert.deepEqual(
    skipped.map(({ id, code }) => `${id} ${code}`),
    ['log', 'newest', 'server'].map((id) => `${id} CLIENT_CHECK_SKIPPED`),
  )
})

test('a receipt that was changed, is of another server or for another record', async () => {
  const { world, stored } = scene
  const { crypto, serverRef } = world
  const [answer] = await options.ledger.read([{ fn: 'participant', args: [serverRef] }])
  assert.ok(answer !== undefined)
  const { publicKey } = parseLedgerResult(answer, participantRecordShape)
  const key = crypto.importVerifyingKey(decodeBase64url(publicKey))
  verifyReceipt(crypto, stored.receipt, { server: serverRef, key })
  const [header = '', payload = '', signature = ''] = stored.receipt.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { block: number }
  const later = Buffer.from(JSON.stringify({ ...claims, block: claims.block + 1 })).toString('base64url')
  const check = (receipt: string, change: object = {}) =>
    Promise.resolve().then(() => verifyReceipt(crypto, receipt, { server: serverRef, key, ...change }))
  await assert.rejects(check([header, later, signature].join('.')), refusedWith('RECEIPT_INVALID'))
  await assert.rejects(check(`${header}.${payload}`), refusedWith('RECEIPT_INVALID'))
  await assert.rejects(check(stored.receipt, { server: `s-${'ab'.repeat(16)}` }), refusedWith('RECEIPT_INVALID'))
  await assert.rejects(check(stored.receipt, { commitment: honest.commitment }), refusedWith('RECEIPT_INVALID'))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 3)
})
