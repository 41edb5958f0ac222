import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { anchorSignatureShape, isAnchorStatementSignedBy } from '../../../../shared/ledger-model/src/index.ts'
import { TaWorld } from '../../../../testkit/src/ta-world.ts'
import type { EffectOf } from '../../../../shared/tee-abi/src/index.ts'

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})

/** A world whose host collects statements, and submits them only when told. */
async function scene() {
  const world = await TaWorld.open()
  worlds.push(world)
  const patient = await world.patient()
  await world.settle()
  const statements: EffectOf<'anchor'>[] = []
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'anchor') statements.push(effect)
    else await honest(effect)
  }
  const session = await world.connect(patient)
  /** Makes the log grow. */
  const grow = async (): Promise<void> => {
    await session.request('record.list', { patient: patient.ref })
  }
  return { world, statements, grow }
}

test('a statement is of this server, signed with its identity, for what is durable', async () => {
  const { world, statements, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [statement] = statements
  assert.ok(statement !== undefined)
  const { serverRef, epoch, checkpoint, signature } = statement
  assert.equal(serverRef, world.serverRef)
  const size = Number(checkpoint.split('\n')[1])
  const { logSize, identityKey } = await world.ask('status', {})
  assert.ok(size > 1 && size <= logSize)
  const key = world.crypto.importVerifyingKey(identityKey as Uint8Array)
  const signed = anchorSignatureShape(encodeBase64url(signature), 'signature')
  assert.ok(isAnchorStatementSignedBy(world.crypto, key, { serverRef, epoch, checkpoint }, signed))
  await world.submitAnchor(statement)
})

test('one at a time; the next one follows when it is there, the log has grown and a little time has passed', async () => {
  const { world, statements, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  await grow()
  world.clock.advanceMs(1_000)
  await grow()
  assert.equal(statements.length, 1)
  const [first] = statements.splice(0)
  assert.ok(first !== undefined)
  await world.honest(first)
  await grow()
  assert.equal(statements.length, 0)
  world.clock.advanceMs(200)
  assert.ok(world.app.isDue)
  world.tick()
  assert.equal(statements.length, 1)
  assert.equal(statements[0]?.epoch, first.epoch + 1)
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
  const { world, statements, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [first] = statements.splice(0)
  assert.ok(first !== undefined)
  await grow()
  assert.equal((await world.ask('anchor-now', {})).epoch, first.epoch + 1)
  await world.honest(first)
  const { epoch } = await world.ask('anchor-now', {})
  assert.equal(epoch, first.epoch + 1)
  assert.equal(statements.length, 1)
})

test('a statement that was refused or lost: the ledger is asked, and the next epoch follows what it has', async () => {
  const { world, statements, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [lost] = statements.splice(0)
  assert.ok(lost !== undefined)
  await world.request('anchored', { epoch: lost.epoch, code: 'LEDGER_UNAVAILABLE' })
  await world.settle()
  world.clock.advanceMs(1_000)
  await grow()
  await world.settle()
  const [again] = statements.splice(0)
  // The ledger has not got the lost one: its epoch is free.
  assert.equal(again?.epoch, lost.epoch)
  await world.submitAnchor(again)
  // The answer is lost; after a minute the ledger is asked, and has it.
  world.clock.advanceMs(60_001)
  await grow()
  await world.settle()
  await grow()
  assert.equal(statements.splice(0)[0]?.epoch, lost.epoch + 1)
})

test('a host that says it anchored what it did not is found out at the next epoch', async () => {
  const { world, statements, grow } = await scene()
  const before = await world.ask('status', {})
  world.clock.advanceMs(1_000)
  await grow()
  const [lied] = statements.splice(0)
  assert.ok(lied !== undefined)
  await world.request('anchored', { epoch: lied.epoch })
  assert.equal((await world.ask('status', {})).epoch, lied.epoch)
  world.clock.advanceMs(1_000)
  await grow()
  world.behaviour = undefined
  for (const statement of statements.splice(0)) await world.honest(statement)
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
  const { world, statements, grow } = await scene()
  world.clock.advanceMs(1_000)
  await grow()
  const [mine] = statements.splice(0)
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

test('answers about statements that nobody made change nothing', async () => {
  const { world } = await scene()
  const before = await world.ask('status', {})
  await world.ask('anchored', { epoch: 999 })
  await world.ask('anchored', { epoch: 999, code: 'CHECKPOINT_EPOCH' })
  assert.deepEqual(await world.ask('status', {}), before)
})
