/**
 * The host carries the ledger's answers to the trusted application and may lie about them in every way it can think of:
 * a revocation that happened cannot be hidden. Threat model T8; docs/protocol/07 §7.5, 08 §8.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { decodeEndorsedContent, endorseContent } from '../../shared/ledger-model/src/index.ts'
import {
  labResult,
  openScene,
  sendUnplaced,
  refusedWith,
  whileTimePasses,
  type EndorsedAnswers,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
let omar: DoctorClient
before(async () => {
  scene = await openScene()
  omar = await scene.world.doctor('omar', { hospital: 'b' })
})
afterEach(() => scene.world.beHonest())
after(() => scene?.world.close())

/** Gives access, reads once, takes it back; keeps what the ledger said while it stood. */
async function giveAndTakeBack(): Promise<EndorsedAnswers> {
  const { world, bob, stored } = scene
  let said: EndorsedAnswers | undefined
  world.hooks.endorsedReads = async (request, honest) => {
    said = await honest(request)
    return said
  }
  const untilMs = world.clock.nowMs() + 86_400_000
  const { jti } = await bob.giveAccess({ grantee: omar.ref, scope: ['*'], untilMs })
  await omar.read(stored.recordId)
  assert.ok(said !== undefined, 'the trusted application asked the ledger')
  const remembered = said
  await bob.takeBack(jti)
  return remembered
}

function isAboutPatients(queries: readonly { readonly fn: string }[]): boolean {
  return queries.some(({ fn }) => fn === 'patientPolicy')
}

test('an answer of before the revocation is refused: it carries another nonce', async () => {
  const { world, stored } = scene
  const old = await giveAndTakeBack()
  world.hooks.endorsedReads = (request, honest) =>
    isAboutPatients(request.queries) ? Promise.resolve(old) : honest(request)
  await assert.rejects(omar.read(stored.recordId), refusedWith('ENDORSEMENT_NONCE', 'ENDORSEMENT_MALFORMED'))
  world.beHonest()
  await assert.rejects(omar.read(stored.recordId), refusedWith('GRANT_REVOKED'))
})

test('the old answer with the new nonce written into it is refused: the signature is of other bytes', async () => {
  const { world, stored } = scene
  const old = await giveAndTakeBack()
  const forger = world.crypto.generateSigningKey()
  world.hooks.endorsedReads = async (request, honest) => {
    if (!isAboutPatients(request.queries)) return await honest(request)
    const fresh = await honest(request)
    return fresh.map((answers, i) =>
      answers.map((answer) => {
        const content = decodeEndorsedContent(answer.answer)
        if (content.fn !== 'patientPolicy') return answer
        const earlier = old.flat().find((one) => decodeEndorsedContent(one.answer).fn === 'patientPolicy')
        if (earlier === undefined) throw new Error('there was an answer')
        const { result } = decodeEndorsedContent(earlier.answer)
        const forged = endorseContent(world.crypto, forger, { ...content, result })
        return i % 2 === 0 ? forged : { answer: forged.answer, signature: answer.signature }
      }),
    )
  }
  await assert.rejects(omar.read(stored.recordId), refusedWith('ENDORSEMENT_SIGNATURE'))
})

test('an answer about somebody else is refused', async () => {
  const { world, bob, alice, stored } = scene
  const eve = await world.patient('eve')
  await giveAndTakeBack()
  world.hooks.endorsedReads = (request, honest) => {
    if (!isAboutPatients(request.queries)) return honest(request)
    const queries = request.queries.map((query) => ({
      ...query,
      args: query.args.map((text) => text.replaceAll(bob.ref, eve.ref)),
    }))
    return honest({ ...request, queries })
  }
  await assert.rejects(omar.read(stored.recordId), refusedWith('ENDORSEMENT_NONCE'))
  await assert.rejects(alice.read(stored.recordId), refusedWith('ENDORSEMENT_NONCE'))
})

test('no answer, too few answers and an empty list open nothing', async () => {
  const { world, alice, stored } = scene
  await alice.session.request('ping')
  const lies = [
    [(answers: EndorsedAnswers) => answers.map(() => []), 'ENDORSEMENT_QUORUM'],
    [() => [], 'LEDGER_UNAVAILABLE'],
  ] as const
  for (const [lie, code] of lies) {
    world.hooks.endorsedReads = async (request, honest) => lie(await honest(request))
    await assert.rejects(whileTimePasses(world, alice.read(stored.recordId)), refusedWith(code))
    world.beHonest()
  }
  await alice.read(stored.recordId)
})

test('a block that the reader knows of cannot be unseen', async () => {
  const { world, alice, stored } = scene
  const height = await world.ledger.ledger.height()
  // Fresh and signed, and of before the block that the client has seen.
  const answer = await alice.read(stored.recordId, { minHeight: height })
  assert.equal(answer.recordId, stored.recordId)
  world.hooks.endorsedReads = async (request, honest) => await honest(request)
  await assert.rejects(
    alice.read(stored.recordId, { minHeight: height + 1_000 }),
    refusedWith('ENDORSEMENT_STALE', 'LEDGER_UNAVAILABLE'),
  )
})

test('a hint that points at another record is not believed, and the right one still counts', async () => {
  const { world, bob, alice, warrant, stored } = scene
  const { batchId, index, txId, block } = stored.place
  let lies = 0
  world.hooks.effect = (effect, honest) => {
    if (effect.fx !== 'watch' || lies > 0) {
      honest(effect)
      return
    }
    lies++
    const items = effect.records.map(([record, version]) => [record, version, batchId, index, txId, block])
    void world.server.tee.request('committed', { items: items as never }).then(() => honest(effect))
  }
  const prepared = await alice.prepare({ patient: bob.ref, warrant, ehr: labResult(50) })
  const { receipt } = await sendUnplaced(alice, prepared)
  assert.equal(lies, 1)
  const claims = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString()) as { batchId: string }
  assert.notEqual(claims.batchId, batchId)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 2)
})
