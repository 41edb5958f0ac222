/**
 * The ledger's node, or the hospital that carries its answers, lies to a client: old, forged, foreign and missing answers
 * open nothing and verify nothing; blocks that were altered, left out, exchanged or signed by another are found by whoever
 * reads them. docs/protocol/07 §7.4, §7.5, §7.10.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  AuditorClient,
  readServerRegistration,
  verifyRecord,
  VerifyingLedgerReader,
  type FetchAnswers,
} from '../../clients/sdk/src/index.ts'
import {
  decodeBlock,
  decodeEndorsedContent,
  endorseContent,
  type EncodedBlock,
  type EndorsedAnswer,
} from '../../shared/ledger-model/src/index.ts'
import { openScene, refusedWith, type EndorsedAnswers, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

const honest: FetchAnswers = (queries, nonce, minHeight) =>
  scene.world.ledger.ledger.endorsedReads({ queries, nonce, ...(minHeight === undefined ? {} : { minHeight }) })

/** A client's reader of the ledger, with `lie` between it and the node. */
function readerOver(lie: (answers: EndorsedAnswers, nonce: Uint8Array) => EndorsedAnswers): VerifyingLedgerReader {
  const fetch: FetchAnswers = async (queries, nonce, minHeight) => lie(await honest(queries, nonce, minHeight), nonce)
  return new VerifyingLedgerReader(scene.world.crypto, scene.world.consortium, fetch, 'the ledger')
}

/** Each answer changed in the same way. */
const each = (change: (answer: EndorsedAnswer) => EndorsedAnswer) => (answers: EndorsedAnswers) =>
  answers.map((ofQuery) => ofQuery.map(change))

function flipped(bytes: Uint8Array, place: number): Uint8Array {
  const copy = bytes.slice()
  copy[place] = (copy[place] as number) ^ 1
  return copy
}

test('what is answered to somebody else, before, or about something else', async () => {
  const { world } = scene
  const old = await honest([{ fn: 'participant', args: [world.serverRef] }], world.crypto.randomBytes(32), undefined)
  const replayed = readServerRegistration(
    readerOver(() => old),
    world.serverRef,
  )
  await assert.rejects(replayed, refusedWith('ENDORSEMENT_NONCE'))
  const fetch: FetchAnswers = (_queries, nonce) => honest([{ fn: 'keysOf', args: [scene.bob.ref] }], nonce, undefined)
  const elsewhere = new VerifyingLedgerReader(world.crypto, world.consortium, fetch, 'the ledger')
  await assert.rejects(readServerRegistration(elsewhere, world.serverRef), refusedWith('ENDORSEMENT_NONCE'))
})

test('what nobody signed whom the client knows', async () => {
  const { crypto, serverRef } = scene.world
  const forger = crypto.generateSigningKey()
  const lies = {
    ENDORSEMENT_SIGNATURE: [
      each(({ answer }) => endorseContent(crypto, forger, decodeEndorsedContent(answer))),
      each(({ answer, signature }) => ({ answer, signature: flipped(signature, 7) })),
      each(({ answer, signature }) => {
        const content = decodeEndorsedContent(answer)
        const { answer: changed } = endorseContent(crypto, forger, {
          ...content,
          result: content.result.replace('active', 'gone'),
        })
        return { answer: changed, signature }
      }),
    ],
    ENDORSEMENT_MALFORMED: [
      each(({ signature }) => ({ answer: new Uint8Array(9), signature })),
      () => [],
      (answers: EndorsedAnswers) => [...answers, ...answers],
    ],
    ENDORSEMENT_QUORUM: [(answers: EndorsedAnswers) => answers.map(() => [])],
  } as const
  for (const [code, ofCode] of Object.entries(lies)) {
    for (const [i, lie] of ofCode.entries()) {
      await assert.rejects(readServerRegistration(readerOver(lie), serverRef), refusedWith(code), `${code} ${i}`)
    }
  }
})

test('what is older than the client has seen', async () => {
  const { world } = scene
  const height = await world.ledger.ledger.height()
  const [answer] = await readerOver((answers) => answers).read([{ fn: 'participant', args: [world.serverRef] }])
  assert.ok(answer !== undefined && answer.height <= height + 1)
  const behind = new VerifyingLedgerReader(
    world.crypto,
    world.consortium,
    (queries, nonce) => honest(queries, nonce, undefined),
    'the ledger',
  )
  const asking = behind.read([{ fn: 'participant', args: [world.serverRef] }], { minHeight: answer.height + 100 })
  await assert.rejects(asking, refusedWith('ENDORSEMENT_STALE'))
})

test('a client that is lied to opens no session and passes no record', async () => {
  const { world, bob, stored } = scene
  const ledger = readerOver(each(({ answer, signature }) => ({ answer, signature: flipped(signature, 3) })))
  const alice = await world.doctor('alice', {}, { ledger })
  await assert.rejects(alice.session.request('ping'), refusedWith('ENDORSEMENT_SIGNATURE'))
  const { crypto, serverRef, clock } = world
  const evidence = await bob.evidence()
  const options = { crypto, ledger, serverRef, evidence, nowMs: () => clock.nowMs() }
  const { checks } = await verifyRecord(await bob.read(stored.recordId), options)
  for (const id of ['signature', 'permission', 'ledger', 'log'] as const) {
    const check = checks.find((one) => one.id === id)
    assert.deepEqual([check?.result, check?.code], ['fail', 'ENDORSEMENT_SIGNATURE'], id)
  }
})

/** What an auditor says of the ledger's blocks after somebody changed them on the way. */
async function auditOf(change: (blocks: EncodedBlock[]) => EncodedBlock[]): Promise<unknown> {
  const { world } = scene
  const { ledger } = world.ledger
  const blocks: EncodedBlock[] = []
  for (let number = 0, last = await ledger.height(); number <= last; number++) {
    const block = await ledger.block(number)
    if (block !== undefined) blocks.push(decodeBlock(block.encoded))
  }
  const changed = change(blocks)
  const auditor = new AuditorClient({
    crypto: world.crypto,
    ledger: readerOver((answers) => answers),
    fetchBlocks: (from) => Promise.resolve({ height: changed.length - 1, blocks: changed.slice(from, from + 3) }),
    consistencyProof: () => Promise.reject(new Error('not asked')),
    genesis: world.genesis,
  })
  return await auditor.verifyLedger().then(
    ({ blocks: count }) => count,
    (error: { code?: unknown; block?: unknown }) => [error.code, error.block],
  )
}

test('blocks that were altered, left out, moved, added or signed by another', async () => {
  const { crypto } = scene.world
  const count = Number(await auditOf((blocks) => blocks))
  assert.ok(count > 6)
  const replaced = (number: number, change: (block: EncodedBlock) => EncodedBlock) => (blocks: EncodedBlock[]) =>
    blocks.map((block, i) => (i === number ? change(block) : block))
  const invalid = (block: number) => ['LEDGER_BLOCK_INVALID', block]
  const inTransaction = replaced(4, ({ transactions: [first = new Uint8Array(), ...rest], ...block }) => ({
    ...block,
    transactions: [flipped(first, Math.floor(first.length / 2)), ...rest],
  }))
  assert.deepEqual(await auditOf(inTransaction), invalid(4))
  const inHeader = replaced(3, (block) => ({ ...block, header: flipped(block.header, block.header.length - 1) }))
  assert.deepEqual(await auditOf(inHeader), invalid(3))
  const inSignature = replaced(5, (block) => ({ ...block, signature: flipped(block.signature, 9) }))
  assert.deepEqual(await auditOf(inSignature), invalid(5))
  const signature = crypto.sign(crypto.generateSigningKey(), new Uint8Array(32))
  assert.deepEqual(await auditOf(replaced(2, (block) => ({ ...block, signature }))), invalid(2))
  assert.deepEqual(await auditOf(replaced(4, (block) => ({ ...block, transactions: [] }))), invalid(4))
  assert.deepEqual(await auditOf((blocks) => blocks.filter((_, i) => i !== 3)), invalid(3))
  assert.deepEqual(await auditOf((blocks) => blocks.slice(1)), invalid(0))
  assert.deepEqual(await auditOf(([a, b, c, d, ...rest]) => [a, b, d, c, ...rest] as EncodedBlock[]), invalid(2))
  assert.deepEqual(await auditOf((blocks) => [...blocks, blocks.at(-1) as EncodedBlock]), invalid(count))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
