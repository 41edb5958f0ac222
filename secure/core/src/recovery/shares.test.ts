/**
 * Recovery shares as a server makes them: whose they are, when there are others, and what a hospital hears of them.
 * docs/protocol/12-recovery-shares.md §12.1, §12.2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { decodeRecoverySet, openShare, type HospitalRef } from '../../../../shared/protocol/src/index.ts'
import { registrationOf, type TestIdentity } from '../../../../testkit/src/consortium.ts'
import { fetchShare } from '../../../../testkit/src/restore-world.ts'
import { TaWorld, type TaWorldOptions } from '../../../../testkit/src/ta-world.ts'
import { decodeEntry } from '../audit/entry.ts'

const worlds: TaWorld[] = []
after(() => worlds.forEach((world) => world.close()))

const THREE = ['HospitalA', 'HospitalB', 'HospitalC']

async function open(options: TaWorldOptions = { names: THREE }): Promise<TaWorld> {
  const world = await TaWorld.open(options)
  worlds.push(world)
  return world
}

const hospitalsOf = ({ consortium }: TaWorld): readonly TestIdentity[] =>
  consortium.organizations.map(({ hospital }) => hospital)

function entriesOf(world: TaWorld, kind: string) {
  const rows = world.inspect((database) => database.prepare('SELECT body FROM log_entry ORDER BY position').all())
  return rows.map(({ body }) => decodeEntry(body as Uint8Array)).filter(({ t }) => t === kind)
}

test('each organisation has one share, and more than half of them are needed', async () => {
  const world = await open()
  for (const hospital of hospitalsOf(world)) {
    const set = decodeRecoverySet((await fetchShare(world, hospital)).set)
    assert.deepEqual([set.number, set.threshold], [1, 2])
    assert.deepEqual([set.voters, set.holders.map(({ mspId }) => mspId)], [THREE, THREE])
    assert.equal(openShare(world.crypto, set, hospital.ref as HospitalRef, hospital.sealKeyPair).length, 32)
  }
  const { shares } = await world.ask('status', {})
  assert.deepEqual([shares?.threshold, shares?.held], [2, THREE])
  // Made once, and in the log.
  assert.deepEqual(
    entriesOf(world, 'shares').map(({ version, actor }) => [version, actor]),
    [[1, world.serverRef]],
  )
  await world.restart()
  assert.deepEqual((await world.ask('status', {})).shares, shares)
})

test('what is held is what a hospital said of this set', async () => {
  const world = await open()
  const [a, b] = hospitalsOf(world)
  assert.ok(a !== undefined && b !== undefined)
  const session = await world.connect(a)
  assert.deepEqual((await world.ask('status', {})).shares, undefined)
  assert.equal((await session.request('recovery.share'))['held'], 0)
  assert.equal((await session.request('recovery.share', { has: new Uint8Array(16) }))['held'], 0)
  await fetchShare(world, a)
  assert.deepEqual((await session.request('recovery.share'))['isReady'], false)
  await fetchShare(world, b)
  await fetchShare(world, b)
  assert.deepEqual((await session.request('recovery.share'))['isReady'], true)
  assert.deepEqual((await world.ask('status', {})).shares?.held, ['HospitalA', 'HospitalB'])
})

test('hospitals that look again and again, in new sessions, make the log no longer once they keep their shares', async () => {
  const world = await open()
  for (const hospital of hospitalsOf(world)) await fetchShare(world, hospital)
  const quiet = async (): Promise<number> => {
    // Indexes are written a while after what they are of, and anchored.
    for (let i = 0; i < 10; i++) {
      world.clock.advanceMs(10_000)
      world.tick()
      await world.settle()
    }
    return (await world.ask('status', {})).logSize
  }
  const size = await quiet()
  for (const hospital of [...hospitalsOf(world), ...hospitalsOf(world)]) await fetchShare(world, hospital)
  assert.equal(await quiet(), size)
})

test('other hospitals, or another seal key of one, make another set; nothing else does', async () => {
  const world = await open()
  const [a, b] = hospitalsOf(world)
  const [, second] = world.consortium.organizations
  assert.ok(a !== undefined && b !== undefined && second !== undefined)
  await fetchShare(world, a)
  const numberAfter = async (fn: string, args: readonly string[]): Promise<number> => {
    await world.ledger.submit(second.admin, fn, args)
    // What is known of organisations is asked again after five seconds.
    world.clock.advanceMs(5_001)
    return decodeRecoverySet((await fetchShare(world, a)).set).number
  }
  const renewed = { ...registrationOf(b), sealKey: encodeBase64url(world.crypto.generateAgreementKey().publicKey) }
  assert.equal(await numberAfter('renewParticipant', [JSON.stringify(renewed)]), 2)
  assert.equal(await numberAfter('suspendParticipant', [b.ref, 'left']), 3)
  assert.deepEqual((await world.ask('status', {})).shares?.holders, ['HospitalA', 'HospitalC'])
  assert.equal(await numberAfter('reinstateParticipant', [b.ref, 'back']), 4)
  await world.doctor()
  world.clock.advanceMs(5_001)
  assert.equal(decodeRecoverySet((await fetchShare(world, a)).set).number, 4)
  assert.equal(await numberAfter('revokeCertificate', [b.certSerial, 'lost']), 5)
})

test('too few hospitals have no shares: one alone never gets the key', async () => {
  const world = await open({})
  const [, b] = world.organizations
  await world.ledger.submit(b.admin, 'suspendParticipant', [b.hospital.ref, 'left'])
  await assert.rejects(fetchShare(world, world.hospital), { code: 'RECOVERY_TOO_FEW_HOSPITALS' })
  assert.equal((await world.ask('status', {})).shares, undefined)
  assert.equal(entriesOf(world, 'shares').length, 0)
})

test('the configuration can ask for more than half, not for less', async () => {
  const three = await open({ names: THREE, recoveryThreshold: 3 })
  assert.equal(decodeRecoverySet((await fetchShare(three, three.hospital)).set).threshold, 3)
  const five = await open({ names: [...THREE, 'HospitalD', 'HospitalE'], recoveryThreshold: 2 })
  assert.equal(decodeRecoverySet((await fetchShare(five, five.hospital)).set).threshold, 3)
  const two = await open({ recoveryThreshold: 3 })
  await assert.rejects(fetchShare(two, two.hospital), { code: 'RECOVERY_TOO_FEW_HOSPITALS' })
})

test('shares are for hospitals: nobody else may ask', async () => {
  const world = await open()
  for (const who of [await world.patient(), await world.doctor(), await world.auditor()]) {
    const session = await world.connect(who)
    await assert.rejects(session.request('recovery.share'), { code: 'TEE_FORBIDDEN' })
  }
})

test('the row of the set is authenticated: one put back and one taken out are noticed', async () => {
  for (const change of ['UPDATE meta SET value = ?', 'DELETE FROM meta']) {
    const world = await open()
    const [a, b] = hospitalsOf(world)
    assert.ok(a !== undefined && b !== undefined)
    await fetchShare(world, a)
    const row = world.inspect((database) => database.prepare(`SELECT value FROM meta WHERE name = 'shares'`).get())
    await fetchShare(world, b)
    const parameters = change.includes('?') ? [row?.['value'] ?? null] : []
    world.inspect((database) => database.prepare(`${change} WHERE name = 'shares'`).run(...parameters))
    await assert.rejects(fetchShare(world, a))
    assert.equal(world.fatal, 'STATE_ROLLED_BACK')
  }
})
