/**
 * `trusthealth demo --tee optee`: the demo with the record server in an emulated TrustZone, its attacks and two more.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { PlayedStep } from '../../clients/cli/src/demo/player.ts'
import { ROOT } from '../../tools/files.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-optee-demo-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Some attacks restart the machine many times: a quarter of an hour under emulation. */
const skip = process.env['TRUSTHEALTH_LONG'] === '1' ? false : 'TRUSTHEALTH_LONG=1 plays the whole demo'

test('every step ends as promised in TrustZone, attacks on memory and disk included', { skip }, () => {
  const main = join(ROOT, 'clients/cli/src/main.ts')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', '--tee', 'optee', '--json=lines'], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' },
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
  const steps = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PlayedStep)
  assert.ok(steps.length >= 31)
  assert.deepEqual(
    steps.filter(({ ok }) => !ok),
    [],
  )
  const proofs = steps.map(({ proof }) => proof).join('\n')
  for (const noticed of [
    'ATTESTATION_SIMULATED',
    'ATTESTATION_MEASUREMENT',
    'TEE_MEASUREMENT',
    'STATE_ROLLED_BACK',
    'each a bus error',
    'another device: STORE_DAMAGED',
  ]) {
    assert.ok(proofs.includes(noticed), noticed)
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => /^trusthealth-(demo|qemu)-/.test(name)),
    [],
  )
})
