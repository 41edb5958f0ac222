/**
 * Every refusal has a negative test: no code of the error table without a test that names it, and none that only unit
 * tests reach without a reason. The page says what is so.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REACHED_ELSEWHERE, reasonOf } from './reached-elsewhere.ts'
import { PAGE, whereTested, type WhereTested } from './where-codes-are-tested.ts'

const rows = whereTested()

test('every code of the error table is named in a test', () => {
  assert.ok(rows.length > 100)
  const missing = rows.filter(({ whole, beside }) => whole.length + beside.length === 0)
  assert.deepEqual(
    missing.map(({ code }) => code),
    [],
  )
})

test('a code that no test of the running system names has a reason; one that has a test needs none', () => {
  const unexplained = rows.filter(({ code, whole }) => whole.length === 0 && reasonOf(code) === undefined)
  assert.deepEqual(
    unexplained.map(({ code }) => code),
    [],
  )
  const explained = rows.filter(({ code, whole }) => whole.length > 0 && Object.hasOwn(REACHED_ELSEWHERE, code))
  assert.deepEqual(
    explained.map(({ code }) => code),
    [],
  )
})

test('every reason is of a code that there is', () => {
  const codes = rows.map(({ code }) => code)
  for (const key of Object.keys(REACHED_ELSEWHERE)) {
    const isThere = key.endsWith('*') ? codes.some((code) => code.startsWith(key.slice(0, -1))) : codes.includes(key)
    assert.ok(isThere, key)
  }
})

test('the page has a row for every code, and what it says is so', () => {
  const written = readFileSync(PAGE, 'utf8').split('\n').flatMap(rowOf)
  assert.deepEqual(
    written.map(({ code }) => code),
    rows.map(({ code }) => code),
    'write it again: --write',
  )
  for (const [i, { code, files, reason }] of written.entries()) {
    const { whole, beside } = rows[i] as WhereTested
    assert.ok(files.length > 0, code)
    const known = whole.length > 0 ? whole : beside
    for (const file of files) assert.ok(known.includes(file), `${code}: ${file}; write it again: --write`)
    assert.equal(reason, whole.length > 0 ? '' : reasonOf(code), `${code}; write it again: --write`)
  }
})

/** One row of the page; nothing for other lines. */
function rowOf(line: string): readonly { code: string; files: readonly string[]; reason: string }[] {
  const [, first = '', second = '', third = ''] = line.split('|').map((cell) => cell.trim())
  const code = /^`([A-Z0-9_]+)`$/.exec(first)?.[1]
  if (code === undefined) return []
  return [{ code, files: [...second.matchAll(/`([^`]+)`/g)].map(([, file]) => file ?? ''), reason: third }]
}
