/**
 * The gate over secrets.ts: every file that git knows, `npm run check -- secrets`. Prints places, never what was found.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, runCommand } from '../files.ts'
import { findSecrets, readText } from './secrets.ts'

/** Files that the run must have read. */
const LEAST_FILES = 500

const { status, stdout } = runCommand('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  output: 'keep',
})
const files = status === 0 ? stdout.split('\0').filter((file) => file !== '') : []
let read = 0
let found = 0
for (const file of files) {
  const path = join(ROOT, file)
  // Removed and not yet committed.
  if (!existsSync(path)) continue
  const text = readText(path)
  if (text === undefined) continue
  read++
  for (const { line, kind } of await findSecrets(file, text)) {
    found++
    console.error(`${file}:${line} ${kind}`)
  }
}
if (read < LEAST_FILES) console.error(`read ${read} files only: is this a checkout of git?`)
console.log(`secrets: ${read} files, ${found} found`)
if (found > 0 || read < LEAST_FILES) process.exitCode = 1
