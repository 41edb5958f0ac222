/** A whole check: ends with findings and a report, pauses and goes on, and never counts what could not be checked as right. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import type { EncodedBlock } from '../../../../shared/ledger-model/src/index.ts'
import {
  newRef,
  type EvidenceResult,
  type MspId,
  type Sha256Hex,
  type TxId,
} from '../../../../shared/protocol/src/index.ts'
import { decodeBlock } from '../../../../shared/ledger-model/src/index.ts'
import { ChainWalk } from '../../../sdk/src/audit/chain-walk.ts'
import { readCheckpoints } from '../../../sdk/src/auditor.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { labResult, openScene, type Scene } from '../../../../testkit/src/world/index.ts'
import type { WitnessState } from './witnesses.ts'
import { parseCheckpoint, parseNote } from '../../../../shared/tlog/src/index.ts'
import { AuditRun, type AuditPorts, type AuditState } from './audit-run.ts'

const crypto = createNodeCrypto()
let scene: Scene
let blocks: EncodedBlock[]
/** As if both hospitals had cosigned the log as it is. */
let witnessed: WitnessState

before(async () => {
  scene = await openScene()
  const { alice, bob, warrant, world } = scene
  const { ledger } = world.ledger
  for (let anchored = 0; anchored < 3;) {
    await alice.store({ patient: bob.ref, warrant, ehr: labResult(anchored) })
    anchored = (await readCheckpoints(bob.options.ledger, world.serverRef)).length
  }
  blocks = []
  for (let number = 0, last = await ledger.height(); number <= last; number++) {
    const block = await ledger.block(number)
    if (block !== undefined) blocks.push(decodeBlock(block.encoded))
  }
  const checkpoint = parseCheckpoint(parseNote(await bob.checkpoint()).text)
  witnessed = { checkpoint, lines: [], organizations: 2, all: 2, majority: 2, forks: 0, refused: 0 }
})
after(() => scene?.world.close())

function walkOf(chain: readonly EncodedBlock[]): ChainWalk {
  const fetchBlocks = (from: number) =>
    Promise.resolve({ height: chain.length - 1, blocks: chain.slice(from, from + 4) })
  return new ChainWalk({ crypto, fetchBlocks })
}

function runOf(change: Partial<AuditPorts> = {}): AuditRun {
  const { world, bob } = scene
  let nowMs = 1_000
  return new AuditRun({
    crypto,
    nowMs: () => (nowMs += 10),
    channel: world.consortium.channel,
    serverRef: world.serverRef,
    knownNodes: world.consortium.nodes.map(({ publicKey }) => encodeBase64url(publicKey)),
    walk: walkOf(blocks),
    fetchConsistency: (from, to) => bob.consistencyProof(from, to),
    votes: () => Promise.resolve({ votes: [] }),
    fetchCheckpoint: () => bob.checkpoint(),
    witnesses: () => Promise.resolve(witnessed),
    evidence: () => bob.evidence(),
    ...change,
  })
}

const all = async (run: AuditRun) => await run.run(new AbortController().signal, () => undefined)
const results = ({ findings }: AuditState) => Object.fromEntries(findings.map(({ check, result }) => [check, result]))

test('an untouched system: everything passes, and the report says from where to where', async () => {
  const run = runOf()
  assert.throws(() => run.report(), RangeError)
  const state = await all(run)
  assert.deepEqual(results(state), {
    ledger: 'pass',
    authors: 'pass',
    checkpoints: 'pass',
    log: 'pass',
    witnesses: 'pass',
    program: 'pass',
    misuse: 'pass',
  })
  const report = run.report()
  assert.equal(report.blocks, blocks.length)
  assert.ok(report.checkpoints >= 1 && report.records >= 1)
  assert.match(report.genesis, /^[0-9a-f]{64}$/)
  assert.equal(report.head, state.head)
  assert.ok(report.endedMs > report.startedMs)
})

test('it pauses between two blocks and goes on; a second start while it runs does nothing', async () => {
  const run = runOf()
  const stop = new AbortController()
  const seen: number[] = []
  const paused = await run.run(stop.signal, ({ chain }) => {
    seen.push(chain.blocks)
    stop.abort()
  })
  assert.deepEqual([paused.phase, paused.isRunning], ['ledger', false])
  assert.ok(paused.chain.blocks < blocks.length)
  const [state, second] = await Promise.all([all(run), all(run)])
  assert.equal(second.isRunning, true)
  assert.equal(state.phase, 'done')
  assert.ok(!state.findings.some(({ result }) => result !== 'pass'))
})

test('a planted fault stops at its block, and nothing that rests on it is checked', async () => {
  const [first = new Uint8Array(), ...rest] = blocks[3]?.transactions ?? []
  const changed = first.slice()
  changed[40] = (changed[40] ?? 0) ^ 1
  const planted = blocks.with(3, { ...(blocks[3] as EncodedBlock), transactions: [changed, ...rest] })
  const run = runOf({ walk: walkOf(planted) })
  const state = await all(run)
  assert.deepEqual(results(state), {
    ledger: 'fail',
    authors: 'skip',
    checkpoints: 'skip',
    log: 'skip',
    witnesses: 'pass',
    program: 'pass',
    misuse: 'skip',
  })
  const [finding] = state.findings
  assert.deepEqual([finding?.code, finding?.block], ['LEDGER_BLOCK_INVALID', 3])
  assert.equal(run.report().blocks, 3)
})

test('a ledger of other nodes than this browser knows is refused', async () => {
  const stranger = encodeBase64url(crypto.generateSigningKey().publicKey)
  const state = await all(runOf({ knownNodes: [stranger] }))
  assert.deepEqual([results(state)['ledger'], state.findings[0]?.code], ['fail', 'LEDGER_CONFIGURATION_REJECTED'])
})

test('a log that shows something else now, a program that nobody approved', async () => {
  const elsewhere = () => Promise.resolve('trusthealth/s-00\n1\n')
  const evidence = (): Promise<EvidenceResult> => Promise.reject(new ClientError('ATTESTATION_MEASUREMENT'))
  const state = await all(runOf({ fetchCheckpoint: elsewhere, evidence }))
  assert.deepEqual([results(state)['log'], results(state)['program']], ['fail', 'fail'])
})

test('reports of misuse are no pass: open or settled, people must look', async () => {
  for (const [settled, detail] of [
    [undefined, 'reports: 2; open: 2'],
    [{ block: 9, timeMs: 9 }, 'reports: 2; open: 1'],
  ] as const) {
    const walk = walkOf(blocks)
    const subject = newRef(crypto, 'd')
    const report = { subject, code: 'other', evidence: [], reporter: newRef(crypto, 'h'), timeMs: 1, block: 2 } as const
    const entry = { ...report, mspId: 'Msp' as MspId, txId: '00'.repeat(32) as TxId }
    walk.facts.misuse.push(entry, settled === undefined ? entry : { ...entry, settled })
    const run = runOf({ walk })
    const state = await all(run)
    const finding = state.findings.find(({ check }) => check === 'misuse')
    assert.deepEqual([finding?.result, finding?.detail], ['note', detail])
    assert.equal(run.report().findings.find(({ check }) => check === 'misuse')?.result, 'note')
  }
})

test('a run that goes on from an earlier one says how much it only compared', async () => {
  const kept: Uint8Array[] = []
  const fetchBlocks = (from: number) => Promise.resolve({ height: blocks.length - 1, blocks: blocks.slice(from) })
  await new ChainWalk({ crypto, fetchBlocks, onBlock: (_, hash) => kept.push(hash) }).run()
  const run = runOf({ walk: new ChainWalk({ crypto, fetchBlocks, seen: (number) => kept.slice(0, 3)[number] }) })
  const { chain } = await all(run)
  assert.deepEqual([chain.seen, chain.blocks], [3, blocks.length])
  assert.equal(run.report().seen, 3)
})

test('witnesses: fewer than half are not enough, another log is a fault, a refusal is to be looked at', async () => {
  const { checkpoint } = witnessed
  const finding = async (change: Partial<WitnessState>) => {
    const { findings } = await all(runOf({ witnesses: () => Promise.resolve({ ...witnessed, ...change }) }))
    const { result, code } = findings.find(({ check }) => check === 'witnesses') ?? {}
    return [result, code]
  }
  assert.deepEqual(await finding({}), ['pass', undefined])
  assert.deepEqual(await finding({ organizations: 1 }), ['skip', 'WITNESS_TOO_FEW'])
  assert.deepEqual(await finding({ forks: 1 }), ['fail', 'CHECKPOINT_FORKED'])
  assert.deepEqual(await finding({ refused: 1 }), ['note', undefined])
  const other = { ...checkpoint, root: checkpoint.root.map((byte) => byte ^ 1) }
  const [result, code] = await finding({ checkpoint: other })
  assert.equal(result, 'fail')
  assert.ok(['CHECKPOINT_FORKED', 'LOG_NOT_CONSISTENT', 'LOG_PROOF_INVALID'].includes(String(code)), code)
})

test('entries that are gone: a fault, but for those that more than half of the organisations voted to go on without', async () => {
  const { bob, world } = scene
  const walk = walkOf(blocks)
  await walk.run({})
  const [first, second, third] = walk.facts.checkpoints.get(world.serverRef) ?? []
  assert.ok(first !== undefined && second !== undefined && third !== undefined)
  // The server says that it never had the second.
  const fetchConsistency = (from: number, to: number) =>
    from === second.size || to === second.size
      ? Promise.reject(new ClientError('LOG_SIZE_INVALID'))
      : bob.consistencyProof(from, to)
  const vote = (mspId: MspId) => ({
    term: 1,
    instance: '11'.repeat(32) as Sha256Hex,
    from: { epoch: second.epoch, size: first.size, root: first.root },
    mspId,
    timeMs: 1,
    txId: '00'.repeat(32) as TxId,
  })
  const members = (walk.facts.configurations.at(-1)?.configuration.organizations ?? []).map(({ mspId }) => mspId)
  const run = async (voters: readonly MspId[]) => {
    const votes = () => Promise.resolve({ votes: voters.map(vote) })
    return await all(runOf({ fetchConsistency, votes }))
  }
  const agreed = await run(members)
  const finding = agreed.findings.find(({ check }) => check === 'checkpoints')
  assert.deepEqual([finding?.result, finding?.detail], ['note', `entries: ${second.size - first.size}`])
  assert.equal(results(agreed)['log'], 'pass')
  const tooFew = await run(members.slice(0, Math.floor(members.length / 2)))
  assert.deepEqual([results(tooFew)['checkpoints'], results(tooFew)['log']], ['fail', 'skip'])
})

test('what is away is not checked, and that is neither right nor wrong', async () => {
  const away = () => Promise.reject(new ClientError('SERVER_UNAVAILABLE'))
  const state = await all(runOf({ fetchCheckpoint: away, evidence: away }))
  assert.deepEqual([results(state)['log'], results(state)['program']], ['skip', 'skip'])
  const foreign = await all(runOf({ walk: undefined }))
  assert.equal(results(foreign)['ledger'], 'skip')
  assert.equal(results(foreign)['checkpoints'], 'skip')
})

test('blocks that cannot be fetched end the run with an error, and it goes on later', async () => {
  let isAway = true
  const honest = walkOf(blocks)
  assert.ok(honest.head === undefined)
  const walk = new ChainWalk({
    crypto,
    fetchBlocks: (from) =>
      isAway && from > 0
        ? Promise.reject(new ClientError('SERVER_UNAVAILABLE'))
        : Promise.resolve({ height: blocks.length - 1, blocks: blocks.slice(from, from + 4) }),
  })
  const run = runOf({ walk })
  await assert.rejects(all(run), { code: 'SERVER_UNAVAILABLE' })
  assert.equal(run.state.isRunning, false)
  isAway = false
  assert.equal((await all(run)).phase, 'done')
})
