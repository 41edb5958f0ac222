import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { kidOf, newRef, parseEvidence } from '../../../../shared/protocol/src/index.ts'
import { createProcessClock, createProcessEvidence, openDeviceKeyFile } from './index.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-device-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a device derives the same keys at each start, other ones for another application, purpose or device', () => {
  const path = join(folder, 'a', 'device.key')
  const first = openDeviceKeyFile(crypto, { path, taId: 'one' })
  const again = openDeviceKeyFile(crypto, { path, taId: 'one' })
  const key = first.derive('root')
  assert.equal(key.length, 32)
  assert.deepEqual(again.derive('root'), key)
  assert.notDeepEqual(first.derive('other'), key)
  assert.notDeepEqual(openDeviceKeyFile(crypto, { path, taId: 'two' }).derive('root'), key)
  const otherDevice = openDeviceKeyFile(crypto, { path: join(folder, 'b.key'), taId: 'one' })
  assert.notDeepEqual(otherDevice.derive('root'), key)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a file of another length is STORE_DAMAGED; an empty one is a first start that was cut', () => {
  const path = join(folder, 'c.key')
  writeFileSync(path, new Uint8Array(31))
  assert.throws(() => openDeviceKeyFile(crypto, { path, taId: 'one' }), { code: 'STORE_DAMAGED' })
  writeFileSync(path, '')
  openDeviceKeyFile(crypto, { path, taId: 'one' })
  assert.equal(readFileSync(path).length, 32)
})

test('a folder that cannot be made is STORE_FAILED', () => {
  writeFileSync(join(folder, 'file'), '')
  const path = join(folder, 'file', 'device.key')
  assert.throws(() => openDeviceKeyFile(crypto, { path, taId: 'one' }), { code: 'STORE_FAILED' })
})

test('evidence says that it is simulated, what runs, and is signed by the key that it names', () => {
  const deviceKey = openDeviceKeyFile(crypto, { path: join(folder, 'd.key'), taId: 'one' })
  const evidence = createProcessEvidence(crypto, deviceKey, {
    measurement: new Uint8Array(32).fill(1),
    runtime: new Uint8Array(32).fill(2),
    isolation: ['own-process'],
  })
  const identityKey = crypto.generateSigningKey().publicKey
  const nonce = new Uint8Array(32).fill(3)
  const serverRef = newRef(crypto, 's')
  const jws = evidence.attest(nonce, { serverRef, identityKey, configDigest: new Uint8Array(32), nowMs: 1_999 })
  const { header, payload, signingInput, signature } = parseEvidence(jws)
  assert.equal(header.kid, kidOf(crypto, evidence.attestationKey))
  assert.ok(crypto.verify(crypto.importVerifyingKey(evidence.attestationKey), signingInput, signature))
  assert.equal(payload.simulated, true)
  assert.equal(payload.iat, 1)
  assert.deepEqual(payload.nonce, nonce)
  assert.equal(payload.measurement, '01'.repeat(32))
  const later = createProcessEvidence(crypto, deviceKey, {
    measurement: new Uint8Array(32),
    runtime: new Uint8Array(32),
    isolation: [],
  })
  assert.deepEqual(later.attestationKey, evidence.attestationKey)
})

test('the monotonic clock does not go back', () => {
  const clock = createProcessClock()
  const first = clock.monotonicMs()
  assert.ok(clock.monotonicMs() >= first)
  assert.ok(Number.isSafeInteger(first) && Number.isSafeInteger(clock.nowMs()))
})
