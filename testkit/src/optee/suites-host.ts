/**
 * Host script of the TA that runs the suites of the ports inside the secure world: the same functions for C as
 * secure/ta/src/optee-host.ts. Each `exchange` runs one test; output is a line `ok …` or `not ok …` for it.
 *
 * @module
 */
import {
  createOpteeCrypto,
  createOpteeDatabasePort,
  createOpteeDeviceKey,
  type Native,
} from '../../../secure/adapters/optee/src/index.ts'
import { decodeUtf8, encodeHex, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import { describeCrypto, describeCryptoPair } from '../suites/crypto.ts'
import { describeSqlDatabase } from '../suites/sql-database.ts'
import assert from './node-assert.ts'
import { collected, test } from './node-test.ts'

const FLAG = { due: 2, ended: 4 } as const

let next = 0
let output: Uint8Array = new Uint8Array(0)

export function start(native: Native): void {
  const create = () => createOpteeCrypto(native)
  describeCrypto('optee', create)
  describeCryptoPair('optee and portable', create, () => createPortableCrypto((length) => native.randomBytes(length)))
  describeSqlDatabase('optee', () => createOpteeDatabasePort(native, { cacheKib: 256 }))
  describePlatform(native)
}

/** What has no sibling on Node: the device key, the clocks, text in the engine. */
function describePlatform(native: Native): void {
  const crypto = createOpteeCrypto(native)
  test('optee: the device key is the same for one purpose, and another for each purpose and application', () => {
    const first = createOpteeDeviceKey(crypto, native, 'a')
    assert.equal(first.derive('x').length, 32)
    assert.deepEqual(first.derive('x'), createOpteeDeviceKey(crypto, native, 'a').derive('x'))
    assert.notDeepEqual(first.derive('x'), first.derive('y'))
    assert.notDeepEqual(first.derive('x'), createOpteeDeviceKey(crypto, native, 'b').derive('x'))
  })
  test('optee: the monotonic clock does not go back', () => {
    const before = native.monotonicMs()
    assert.ok(native.monotonicMs() >= before && native.unixMs() > 0)
  })
  test('optee: text of every length is what the portable codec makes of it', () => {
    for (const text of ['', 'a'.repeat(100), 'é'.repeat(60), '\u{1F600}'.repeat(40), '\ufeffmark'.repeat(20)]) {
      const bytes = encodeUtf8(text)
      assert.deepEqual(native.encodeUtf8(text), bytes)
      assert.equal(decodeUtf8(bytes), text)
      assert.equal(native.decodeUtf8(bytes), text)
    }
    for (const bad of [
      [0xc0, 0x80],
      [0xe0, 0x9f, 0xbf],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0x80],
      [0xe2, 0x82],
    ]) {
      assert.equal(native.decodeUtf8(Uint8Array.from(bad)), undefined)
    }
  })
  test('optee: arguments of another type or length are refused before memory is touched', () => {
    const any = native as unknown as Record<string, (...args: readonly unknown[]) => unknown>
    for (const call of [
      () => any['sha256']?.([1]),
      () => any['hmacSha256']?.('key', []),
      () => any['openAead']?.(new Uint8Array(31)),
      () => any['encrypt']?.({}, new Uint8Array(12), new Uint8Array(0), new Uint8Array(0)),
      () => any['p256Sign']?.(new Uint8Array(32), new Uint8Array(31)),
      () => any['x25519']?.(new Uint8Array(32), new Uint16Array(16)),
      () => any['step']?.({}),
      () => any['randomBytes']?.(-1),
    ]) {
      assert.throws(call, TypeError)
    }
  })
  test('optee: reports are made over nonces, and the memory under them stays the same', () => {
    const [a, b] = [native.report('program', new Uint8Array(32)), native.report('program', new Uint8Array(32).fill(1))]
    assert.equal(a.length, 416)
    assert.deepEqual(a.slice(0, 32), b.slice(0, 32))
    assert.notDeepEqual(a.slice(32), b.slice(32))
    assert.notDeepEqual(native.report('core', new Uint8Array(32)).slice(0, 32), a.slice(0, 32))
    assert.equal(native.reportKey().length, 384)
    assert.equal(encodeHex(native.measurement).length, 64)
  })
}

export function exchange(): number {
  const one = collected[next++]
  if (one === undefined) return FLAG.ended
  output = encodeUtf8(`${outcomeOf(one.run)} ${one.title}\n`)
  return FLAG.due
}

function outcomeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    return `not ok (${String(error).replaceAll('\n', ' ').slice(0, 600)})`
  }
}

export function take(): Uint8Array {
  const taken = output
  output = new Uint8Array(0)
  return taken
}

export function waiting(): number {
  return output.length
}
