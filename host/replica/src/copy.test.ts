/**
 * A copy of the store between two hosts: whole, or nothing is changed.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { receiveCopy, sendCopy } from './copy.ts'

const root = mkdtempSync(join(tmpdir(), 'trusthealth-copy-'))
after(() => rmSync(root, { recursive: true }))

const folder = (): string => mkdtempSync(join(root, 'folder-'))

async function* pieces(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}

async function sent(database: Uint8Array, log: Uint8Array): Promise<Buffer> {
  const data = folder()
  writeFileSync(join(data, 'store.db'), database)
  writeFileSync(join(data, 'store.db-wal'), log)
  const scratch = folder()
  const parts = []
  for await (const part of sendCopy(data, scratch)) parts.push(part)
  assert.deepEqual(readdirSync(scratch), [], 'nothing is left behind')
  return Buffer.concat(parts)
}

const DATABASE = new Uint8Array(20_000).fill(1)
const LOG = new Uint8Array(9_000).fill(2)

test('both files arrive, however they were cut on the way; what was there before is gone', async () => {
  const copy = await sent(DATABASE, LOG)
  for (const step of [1, 977, copy.length]) {
    const data = folder()
    for (const name of ['store.db', 'store.db-shm', 'device.key']) writeFileSync(join(data, name), 'earlier')
    await receiveCopy(pieces(copy, step), data)
    assert.deepEqual(new Uint8Array(readFileSync(join(data, 'store.db'))), DATABASE)
    assert.deepEqual(new Uint8Array(readFileSync(join(data, 'store.db-wal'))), LOG)
    assert.equal(existsSync(join(data, 'store.db-shm')), false)
    assert.equal(readFileSync(join(data, 'device.key'), 'utf8'), 'earlier')
  }
})

test('a copy that is cut, longer than it says, or of another form changes nothing', async () => {
  const copy = await sent(DATABASE, LOG)
  const header = (text: string): Buffer => Buffer.concat([Buffer.from(text), copy.subarray(copy.indexOf('\n'))])
  const bad: readonly (readonly [Uint8Array, string])[] = [
    [copy.subarray(0, -1), 'STORE_DAMAGED'],
    [copy.subarray(0, 10), 'STORE_DAMAGED'],
    [new Uint8Array(0), 'STORE_DAMAGED'],
    [Buffer.concat([copy, Buffer.from('x')]), 'STORE_DAMAGED'],
    [new Uint8Array(10_000).fill(0x20), 'STORE_DAMAGED'],
    [header('{"files":[{"name":"../device.key","bytes":29000}]}'), 'MESSAGE_MALFORMED'],
  ]
  for (const [bytes, code] of bad) {
    const data = folder()
    writeFileSync(join(data, 'store.db'), 'earlier')
    await assert.rejects(receiveCopy(pieces(bytes, 4_096), data), { code })
    assert.deepEqual(readdirSync(data), ['store.db'])
    assert.equal(readFileSync(join(data, 'store.db'), 'utf8'), 'earlier')
  }
})
