/**
 * `trusthealth demo --ledger fabric`: the demo on a temporary network, with the attacks of whoever has a machine of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { PlayedStep } from '../../clients/cli/src/demo/player.ts'
import { ensureApplication } from '../../tools/bundle-ta.ts'
import { ROOT } from '../../tools/files.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-fabric-demo-test-'))

before(async () => {
  await ensureApplication()
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('every step ends as promised, lies of peers and a killed orderer included, and nothing stays behind', () => {
  const main = join(ROOT, 'clients/cli/src/main.ts')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', '--ledger', 'fabric', '--json=lines'], {
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
    'ENDORSEMENT_NONCE',
    'ENDORSEMENT_DISAGREEMENT',
    'LEDGER_BLOCK_INVALID',
    'STATE_ROLLED_BACK',
  ]) {
    assert.ok(proofs.includes(noticed), noticed)
  }
  assert.match(proofs, /orderer\d is gone; stored and on the ledger/)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('trusthealth-demo-')),
    [],
  )
})
