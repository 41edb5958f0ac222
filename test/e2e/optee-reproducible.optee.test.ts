/**
 * The same sources and keys give the same firmware and the same signed trusted application, whatever folders they are
 * built in: optee/reproduce.sh.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../tools/files.ts'

/** Builds everything once more. */
const skip = process.env['TRUSTHEALTH_LONG'] === '1' ? false : 'TRUSTHEALTH_LONG=1 builds a second time'

test('a second build in another folder is the first one, byte for byte', { skip }, (t) => {
  const { status, stdout, stderr } = spawnSync('bash', [join(ROOT, 'optee/reproduce.sh')], { encoding: 'utf8' })
  for (const line of stdout.trimEnd().split('\n')) t.diagnostic(line)
  assert.equal(status, 0, `${stdout}${stderr}`)
  assert.equal(stdout.match(/^the same: /gm)?.length, 3)
})
