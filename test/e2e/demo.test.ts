/**
 * `trusthealth demo` as a person runs it: every step holds, nothing stays behind, and a step that does not hold is told.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { PlayedStep } from '../../clients/cli/src/demo/player.ts'
import { ensureApplication } from '../../tools/bundle-ta.ts'
import { ROOT } from '../../tools/files.ts'

const MAIN = join(ROOT, 'clients/cli/src/main.ts')

let folder: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trusthealth-demo-test-'))
  await ensureApplication()
})
after(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the program in a folder of its own, with a temporary folder of its own. */
async function run(args: readonly string[], whileRunning?: () => Promise<void>): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' },
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  await whileRunning?.()
  return await ended
}

function stepsOf(out: string): PlayedStep[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PlayedStep)
}

test('every step of the demo ends as promised, and nothing of it stays behind', async () => {
  const { code, out, err } = await run(['demo', '--json=lines'])
  assert.equal(code, 0, out + err)
  const steps = stepsOf(out)
  assert.ok(steps.length >= 29)
  for (const { ok, title, proof } of steps) {
    assert.ok(ok, `${title}: ${proof}`)
    assert.ok(title.length <= 46, `too long for its line: ${title}`)
  }
  const proofs = steps.map(({ proof }) => proof).join('\n')
  for (const noticed of [
    'WARRANT_SIGNATURE_INVALID',
    'WARRANT_EXPIRED',
    'GRANT_REVOKED',
    'RECORD_ERASED',
    'CHAIN_LINK_ALTERED (2)',
    'SESSION_REPLAY',
    'ENDORSEMENT_NONCE',
    'STATE_ROLLED_BACK',
    'LEDGER_BLOCK_INVALID',
    'TEE_MEASUREMENT',
    'ATTESTATION_MEASUREMENT',
    'ATTESTATION_SIMULATED',
  ]) {
    assert.ok(proofs.includes(noticed), noticed)
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('trusthealth-demo-')),
    [],
  )
})

test('on a running system it plays what damages nothing, and the system runs on', async () => {
  const state = join(folder, 'state')
  const starting = ['start', '--state', state, '--any-ports', '--no-data', '--json']
  const played: Ended[] = []
  const started = await run(starting, async () => {
    await eventually(() => existsSync(join(state, 'system.json')) && played.length === 0 && isReady(state))
    played.push(await run(['demo', '--state', state, '--json']))
    played.push(await run(['status', '--state', state, '--json']))
    played.push(await run(['stop', '--state', state, '--json']))
  })
  const [demo, status] = played
  assert.equal(demo?.code, 0, `${demo?.out}${demo?.err}`)
  const { data } = JSON.parse(demo?.out ?? '') as { data: { passed: number; of: number; notShown: string } }
  assert.equal(data.passed, data.of)
  assert.match(data.notShown, /attacks on files/)
  assert.equal(status?.code, 0, `${status?.out}${status?.err}`)
  assert.equal(started.code, 0, started.err)
})

test('on a folder where nothing runs it says so', async () => {
  const { code, out } = await run(['demo', '--state', join(folder, 'nothing'), '--json'])
  assert.notEqual(code, 0)
  assert.equal((JSON.parse(out) as { error: { code: string } }).error.code, 'CLIENT_NOT_RUNNING')
})

function isReady(state: string): boolean {
  const programs = Object.values(systemOf(state).programs)
  return programs.length === 4 && programs.every((program) => program.state === 'running')
}

function systemOf(state: string): { readonly programs: Record<string, { readonly state: string }> } {
  try {
    return JSON.parse(readFileSync(join(state, 'system.json'), 'utf8')) as {
      programs: Record<string, { state: string }>
    }
  } catch {
    return { programs: {} }
  }
}

async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 50))
}
