/**
 * Plays `trusthealth demo` as a program of its own and holds it to its promises.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PlayedStep } from '../../clients/cli/src/demo/player.ts'
import { ROOT } from '../../tools/files.ts'

/** The demo has at least so many steps, on whatever ledger and in whatever TEE. */
const LEAST_STEPS = 31

export interface PlayedDemo {
  readonly steps: readonly PlayedStep[]
  /** What all steps proved, a line each. */
  readonly proofs: string
}

/** Every step must end as promised, and nothing may stay behind in the folder for temporary files. */
export function playDemo(...options: readonly string[]): PlayedDemo {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-played-'))
  try {
    const main = join(ROOT, 'clients/cli/src/main.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', ...options, '--json=lines'], {
      cwd: folder,
      env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout + stderr)
    const steps = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as PlayedStep)
    assert.ok(steps.length >= LEAST_STEPS)
    assert.deepEqual(
      steps.filter(({ ok }) => !ok),
      [],
    )
    assert.deepEqual(
      readdirSync(folder).filter((name) => /^trusthealth-(demo|qemu)-/.test(name)),
      [],
    )
    return { steps, proofs: steps.map(({ proof }) => proof).join('\n') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
