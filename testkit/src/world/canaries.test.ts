import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { searchBytes, searchFolder } from './canaries.ts'

const CANARY = 'canary-Grüße-4711'

/** The text inside other bytes, at every alignment. */
function hidden(before: number, encode: (bytes: Buffer) => Buffer): Buffer {
  const content = Buffer.concat([randomBytes(before), Buffer.from(CANARY, 'utf8'), randomBytes(9)])
  return Buffer.concat([randomBytes(50), encode(content), randomBytes(50)])
}

test('a text is found in every encoding that our formats use, at every place', () => {
  const encodings = {
    plain: (bytes: Buffer) => bytes,
    hex: (bytes: Buffer) => Buffer.from(bytes.toString('hex')),
    base64: (bytes: Buffer) => Buffer.from(bytes.toString('base64')),
    base64url: (bytes: Buffer) => Buffer.from(bytes.toString('base64url')),
  }
  for (const [name, encode] of Object.entries(encodings)) {
    for (let before = 0; before < 7; before++) {
      assert.ok(searchBytes('x', hidden(before, encode), [CANARY]).length > 0, `${name} after ${before} bytes`)
    }
  }
  assert.ok(searchBytes('x', Buffer.from(CANARY, 'utf16le'), [CANARY]).length > 0)
})

test('what is not there is not found', () => {
  assert.deepEqual(searchBytes('x', randomBytes(100_000), [CANARY]), [])
})

test('a folder is searched with everything in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-search-'))
  try {
    writeFileSync(join(folder, 'a'), randomBytes(1_000))
    assert.deepEqual(searchFolder(folder, [CANARY]), { findings: [], files: 1, bytes: 1_000 })
    writeFileSync(
      join(folder, 'b'),
      hidden(3, (bytes) => bytes),
    )
    assert.deepEqual(searchFolder(folder, [CANARY]).findings, [{ where: 'b', encoding: 'utf-8' }])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
