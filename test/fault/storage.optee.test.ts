/**
 * The secure storage of the trusted application on this machine, without TrustZone: its own tests in C, compiled with
 * the address and undefined-behaviour sanitizers. A model of all calls, power cuts at every write, damage everywhere,
 * SQLCipher on top. optee/storage/README.md.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const SCRIPT = join(import.meta.dirname, '../../optee/storage/test/test.sh')

test('files, power cuts, damage and SQLCipher, natively', (context) => {
  const isLong = process.env['TRUSTHEALTH_LONG'] === '1'
  const run = spawnSync(SCRIPT, isLong ? ['--long'] : [], { encoding: 'utf8' })
  for (const line of run.stdout.trimEnd().split('\n')) context.diagnostic(line)
  assert.equal(run.status, 0, run.stderr)
})
