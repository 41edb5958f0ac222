/**
 * The real trusted application in the process TEE: bundled, measured, confined, started, stopped, started again.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHandshake } from '../../shared/protocol/src/session/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { sqlCipherPackage, startProcessTee, type ProcessTeeOptions } from '../../tee/process/src/index.ts'
import { buildApplication } from '../../tools/bundle-ta.ts'

let folder: string
let taPath: string
let hostPath: string
let expectedMeasurement: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trusthealth-process-'))
  const built = await buildApplication(folder)
  taPath = built.taPath
  hostPath = built.hostPath
  expectedMeasurement = built.measurement
})
after(() => rmSync(folder, { recursive: true, force: true }))

const start = (storeFolder: string, options: Partial<ProcessTeeOptions> = {}) =>
  startProcessTee({
    taPath,
    hostPath,
    expectedMeasurement,
    storeFolder,
    nativePackages: [sqlCipherPackage()],
    ...options,
  })

test('it starts confined, knows what it is, and serves nobody before it is set up', async (t) => {
  const tee = await start(join(folder, 'fresh'))
  t.after(() => tee.close())
  const status = await tee.request('status', {})
  assert.equal(status.state, 'new')
  assert.equal(Buffer.from(status.measurement).toString('hex'), expectedMeasurement)
  assert.deepEqual(status.isolation, tee.isolation)
  const { hello } = startHandshake(createNodeCrypto())
  await assert.rejects(tee.request('hello', { hello, conn: 1 }), { code: 'TEE_NOT_PROVISIONED' })
  await assert.rejects(tee.request('record', { record: new Uint8Array(64) }), { code: 'TEE_NOT_PROVISIONED' })
  await assert.rejects(tee.request('attest', { nonce: new Uint8Array(32) }), { code: 'TEE_NOT_PROVISIONED' })
})

test('it goes on with its store, and writes only there', async () => {
  const storeFolder = join(folder, 'again')
  const first = await start(storeFolder)
  const earlier = await first.request('status', {})
  await first.close()
  const second = await start(storeFolder)
  const status = await second.request('status', {})
  await second.close()
  assert.ok(status.logSize >= earlier.logSize)
  assert.deepEqual(readdirSync(storeFolder).toSorted(), ['data', 'run'])
  assert.ok(existsSync(join(storeFolder, 'run', 'trusted-application.mjs')))
})

test('a damaged store is found at the start, and the reason is told', async () => {
  const storeFolder = join(folder, 'damaged')
  await (await start(storeFolder)).close()
  const data = join(storeFolder, 'data')
  const large = readdirSync(data)
    .map((name) => join(data, name))
    .toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0] as string
  const bytes = readFileSync(large)
  for (let at = 0; at < bytes.length; at += 64) bytes[at] = (bytes[at] as number) ^ 0xff
  writeFileSync(large, bytes)
  await assert.rejects(start(storeFolder, { restart: { firstPauseMs: 1, longestPauseMs: 1 } }), {
    code: 'STORE_DAMAGED',
  })
})

test('another program than the measured one is not started', async () => {
  const other = join(folder, 'other.mjs')
  writeFileSync(other, readFileSync(taPath, 'utf8').replace('trusthealth-ta', 'trusthealth-tb'))
  await assert.rejects(start(join(folder, 'none'), { taPath: other }), { code: 'TEE_MEASUREMENT' })
})
