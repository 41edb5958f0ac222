/** docs/cli.md names what the program has: commands, flags, exit codes. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../tools/files.ts'
import { EXIT_MEANING } from './exit-codes.ts'
import { COMMANDS } from './main.ts'

const PAGE = readFileSync(join(ROOT, 'docs', 'cli.md'), 'utf8')
/** Made by the program itself, or short for a command. */
const BESIDES = ['completion', 'help', 'grant', 'revoke', 'register']

/** Cells of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const [, from = ''] = PAGE.split(`## ${heading}\n`)
  const [section = ''] = from.split('\n## ')
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const wordsIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string)

test('every command is in the table of commands, and nothing else', () => {
  const named = rowsUnder('Commands').flatMap(([cell]) => wordsIn(cell))
  const paths = COMMANDS.map(({ path }) => path)
  assert.deepEqual(named.filter((word) => !BESIDES.includes(word)).toSorted(), paths.toSorted())
})

test('output is described of commands that there are', () => {
  const paths: readonly string[] = COMMANDS.map(({ path }) => path)
  for (const word of rowsUnder('Output for programs').flatMap(([cell]) => wordsIn(cell))) {
    assert.ok(paths.includes(word), word)
  }
})

test('exit codes mean what the program says', () => {
  const rows = rowsUnder('Exit codes').map(([code, meaning]) => [code, meaning])
  assert.deepEqual(Object.fromEntries(rows), EXIT_MEANING)
})
