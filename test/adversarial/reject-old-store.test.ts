/**
 * The disk in the hands of its operator: whole old stores, single old pages, flipped bits, another device. Whatever is
 * done to the files, the server never gives an answer that is not the right one: it notices, or the page no longer
 * mattered. Threat model T1; docs/protocol/06 §6.7 to §6.9.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { codeOf } from '../../clients/sdk/src/index.ts'
import { encodeHex } from '../../shared/crypto/src/index.ts'
import {
  changedPages,
  copyFolder,
  flipBit,
  labResult,
  openScene,
  putBackFolder,
  putBackPages,
  refusedWith,
  type FolderCopy,
  type Scene,
} from '../../testkit/src/world/index.ts'

const PAGE_BYTES = 8_192
let scene: Scene
let older: FolderCopy
let good: FolderCopy
let expected: string

before(async () => {
  scene = await openScene()
  const { world, bob, alice, warrant, stored } = scene
  await world.server.stop()
  older = copyFolder(world.server.dataFolder)
  await start()
  for (const value of [50, 51, 52]) await alice.store({ patient: bob.ref, warrant, ehr: labResult(value) })
  await alice.correct(await alice.read(stored.recordId), bob.ref, labResult(60), warrant)
  expected = await readEverything()
  await world.server.stop()
  good = copyFolder(world.server.dataFolder)
})
after(() => scene?.world.close())

async function start(): Promise<void> {
  await scene.world.server.start()
  await scene.world.server.serving()
}

/** Everything that Bob can see of his records, as one text. */
async function readEverything(): Promise<string> {
  const { bob } = scene
  const { items } = await bob.records()
  const texts: string[] = []
  for (const { record } of items) {
    const answer = await bob.read(record)
    const { checks } = await bob.verify(answer)
    texts.push(
      `${record} ${answer.version} ${encodeHex(answer.ehr)} ${checks.map(({ id, result }) => id + result).join()}`,
    )
  }
  const { items: found } = await bob.search({ patient: bob.ref, text: 'HbA1c' })
  return JSON.stringify([items, texts, found])
}

/**
 * Starts on tampered files, with a host that keeps checkpoints from the ledger: so the good copy stays the newest that
 * the ledger knows of.
 */
async function outcomeOf(tamper: () => void): Promise<string> {
  const { world } = scene
  putBackFolder(world.server.dataFolder, good)
  tamper()
  world.hooks.submit = () => Promise.reject(Object.assign(new Error('kept'), { code: 'LEDGER_UNAVAILABLE' }))
  try {
    await start()
    return (await readEverything()) === expected ? 'as before' : 'ANOTHER ANSWER'
  } catch (error) {
    return codeOf(error) ?? (error as { code?: string }).code ?? `unexpected ${String(error)}`
  } finally {
    await world.server.stop()
    world.beHonest()
  }
}

const NOTICED = ['STORE_DAMAGED', 'STATE_ROLLED_BACK', 'CHECKPOINT_FORKED']

test('the good store answers as before', async () => {
  assert.equal(await outcomeOf(() => undefined), 'as before')
})

test('a whole old store is noticed at the start', async () => {
  putBackFolder(scene.world.server.dataFolder, older)
  await assert.rejects(start(), refusedWith('STATE_ROLLED_BACK', 'CHECKPOINT_FORKED'))
  await scene.world.server.stop()
})

test('every single old page is noticed, or nothing rests on it any more', async () => {
  const pages = changedPages(older, good)
  assert.ok(pages.length >= 8, 'several pages changed')
  let noticed = 0
  for (const page of pages) {
    const outcome = await outcomeOf(() => putBackPages(scene.world.server.dataFolder, older, [page]))
    assert.ok(outcome === 'as before' || NOTICED.includes(outcome), `page ${page}: ${outcome}`)
    if (outcome !== 'as before') noticed++
  }
  assert.ok(noticed >= pages.length / 2, `${noticed} of ${pages.length} pages noticed`)
})

test('half of the pages of an old store beside half of the new ones are noticed', async () => {
  const pages = changedPages(older, good)
  for (const parity of [0, 1]) {
    const half = pages.filter((_, i) => i % 2 === parity)
    const outcome = await outcomeOf(() => putBackPages(scene.world.server.dataFolder, older, half))
    assert.ok(NOTICED.includes(outcome), outcome)
  }
})

test('a flipped bit in any page is noticed, or nothing rests on the page', async () => {
  const pages = (good.get('store.db')?.length ?? 0) / PAGE_BYTES
  let noticed = 0
  for (let page = 0; page < pages; page++) {
    const outcome = await outcomeOf(() => flipBit(scene.world.server.dataFolder, page * PAGE_BYTES + 4_000, page % 8))
    assert.ok(outcome === 'as before' || outcome === 'STORE_DAMAGED', `page ${page}: ${outcome}`)
    if (outcome !== 'as before') noticed++
  }
  assert.ok(noticed >= pages / 3, `${noticed} of ${pages} pages noticed`)
})

test('a store that was cut short is noticed', async () => {
  const path = join(scene.world.server.dataFolder, 'store.db')
  for (const cut of [PAGE_BYTES, 3 * PAGE_BYTES + 17]) {
    const outcome = await outcomeOf(() => writeFileSync(path, readFileSync(path).subarray(0, -cut)))
    assert.ok(NOTICED.includes(outcome), outcome)
  }
})

test('on another device the store does not open', async () => {
  const outcome = await outcomeOf(() => {
    writeFileSync(join(scene.world.server.dataFolder, 'device.key'), scene.world.crypto.randomBytes(32))
  })
  assert.equal(outcome, 'STORE_DAMAGED')
})

test('an empty store in its place serves nobody', async () => {
  const { world } = scene
  putBackFolder(world.server.dataFolder, good)
  for (const name of ['store.db', 'store.db-wal']) rmSync(join(world.server.dataFolder, name), { force: true })
  await world.server.start()
  const { state } = await world.server.tee.request('status', {})
  assert.equal(state, 'new')
  await assert.rejects(scene.bob.records(), refusedWith('TEE_NOT_PROVISIONED'))
  await world.server.stop()
})

test('with the good files everything is there again', async () => {
  putBackFolder(scene.world.server.dataFolder, good)
  await start()
  const { records } = await scene.world.verifyEverything()
  assert.equal(records, 4)
})
