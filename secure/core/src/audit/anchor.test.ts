import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { decodeProposal } from '../../../../shared/ledger-model/src/index.ts'
import { TaWorld } from '../../../../testkit/src/ta-world.ts'
import type { EffectOf } from '../../../../shared/tee-abi/src/index.ts'

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})

/** A world whose host collects proposals, and submits them only when told. */
async function scene() {
  const world = await TaWorld.open()
  worlds.push(world)
  const patient = await world.patient()
  await world.settle()
  const proposals: EffectOf<'anchor'>[] = []
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'anchor') proposals.push(effect)
    else await honest(effect)
  }
  const session = await world.connect(patient)
  /** Makes the log grow. */
  const grow = async (): Promise<void> => {
    await session.request('record.list', { patient: patient.ref })
  }
  return { world, proposals, grow }
}

test('a proposal is of this server, with its certificate, for what is durable', async () => {
  const { world, proposals, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [proposal] = proposals
  assert.ok(proposal !== undefined)
  const decoded = decodeProposal(proposal.proposal)
  assert.equal(decoded.fn, 'anchorCheckpoint')
  assert.deepEqual([decoded.args[0], decoded.args[2]], [world.serverRef, String(proposal.epoch)])
  const size = Number(decoded.args[1]?.split('\n')[1])
  const { logSize } = await world.ask('status', {})
  assert.ok(size > 1 && size <= logSize)
  await world.ledger.submitProposal(proposal)
})

test('one at a time; the next one follows when it is there, the log has grown and a little time has passed', async () => {
  const { world, proposals, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  await grow()
  world.clock.advanceMs(1_000)
  await grow()
  assert.equal(proposals.length, 1)
  const [first] = proposals.splice(0)
  assert.ok(first !== undefined)
  await world.honest(first)
  await grow()
  assert.equal(proposals.length, 0)
  world.clock.advanceMs(200)
  assert.ok(world.app.isDue)
  world.tick()
  assert.equal(proposals.length, 1)
  assert.equal(proposals[0]?.epoch, first.epoch + 1)
  const status = await world.ask('status', {})
  assert.equal(status.epoch, first.epoch + 1)
})

test('when everything is anchored nothing is due', async () => {
  const { world } = await scene()
  world.behaviour = undefined
  await world.ask('anchor-now', {})
  await world.settle()
  const { logSize, anchoredSize } = await world.ask('status', {})
  assert.equal(anchoredSize, logSize)
  assert.equal(world.app.isDue, false)
  const { epoch } = await world.ask('status', {})
  assert.equal((await world.ask('anchor-now', {})).epoch, epoch)
})

test('anchor-now does not wait, and names the epoch that covers everything', async () => {
  const { world, proposals, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [first] = proposals.splice(0)
  assert.ok(first !== undefined)
  await grow()
  assert.equal((await world.ask('anchor-now', {})).epoch, first.epoch + 1)
  await world.honest(first)
  const { epoch } = await world.ask('anchor-now', {})
  assert.equal(epoch, first.epoch + 1)
  assert.equal(proposals.length, 1)
})

test('a proposal that was refused or lost: the ledger is asked, and the next epoch follows what it has', async () => {
  const { world, proposals, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [lost] = proposals.splice(0)
  assert.ok(lost !== undefined)
  await world.request('anchored', { epoch: lost.epoch, code: 'LEDGER_UNAVAILABLE' })
  await world.settle()
  world.clock.advanceMs(1_000)
  await grow()
  await world.settle()
  const [again] = proposals.splice(0)
  // The ledger has not got the lost one: its epoch is free.
  assert.equal(again?.epoch, lost.epoch)
  await world.ledger.submitProposal(again)
  // The answer is lost; after a minute the ledger is asked, and has it.
  world.clock.advanceMs(60_001)
  await grow()
  await world.settle()
  await grow()
  assert.equal(proposals.splice(0)[0]?.epoch, lost.epoch + 1)
})

test('a host that says it anchored what it did not is found out at the next epoch', async () => {
  const { world, proposals, grow } = await scene()
  const before = await world.ask('status', {})
  world.clock.advanceMs(1_000)
  await grow()
  const [lied] = proposals.splice(0)
  assert.ok(lied !== undefined)
  await world.request('anchored', { epoch: lied.epoch })
  assert.equal((await world.ask('status', {})).epoch, lied.epoch)
  world.clock.advanceMs(1_000)
  await grow()
  world.behaviour = undefined
  for (const proposal of proposals.splice(0)) await world.honest(proposal)
  for (let i = 0; i < 4; i++) {
    world.clock.advanceMs(1_000)
    await grow()
    await world.settle()
  }
  const status = await world.ask('status', {})
  assert.ok((status.anchoredSize ?? 0) > (before.anchoredSize ?? 0))
  assert.equal(world.fatal, undefined)
})

test('two copies of one server: the one that the ledger does not know stops', async () => {
  const { world, proposals, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [mine] = proposals.splice(0)
  assert.ok(mine !== undefined)
  // Another copy anchored two epochs meanwhile.
  await world.ledger.forceCheckpoint(world.serverRef, mine.epoch + 1)
  await world.request('anchored', { epoch: mine.epoch, code: 'CHECKPOINT_EPOCH' })
  await world.settle()
  world.clock.advanceMs(1_000)
  await grow().catch(() => {})
  await world.settle()
  assert.equal(world.fatal, 'STATE_ROLLED_BACK')
})

test('answers about proposals that nobody made change nothing', async () => {
  const { world } = await scene()
  const before = await world.ask('status', {})
  await world.ask('anchored', { epoch: 999 })
  await world.ask('anchored', { epoch: 999, code: 'CHECKPOINT_EPOCH' })
  assert.deepEqual(await world.ask('status', {}), before)
})
