import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { rememberIds } from './remembered.ts'
import { stateFolderAt } from './state-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-completion-'))
after(() => rmSync(folder, { recursive: true }))
const state = stateFolderAt(folder)
mkdirSync(state.identities, { recursive: true })
for (const name of ['alice', 'bob']) writeFileSync(join(state.identities, `${name}.json`), '{}')
const id = (letter: string, digit: string) => `${letter}-${digit.repeat(32)}`
rememberIds(state, 'bob', [id('r', 'a'), id('w', 'b'), id('g', 'c')])
rememberIds(state, 'alice', [id('e', 'd')])

/** The words that a shell would show after what was typed. */
function completed(...typed: readonly string[]): string[] {
  const main = join(import.meta.dirname, 'main.ts')
  const { stdout, status } = spawnSync(process.execPath, [main, 'complete', '--', ...typed], {
    env: { ...process.env, TRUSTHEALTH_STATE: folder },
    encoding: 'utf8',
  })
  assert.equal(status, 0)
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(':'))
    .map((line) => line.split('\t')[0] as string)
}

test('ids of the last lists, shortened, where an argument takes one', () => {
  assert.deepEqual(completed('record', 'get', ''), ['r-aaaaaaaa'])
  assert.deepEqual(completed('warrant', 'revoke', ''), ['w-bbbbbbbb'])
  assert.deepEqual(completed('warrant', 'show', ''), ['w-bbbbbbbb'])
  assert.deepEqual(completed('grant', 'revoke', ''), ['g-cccccccc'])
  assert.deepEqual(completed('revoke', ''), ['g-cccccccc'])
  assert.deepEqual(completed('emergency', 'close', ''), ['e-dddddddd'])
})

test('names of keys, kinds and records, where an option takes them', () => {
  assert.deepEqual(completed('grant', '--to', ''), ['alice', 'bob'])
  assert.deepEqual(completed('record', 'list', '--as', 'b'), ['bob'])
  assert.deepEqual(completed('record', 'list', '--kind', 'im'), ['imaging', 'immunization'])
  assert.deepEqual(completed('grant', 'create', '--record', ''), ['r-aaaaaaaa'])
  assert.deepEqual(completed('grant', 'create', '--except', ''), ['r-aaaaaaaa'])
})
