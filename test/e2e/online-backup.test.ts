/**
 * The record server's store copied while it is in use, proven against the ledger by the trusted application itself, put
 * back, and refused where it is older than what the ledger vouches for. docs/operations/backups.md.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { proveSnapshot, Repository, restoreSnapshot, takeSnapshot, type Backup } from '../../host/backup/src/index.ts'
import {
  filesBelow,
  InProcessTee,
  labResult,
  openScene,
  refusedWith,
  searchFolder,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
let folder = ''
before(async () => {
  scene = await openScene()
  folder = join(scene.world.folder, 'backups')
})
after(() => scene?.world.close())

const nowMs = () => scene.world.clock.nowMs()
const take = () => takeSnapshot(scene.world.server.dataFolder, new Repository(folder), nowMs)

async function prove(backup: Backup) {
  const { world } = scene
  const { crypto, serverClock: clock } = world
  return await proveSnapshot({
    repository: new Repository(folder),
    backup,
    dataFolder: world.server.dataFolder,
    scratchFolder: join(world.folder, 'scratch'),
    startTee: (storeFolder) => Promise.resolve(new InProcessTee({ crypto, clock, storeFolder })),
    ledger: world.ledger.ledger,
    identity: world.organization('a').admin,
    deadlineMs: 60_000,
  })
}

/** Until the ledger has everything that is in the log now. */
async function anchorNow(): Promise<void> {
  const { world } = scene
  const { epoch } = await world.server.tee.request('anchor-now', {})
  const call = { fn: 'checkpoint', args: [world.serverRef] }
  const onLedger = async () => (JSON.parse(await world.ledger.ledger.query(call)) as { epoch: number }).epoch
  while ((await onLedger()) < epoch) await setTimeout(20)
}

let first: Backup
let last: Backup

test('copies that are taken while records are stored open, and the ledger vouches for them', async () => {
  const { world, bob, alice, warrant } = scene
  await anchorNow()
  first = take().backup
  const storing = (async () => {
    for (let i = 0; i < 12; i++) await alice.store({ patient: bob.ref, warrant, ehr: labResult(i) })
    return 'stored' as const
  })()
  const during: Backup[] = []
  do during.push(take().backup)
  while ((await Promise.race([storing, setTimeout(20)])) !== 'stored')
  await anchorNow()
  last = take().backup
  assert.equal(new Set(during.map(({ number }) => number)).size, during.length)
  const { records, logSize, anchoredSize = 0 } = await prove(last)
  assert.equal(records, 13)
  assert.ok(anchoredSize > 0 && anchoredSize <= logSize)
  // The proof has written nothing to the ledger: the running server goes on, and anchors.
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(99) })
  await anchorNow()
  assert.equal(world.server.tee.failure, undefined)
})

test('nothing in a repository can be read, and the device’s key is not there', () => {
  const { world } = scene
  const needles = [...world.canaries]
  const { findings, files } = searchFolder(folder, needles)
  assert.deepEqual(findings, [])
  assert.ok(needles.length > 0 && files > 4)
  const deviceKey = readFileSync(join(world.server.dataFolder, 'device.key'))
  for (const file of filesBelow(folder)) assert.equal(readFileSync(file).includes(deviceKey), false)
})

test('a copy that is older than what the ledger vouches for proves nothing', async () => {
  await assert.rejects(prove(first), refusedWith('STATE_ROLLED_BACK'))
})

test('the newest one is put back, and everything is there', async () => {
  const { world } = scene
  await anchorNow()
  await world.server.stop()
  const { backup } = take()
  assert.match(restoreSnapshot(new Repository(folder), backup, world.server.dataFolder, nowMs()) ?? '', /^\.before-/)
  await world.server.start()
  await world.server.serving()
  assert.equal((await world.verifyEverything()).records, 14)
})

test('an older one is put back, and does not serve: no option changes that', async () => {
  const { world } = scene
  await anchorNow()
  await world.server.stop()
  restoreSnapshot(new Repository(folder), last, world.server.dataFolder, nowMs() + 1)
  await world.server.start()
  await assert.rejects(world.server.serving(), refusedWith('STATE_ROLLED_BACK'))
})
