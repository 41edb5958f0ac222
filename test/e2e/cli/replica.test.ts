/**
 * A replica by the command line: added beside a running system, made synchronous, and promoted.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureApplication } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import { runCommand, wordsOf, type CommandResult } from './transcript.ts'

const MAIN = join(ROOT, 'clients/cli/src/main.ts')
const root = mkdtempSync(join(tmpdir(), 'trusthealth-replica-cli-'))
const place = { state: join(root, 'state'), folder: join(root, 'files') }
const running: ChildProcess[] = []

before(async () => {
  await ensureApplication()
  mkdirSync(place.folder)
  const result = { resourceType: 'Observation', status: 'final', code: { text: 'Potassium' } }
  writeFileSync(join(place.folder, 'potassium.json'), JSON.stringify(result))
})
after(async () => {
  for (const child of running.toReversed()) await ended(child)
  rmSync(root, { recursive: true, force: true })
})

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const end = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGINT')
  return end
}

/** A command that stays; resolves with what it printed first. */
async function stay(line: string): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [MAIN, ...wordsOf(line), '--state', place.state, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return await new Promise((resolve, reject) => {
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk
      if (!out.includes('\n')) return
      const { ok, data } = JSON.parse(out) as { ok: boolean; data: Record<string, unknown> }
      if (ok) resolve(data)
      else reject(new Error(out + text))
    })
    child.once('exit', (code) => reject(new Error(`${line} ended with ${code}: ${out}${text}`)))
  })
}

async function run(line: string): Promise<CommandResult> {
  const result = await runCommand(place, wordsOf(line))
  assert.equal(result.exit, 0, `${line}\n${result.out}${result.err}`)
  return result
}

async function told(line: string): Promise<Record<string, unknown>> {
  return (JSON.parse((await run(`${line} --json`)).out) as { data: Record<string, unknown> }).data
}

test('a replica is added, made synchronous and promoted; then the server before is down', async () => {
  await stay('start --any-ports --no-data')
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await run('warrant issue --doctor alice --until 7d --as bob')

  const none = await runCommand(place, wordsOf('replica status'))
  assert.notEqual(none.exit, 0)
  const added = await stay('replica add')
  assert.match(added['instance'] as string, /^[0-9a-f]{64}$/)
  await run('record store potassium.json --patient bob --as alice')
  await run('replica mode synchronous')
  await run('record store potassium.json --patient bob --as alice')
  const { server, behind } = await told('replica status')
  assert.equal((server as { replication: { mode: string } }).replication.mode, 'synchronous')
  assert.equal(typeof behind, 'number')

  const { code } = await told('replica promote --dry-run')
  const refused = await runCommand(place, wordsOf('replica promote --confirm abcdef'))
  assert.notEqual(refused.exit, 0)
  const promoted = await told(`replica promote --confirm ${code as string}`)
  assert.equal(promoted['url'], added['url'])
  const { replica } = await told('replica status')
  assert.equal((replica as { state: string }).state, 'serving')
})
