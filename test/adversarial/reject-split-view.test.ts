/**
 * A record server that shows two logs: one to Hospital A, another to Hospital B, from two copies of one store with the
 * server's own key. Each hospital alone sees nothing wrong; no receipt of either log gets both cosignatures, and what one
 * hospital saw convicts the other log. docs/protocol/06 §6.5, §6.11.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { readWitnesses, verifyWitnessed, witnessMajority, type KnownWitness } from '../../clients/sdk/src/index.ts'
import { decodeBase64url } from '../../shared/crypto/src/index.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'
import { formatNote, formatWitnessRequest, logOrigin, parseCheckpoint, parseNote } from '../../shared/tlog/src/index.ts'
import {
  copyServerFiles,
  labResult,
  openScene,
  otherServer,
  refusedWith,
  transportTo,
  type HostHooks,
  type Scene,
} from '../../testkit/src/world/index.ts'

const FOUND_OUT = ['LOG_NOT_CONSISTENT', 'LOG_PROOF_INVALID', 'CHECKPOINT_FORKED', 'LOG_SIZE_INVALID']
let scene: Scene
let clone: ReturnType<typeof otherServer>
let witnesses: readonly KnownWitness[]
const hooks: HostHooks = {}
/** Checkpoints that each copy showed, with the hospital's cosignature. */
let shownToA = ''
let shownToB = ''

before(async () => {
  scene = await openScene()
  const { world } = scene
  const { ledger } = world.hospital('a').options
  witnesses = await readWitnesses(world.crypto, ledger, ['HospitalA', 'HospitalB'] as MspId[])
})
after(async () => {
  await clone?.stop()
  await scene?.world.close()
})

const serverKeys = () => {
  const { crypto, serverRef } = scene.world
  return [{ name: logOrigin(serverRef), key: crypto.importVerifyingKey(decodeBase64url(keyOfServer)) }]
}
let keyOfServer = ''

async function get(url: string): Promise<string> {
  const answer = await fetch(url)
  const text = await answer.text()
  if (answer.status !== 200) throw Object.assign(new Error('refused'), JSON.parse(text) as object)
  return text
}

async function proof(url: string, from: number, to: number): Promise<Uint8Array[]> {
  const answer = JSON.parse(await get(`${url}/v1/proof?from=${from}&to=${to}`)) as { proof: string[] }
  return answer.proof.map(decodeBase64url)
}

/** The note as it was offered: with the log's own line only. */
const onlyLog = (note: string) => formatNote({ ...parseNote(note), signatures: parseNote(note).signatures.slice(0, 1) })
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size

test('one log, honestly shown: both hospitals cosign it, and a receipt is completed with both', async () => {
  const { world, alice, stored } = scene
  keyOfServer = (JSON.parse(await get(`${world.server.url}/v1/status`)) as { identityKey: string }).identityKey
  // On a slow machine another checkpoint may be offered meanwhile.
  while ((await world.lookAtLog('a')) !== (await world.lookAtLog('b')));
  const cosigned = await get(`${world.server.url}/v1/checkpoint/cosigned?least=2`)
  await alice.read(stored.recordId)
  const later = await get(`${world.server.url}/v1/checkpoint`)
  const known = { crypto: world.crypto, serverRef: world.serverRef, serverKeys: serverKeys(), witnesses }
  const own = stored.log.checkpoint
  const toCosigned = await proof(world.server.url, sizeOf(own), sizeOf(cosigned))
  const all = { ...known, quorum: 2, checkpoint: own, cosigned, proof: toCosigned }
  assert.equal(verifyWitnessed(all).cosignatures.length, 2)
  assert.equal(witnessMajority(witnesses), 2)
  // A later receipt is not covered yet: that is no proof of anything.
  assert.ok(sizeOf(later) > sizeOf(cosigned))
  assert.throws(() => verifyWitnessed({ ...all, checkpoint: later, proof: [] }), refusedWith('WITNESS_TOO_FEW'))
  // One hospital twice is one.
  assert.throws(
    () => verifyWitnessed({ ...all, witnesses: witnesses.map((one) => ({ ...one, mspId: 'HospitalA' as MspId })) }),
    refusedWith('WITNESS_TOO_FEW'),
  )
  shownToA = cosigned
})

test('the server goes on with two logs: each hospital is shown one, and cosigns it', async () => {
  const { world, bob, alice, warrant } = scene
  await world.server.stop()
  copyServerFiles(world, 'clone')
  // The host keeps the checkpoints of both from the ledger, which would find one of them out.
  const kept = () => Promise.reject(Object.assign(new Error('kept'), { code: 'LEDGER_UNAVAILABLE' }))
  hooks.submit = kept
  world.hooks.submit = kept
  clone = otherServer(world, { name: 'clone', hooks })
  await world.server.start()
  await clone.start()
  await Promise.all([world.server.serving(), clone.serving()])
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(1) })
  const viaClone = await world.doctor('alice', {}, { transport: transportTo(clone) })
  await viaClone.store({ patient: bob.ref, warrant, ehr: labResult(2) })
  await world.lookAtLog('a')
  await world.lookAtLog('b', clone.url)
  shownToA = await get(`${world.server.url}/v1/checkpoint/cosigned?least=1`)
  shownToB = await get(`${clone.url}/v1/checkpoint/cosigned?least=1`)
  assert.notEqual(parseNote(shownToA).text, parseNote(shownToB).text)
})

test('no receipt of either log is completed: the other hospital refuses, and keeps both checkpoints', async () => {
  const { world } = scene
  await assert.rejects(world.lookAtLog('b'), refusedWith(...FOUND_OUT))
  await assert.rejects(world.lookAtLog('a', clone.url), refusedWith(...FOUND_OUT))
  for (const url of [world.server.url, clone.url]) {
    await assert.rejects(get(`${url}/v1/checkpoint/cosigned?least=2`), refusedWith('WITNESS_TOO_FEW'))
  }
})

test('a client that holds one log and meets the other hospital’s checkpoint knows', async () => {
  const { world } = scene
  const known = { crypto: world.crypto, serverRef: world.serverRef, serverKeys: serverKeys(), witnesses, quorum: 1 }
  const [older, newer] = sizeOf(shownToA) <= sizeOf(shownToB) ? [shownToA, shownToB] : [shownToB, shownToA]
  const between = await proof(newer === shownToA ? world.server.url : clone.url, sizeOf(older), sizeOf(newer))
  assert.throws(
    () => verifyWitnessed({ ...known, checkpoint: older, cosigned: newer, proof: between }),
    refusedWith('LOG_NOT_CONSISTENT', 'CHECKPOINT_FORKED'),
  )
})

test('a witness that was shown another log than the ledger refuses it', async () => {
  const { world, bob, alice, warrant } = scene
  delete world.hooks.submit
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(3) })
  const { epoch } = await world.server.tee.request('anchor-now', {})
  const call = { fn: 'checkpoint', args: [world.serverRef] }
  const onLedger = async () => (JSON.parse(await world.ledger.ledger.query(call)) as { epoch: number }).epoch
  while ((await onLedger()) < epoch) await setTimeout(20)
  await assert.rejects(world.lookAtLog('b', clone.url), refusedWith(...FOUND_OUT))
  const { conflicts } = JSON.parse(await get(`${world.hospitalUrl('b')}/v1/witness/${world.serverRef}`)) as {
    conflicts: { seen: string; offered: string }[]
  }
  assert.ok(conflicts.some(({ seen, offered }) => seen === onlyLog(shownToB) && sizeOf(offered) > 0))
})

test('a witness asked by hand follows the rules of C2SP', async () => {
  const { world } = scene
  const witness = `${world.hospitalUrl('a')}/v1/witness`
  const add = async (body: string, type = 'text/plain') => {
    const answer = await fetch(`${witness}/add-checkpoint`, { method: 'POST', headers: { 'content-type': type }, body })
    return [answer.status, (await answer.text()).trim(), answer.headers.get('content-type')] as const
  }
  const seen = sizeOf(shownToA)
  const same = { oldSize: seen, proof: [], checkpoint: shownToA }
  const [status, line] = await add(formatWitnessRequest(same))
  assert.equal(status, 200)
  assert.match(line, /^— h-[0-9a-f]{32} [A-Za-z0-9+/=]+$/)
  assert.deepEqual(await add(formatWitnessRequest({ ...same, oldSize: 1 })), [409, String(seen), 'text/x.tlog.size'])
  assert.equal((await add('old x\n\nnote'))[0], 400)
  assert.equal((await add(formatWitnessRequest({ ...same, oldSize: seen + 1 })))[0], 400)
  const proofOfNothing = [new Uint8Array(32)]
  assert.equal((await add(formatWitnessRequest({ ...same, proof: proofOfNothing })))[0], 422)
  const unknown = shownToA.replaceAll(world.serverRef, `s-${'0'.repeat(32)}`)
  assert.deepEqual((await add(formatWitnessRequest({ ...same, checkpoint: unknown }))).slice(0, 2), [
    404,
    'WITNESS_LOG_UNKNOWN',
  ])
  const unsigned = `${parseNote(shownToA).text}\n${shownToA.split('\n').find((one) => one.startsWith('— h-'))}\n`
  assert.equal((await add(formatWitnessRequest({ ...same, checkpoint: unsigned })))[0], 403)
  if (sizeOf(shownToB) === seen) {
    assert.equal((await add(formatWitnessRequest({ ...same, checkpoint: shownToB })))[0], 409)
  }
})

test('the record server keeps no line that is of nobody', async () => {
  const { world } = scene
  const post = async (body: string) => {
    const answer = await fetch(`${world.server.url}/v1/cosignatures`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
    })
    return ((await answer.json()) as { code?: string }).code
  }
  const offered = await get(`${world.server.url}/v1/checkpoint/offered`)
  assert.equal(await post(offered), 'WITNESS_REJECTED')
  // Cosigned, but of another log than is offered here.
  assert.equal(await post(shownToB), 'WITNESS_REJECTED')
  assert.equal(await post('no note'), 'LOG_CHECKPOINT_MALFORMED')
})
