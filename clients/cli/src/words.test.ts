import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchingIds, resolveId, shortId } from './ids.ts'
import { scopeOf, scopeWords } from './kinds.ts'
import { fitted, printable } from './output.ts'
import { slugOf } from './state-folder.ts'
import { editDistance, nearest, nearestCommands } from './suggest.ts'

const RECORD_A = 'r-01a204a9134da719848555ac0715a98c'
const RECORD_B = 'r-01a204a9134da719848555ac0715a98d'
const GRANT = 'g-62084c4779383151dbc95298e3d19850'

test('records are shown by their last digits, everything else by its first', () => {
  assert.equal(shortId(RECORD_A), 'r-0715a98c')
  assert.equal(shortId(GRANT), 'g-62084c47')
})

test('an id is found by its first or last digits, with or without its letter', async () => {
  const known = [RECORD_A, RECORD_B, GRANT]
  for (const given of ['r-0715a98c', '0715a98c', '715a98c']) {
    assert.equal(await resolveId('r', given, () => known, 'record'), RECORD_A)
  }
  assert.equal(await resolveId('g', '62084', () => known, 'access'), GRANT)
  assert.equal(await resolveId('r', RECORD_B, () => assert.fail('a whole id asks nobody'), 'record'), RECORD_B)
})

test('an id that fits several, none, or too little is refused', async () => {
  const known = [RECORD_A, RECORD_B]
  for (const given of ['01a204a9', 'ffff', '98c', 'xyz1', '']) {
    await assert.rejects(
      resolveId('r', given, () => known, 'record'),
      { code: 'CLIENT_USAGE' },
    )
  }
  assert.deepEqual(matchingIds('g', '0715a98c', known), [])
})

test('distances count swaps of neighbours once', () => {
  assert.equal(editDistance('recrod', 'record'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('same', 'same'), 0)
  assert.deepEqual(nearest('medicin', ['medicine', 'imaging']), ['medicine'])
  assert.deepEqual(nearest('zzz', ['medicine']), [])
})

test('a whole command is suggested for a typo in either word, and for its last word alone', () => {
  const commands = ['record list', 'record verify', 'ledger verify', 'status']
  assert.deepEqual(nearestCommands(['record', 'verfy'], commands), ['record verify'])
  assert.deepEqual(nearestCommands(['legder', 'verify'], commands), ['ledger verify'])
  assert.deepEqual(nearestCommands(['verify'], commands), ['record verify', 'ledger verify'])
  assert.deepEqual(nearestCommands(['staus'], commands), ['status'])
  assert.deepEqual(nearestCommands(['unrelated', 'words'], commands), [])
})

test('kinds come in one list, whichever way they were given', () => {
  assert.deepEqual(scopeOf(['lab,medicine', 'lab']), ['lab', 'medicine'])
  assert.deepEqual(scopeOf(undefined), ['*'])
  assert.deepEqual(scopeOf(['lab', 'all']), ['*'])
  assert.throws(() => scopeOf(['labs']), { code: 'CLIENT_USAGE' })
  assert.equal(scopeWords(['lab', 'medicine', 'imaging']), 'lab results, medicines and imaging')
  assert.equal(scopeWords(['*']), 'all kinds of records')
})

test('names become file names', () => {
  assert.equal(slugOf('Hospital A'), 'hospital-a')
  assert.equal(slugOf("Inés D'Amore  "), 'ines-d-amore')
  assert.equal(slugOf('李波'), '')
})

test('what others wrote cannot move the cursor, colour the line or turn it round', () => {
  const escape = String.fromCharCode(27)
  assert.equal(printable(`a${escape}[31mb\u202Ec\u0085\nd`), 'a [31mb c  d')
  assert.equal(printable('李波 é'), '李波 é')
})

test('sentences are broken between words; tables and data are not', () => {
  assert.equal(fitted('one two three', 8), 'one two\nthree')
  assert.equal(fitted('a-word-that-is-longer x', 8), 'a-word-that-is-longer\nx')
  for (const kept of ['column  another column', '  indented and long text', '{"a": 1, "b": 2, "c": 3}']) {
    assert.equal(fitted(kept, 8), kept)
  }
})
