/** Lists of doctors: whom a hospital asks, and what it says where its own list cannot be published. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { newRef, type Directory } from '../../shared/protocol/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'
import { openHospitalDatabase } from './database.ts'
import { Directories, fetchBounded, signDirectory, type DirectorySource } from './directories.ts'

const crypto = createNodeCrypto()
const hospital = { ref: newRef(crypto, 'h'), signingKey: crypto.generateSigningKey() }
const doctors = (count: number, name: string): Directory['practitioners'] =>
  Array.from({ length: count }, () => ({ ref: newRef(crypto, 'd'), name, department: 'Cardiology' }))

test('hospitals that join later are asked from then on', async () => {
  const sources: DirectorySource[] = []
  const asked: string[] = []
  const signed = encodeUtf8(JSON.stringify(signDirectory(crypto, hospital, doctors(1, 'Omar Haddad'))))
  const get = (url: string) => {
    asked.push(url)
    return Promise.resolve(signed)
  }
  const directories = new Directories({ sources: () => sources, get, nowMs: () => 0 })
  assert.deepEqual(await directories.all(), [])
  sources.push({ ref: hospital.ref, name: 'Hospital C', url: 'http://127.0.0.1:1' })
  const [found] = await directories.all()
  assert.deepEqual([found?.name, found !== undefined && 'list' in found], ['Hospital C', true])
  assert.deepEqual(asked, ['http://127.0.0.1:1/v1/directory'])
})

test('a list has at most 8,192 doctors and 1 MiB', () => {
  signDirectory(crypto, hospital, doctors(8_192, 'A'))
  const tooLarge = { code: 'DIRECTORY_TOO_LARGE' }
  assert.throws(() => signDirectory(crypto, hospital, doctors(8_193, 'A')), tooLarge)
  assert.throws(() => signDirectory(crypto, hospital, doctors(6_000, 'A'.repeat(128))), tooLarge)
})

let world: TestWorld
before(async () => {
  world = await openTestWorld({ hospital: { publishDirectory: true } })
})
after(() => world?.close())

test('a hospital with more doctors than a list may name says so, and other hospitals pass it on', async () => {
  const { hospitalUrl } = world.surroundings('a')
  const source = { ref: world.hospitalRef('a'), name: 'Hospital A', url: hospitalUrl }
  assert.equal((await fetch(`${hospitalUrl}/v1/directory`)).status, 200)
  const db = openHospitalDatabase(join(world.hospitalFolder('a'), 'store'))
  const insert = db.prepare("INSERT INTO practitioner VALUES (?, 'Doctor', 'General', 0, 'AA', 'AA', '[]', 0, 0)")
  db.transaction(() => {
    for (const { ref } of doctors(8_193, 'Doctor')) insert.run(ref)
  })()
  db.close()
  const answer = await fetch(`${hospitalUrl}/v1/directory`)
  assert.equal(answer.status, 413)
  assert.equal(((await answer.json()) as { code: string }).code, 'DIRECTORY_TOO_LARGE')
  const directories = new Directories({ sources: () => [source], get: fetchBounded, nowMs: () => 0 })
  assert.deepEqual(await directories.all(), [{ ref: source.ref, name: 'Hospital A', problem: 'DIRECTORY_TOO_LARGE' }])
})
