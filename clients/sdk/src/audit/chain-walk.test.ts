/** The walk through a ledger's blocks: stops and goes on, names the block at fault, and checks the authors of batches. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeBase64url, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  anchorCallOf,
  decodeHeader,
  decodeTransaction,
  encodeTransaction,
  makeBlock,
  signAnchorStatement,
  stateKeys,
  type ChainHead,
  type EncodedBlock,
} from '../../../../shared/ledger-model/src/index.ts'
import { newId, newRef, type ServerRef } from '../../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, signCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { issueCertificate, registrationOf } from '../../../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText } from '../../../../testkit/src/suites/ledger-world.ts'
import { ChainWalk, type BlockPage, type ChainWalkOptions } from './chain-walk.ts'
import { LogWalk } from './log-walk.ts'

const crypto = createNodeCrypto()
const patient = newRef(crypto, 'p')
let world: Awaited<ReturnType<typeof openTestNode>>
let blocks: EncodedBlock[]
let server: ServerRef

/** 0 genesis, 1 hospital A, 2 server, 3 and 4 batches, 5 a checkpoint, 6 a report of misuse. */
before(async () => {
  world = await openTestNode()
  const { node, consortium, a } = world
  const submit = (by: typeof a.admin, fn: string, ...args: readonly string[]) =>
    node.submit(proposalOf(consortium, by, { fn, args }))
  const machine = await issueCertificate(a.authority, 'server')
  server = machine.ref
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(a.hospital)))
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(machine)))
  await submit(a.hospital, 'commit', newId(crypto, 'b'), groupsText(commitGroup(a.hospital, patient, 20)))
  await submit(a.hospital, 'commit', newId(crypto, 'b'), groupsText(commitGroup(a.hospital, patient, 2)))
  const checkpoint = signCheckpoint(crypto, machine.signingKey, {
    origin: logOrigin(server),
    size: 1,
    root: leafHash(crypto, new Uint8Array(1)),
    extensions: [],
  })
  const statement = { serverRef: server, epoch: 1, checkpoint }
  const { fn, args } = anchorCallOf(statement, signAnchorStatement(crypto, machine.signingKey, statement))
  await submit(a.hospital, fn, ...args)
  const report = { subject: server, code: 'forked-log', evidence: [] }
  await submit(a.hospital, 'reportMisuse', JSON.stringify(report))
  blocks = Array.from({ length: node.height + 1 }, (_, i) => node.block(i) as EncodedBlock)
  node.close()
})
after(() => world.close())

/** Pages of two blocks. */
const pagesOf =
  (chain: readonly EncodedBlock[], height = chain.length - 1) =>
  (from: number): Promise<BlockPage> =>
    Promise.resolve({ height, blocks: chain.slice(from, from + 2) })

function walkOf(chain: readonly EncodedBlock[], options: Partial<ChainWalkOptions> = {}): ChainWalk {
  return new ChainWalk({ crypto, fetchBlocks: pagesOf(chain), genesis: world.consortium.genesis, ...options })
}

const fault = (block: number) => ({ code: 'LEDGER_BLOCK_INVALID', block })

test('an untouched ledger verifies, and its facts are those of its blocks', async () => {
  const walk = walkOf(blocks)
  const seen: number[] = []
  assert.equal(await walk.run({ onProgress: (progress) => seen.push(progress.blocks) }), true)
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7])
  assert.deepEqual(walk.progress, { blocks: 7, height: 6, seen: 0, transactions: 6, records: 22 })
  const { facts } = walk
  assert.equal(facts.batches, 2)
  assert.deepEqual(
    facts.configurations.map(({ block, configuration }) => [block, configuration.sequence]),
    [[0, 0]],
  )
  assert.deepEqual(
    facts.checkpoints.get(server)?.map(({ block, epoch, size }) => [block, epoch, size]),
    [[5, 1, 1]],
  )
  assert.deepEqual(
    facts.misuse.map(({ block, subject, code }) => [block, subject, code]),
    [[6, server, 'forked-log']],
  )
  assert.equal(facts.participants.get(server)?.kind, 'server')
  assert.equal(walk.stateKeys > 5, true)
})

test('it stops between two blocks and goes on there, without asking for a block twice in vain', async () => {
  const asked: number[] = []
  const fetchBlocks = (from: number) => {
    asked.push(from)
    return pagesOf(blocks)(from)
  }
  const walk = walkOf(blocks, { fetchBlocks })
  const stop = new AbortController()
  const onProgress = (progress: { blocks: number }) => {
    if (progress.blocks === 3) stop.abort()
  }
  assert.equal(await walk.run({ signal: stop.signal, onProgress }), false)
  assert.equal(walk.progress.blocks, 3)
  const untilNow = asked.length
  assert.equal(await walk.run(), true)
  assert.equal(walk.progress.blocks, 7)
  assert.equal(asked[untilNow], 3)
  assert.equal(await walk.run(), true, 'nothing new: nothing to do')
})

test('a second walk compares what the first one checked, and goes on where it stopped', async () => {
  const kept = new Map<number, Uint8Array>()
  const onBlock = (number: number, hash: Uint8Array) => kept.set(number, hash)
  const stop = new AbortController()
  const onProgress = (progress: { blocks: number }) => {
    if (progress.blocks === 4) stop.abort()
  }
  await walkOf(blocks, { onBlock }).run({ signal: stop.signal, onProgress })
  assert.deepEqual([...kept.keys()], [0, 1, 2, 3])
  const again = walkOf(blocks, { onBlock, seen: (number) => kept.get(number) })
  assert.equal(await again.run(), true)
  assert.deepEqual(again.progress, { blocks: 7, height: 6, seen: 4, transactions: 6, records: 22 })
  assert.equal(kept.size, 7)
  assert.equal(again.facts.participants.get(server)?.kind, 'server')
})

test('refused: a block that is another one than when it was checked, at its number', async () => {
  const kept = new Map<number, Uint8Array>()
  await walkOf(blocks, { onBlock: (number, hash) => kept.set(number, hash) }).run()
  const seen = (number: number) => kept.get(number)
  // Its node makes block 6 anew, signed and in its place: without a memory nothing is wrong with it.
  const header = decodeHeader((blocks[6] as EncodedBlock).header)
  const previous = decodeHeader((blocks[5] as EncodedBlock).header)
  const head: ChainHead = { number: 5, hash: header.previous, timeMs: previous.timeMs }
  const { kind, timeMs } = header
  const { transactions } = blocks[6] as EncodedBlock
  const { block } = makeBlock(crypto, world.consortium.nodeKey, head, { kind, timeMs: timeMs + 1, transactions })
  const other = blocks.with(6, block)
  assert.equal(await walkOf(other).run(), true)
  await assert.rejects(walkOf(other, { seen }).run(), fault(6))
  // And changed contents are found although signatures are not looked at again.
  const [first = new Uint8Array(), ...rest] = (blocks[3] as EncodedBlock).transactions
  const changed = first.slice()
  changed[40] = (changed[40] ?? 0) ^ 1
  const planted = blocks.with(3, { ...(blocks[3] as EncodedBlock), transactions: [changed, ...rest] })
  await assert.rejects(walkOf(planted, { seen }).run(), fault(3))
  await assert.rejects(
    walkOf(blocks.slice(0, 5), { seen, expectedHead: { number: 6, hash: kept.get(6) as Uint8Array } }).run(),
    fault(5),
  )
})

test('a report is open until the organisation of its subject reinstates it; a later one is open again', async (t) => {
  const own = await openTestNode()
  t.after(own.close)
  const { node, consortium, a } = own
  const submit = (by: typeof a.admin, fn: string, ...args: readonly string[]) =>
    node.submit(proposalOf(consortium, by, { fn, args }))
  const doctor = await issueCertificate(a.authority, 'doctor')
  const report = JSON.stringify({ subject: doctor.ref, code: 'excessive-access', evidence: [] })
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(a.hospital)))
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(doctor)))
  await submit(a.hospital, 'reportMisuse', report)
  await submit(a.admin, 'suspendParticipant', doctor.ref, 'inquiry')
  await submit(a.hospital, 'reportMisuse', report)
  await submit(a.admin, 'reinstateParticipant', doctor.ref, 'cleared')
  await submit(a.hospital, 'reportMisuse', report)
  const chain = Array.from({ length: node.height + 1 }, (_, i) => node.block(i) as EncodedBlock)
  const { genesis } = consortium
  const walk = new ChainWalk({ crypto, fetchBlocks: pagesOf(chain), genesis })
  await walk.run()
  assert.deepEqual(
    walk.facts.misuse.map(({ block, settled }) => [block, settled?.block]),
    [
      [3, 6],
      [5, 6],
      [7, undefined],
    ],
  )
})

test('a source that fails may be asked again', async () => {
  let isAway = true
  const walk = walkOf(blocks, {
    fetchBlocks: (from) => (from >= 4 && isAway ? Promise.reject(new Error('away')) : pagesOf(blocks)(from)),
  })
  await assert.rejects(walk.run(), /away/)
  isAway = false
  assert.equal(await walk.run(), true)
  assert.equal(walk.progress.blocks, 7)
})

test('a bit flipped anywhere in a block stops the walk at that block, also when it is run again', async () => {
  for (const [number, block] of blocks.entries()) {
    const [first = new Uint8Array(), ...rest] = block.transactions
    const changed = first.slice()
    const at = Math.floor(changed.length / 2)
    changed[at] = (changed[at] ?? 0) ^ 1
    const walk = walkOf(blocks.with(number, { ...block, transactions: [changed, ...rest] }))
    await assert.rejects(walk.run(), fault(number))
    await assert.rejects(walk.run(), fault(number))
    assert.equal(walk.progress.blocks, number, 'everything before it was checked')
  }
})

test('refused: blocks that are left out, that end too early, none at all, another first block', async () => {
  await assert.rejects(walkOf(blocks.toSpliced(3, 1)).run(), fault(3))
  await assert.rejects(walkOf(blocks, { fetchBlocks: pagesOf(blocks.slice(0, 4), 6) }).run(), fault(4))
  await assert.rejects(walkOf([]).run(), { code: 'LEDGER_BLOCK_INVALID' })
  const genesis = { ...world.consortium.genesis, channel: 'other' }
  await assert.rejects(walkOf(blocks, { genesis }).run(), fault(0))
})

test('refused: a chain that lacks the block that an earlier check kept', async () => {
  const walk = walkOf(blocks)
  await walk.run()
  const expectedHead = { number: 6, hash: walk.head?.hash ?? new Uint8Array() }
  assert.equal(await walkOf(blocks, { expectedHead }).run(), true)
  const other = { number: 4, hash: new Uint8Array(32) }
  await assert.rejects(walkOf(blocks, { expectedHead: other }).run(), fault(4))
  await assert.rejects(walkOf(blocks.slice(0, 5), { expectedHead }).run(), fault(5))
})

/** The chain with another block 4, signed by the ledger's node. */
function withFourth(transactions: readonly Uint8Array[]): EncodedBlock[] {
  const third = decodeHeader((blocks[3] as EncodedBlock).header)
  const { previous: hash } = decodeHeader((blocks[4] as EncodedBlock).header)
  const head: ChainHead = { number: 3, hash, timeMs: third.timeMs }
  const content = { kind: 'data', timeMs: third.timeMs, transactions } as const
  return [...blocks.slice(0, 4), makeBlock(crypto, world.consortium.nodeKey, head, content).block]
}

/** What a ledger's node can write that leaves the contract's checks out. */
function forgedCommit(group: ReturnType<typeof commitGroup>): Uint8Array {
  const { consortium, a } = world
  const batchId = newId(crypto, 'b')
  const groups = groupsText(group)
  const signed = proposalOf(consortium, a.hospital, { fn: 'commit', args: [batchId, groups] })
  const { transactions } = blocks[4] as EncodedBlock
  const { result, event } = decodeTransaction(crypto, transactions[0] as Uint8Array)
  const txId = 'aa'.repeat(32)
  const value = `{"batchId":"${batchId}","by":"${a.hospital.ref}","count":${group.items.length},"groups":${groups},"timeMs":1,"txId":"${txId}"}`
  const writes = [{ key: stateKeys.batch(batchId), value }]
  return encodeTransaction(signed, [batchId, groups], { status: 'VALID', result, event, writes })
}

test('a batch that its author signed is taken, whoever carried it', async () => {
  const { a } = world
  assert.equal(await walkOf(withFourth([forgedCommit(commitGroup(a.hospital, patient, 3))])).run(), true)
})

test('refused: a batch that a ledger took although its author did not sign it', async () => {
  const { a, b } = world
  const good = commitGroup(a.hospital, patient, 3)
  const signature = encodeBase64url(new Uint8Array(64).fill(1))
  await assert.rejects(walkOf(withFourth([forgedCommit({ ...good, signature })])).run(), fault(4))
  const [first, ...rest] = good.items
  const other = { ...(first as NonNullable<typeof first>), ehrHash: 'ab'.repeat(32) }
  const altered = { ...good, items: [other as typeof first & object, ...rest] }
  await assert.rejects(walkOf(withFourth([forgedCommit(altered)])).run(), fault(4))
  const stranger = commitGroup(b.hospital, patient, 1)
  await assert.rejects(walkOf(withFourth([forgedCommit(stranger)])).run(), fault(4))
  const borrowed = { ...commitGroup({ ...a.hospital, ref: b.hospital.ref }, patient, 1), author: a.hospital.ref }
  await assert.rejects(walkOf(withFourth([forgedCommit(borrowed)])).run(), fault(4))
})

test('the checkpoints that the blocks hold open with the key that the blocks hold', async () => {
  const walk = walkOf(blocks)
  await walk.run()
  const registered = walk.facts.participants.get(server)
  assert.ok(registered !== undefined)
  const log = new LogWalk({
    crypto,
    server: registered,
    fetchConsistency: () => Promise.reject(new Error('not asked')),
  })
  for (const record of walk.facts.checkpoints.get(server) ?? []) await log.next(record)
  assert.equal(log.epoch, 1)
  assert.equal(encodeHex(log.newest?.root ?? new Uint8Array()), encodeHex(leafHash(crypto, new Uint8Array(1))))
})
