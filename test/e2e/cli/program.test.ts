/**
 * A new program for the record server, by the command line: votes are cast, shown and taken back while the system runs;
 * a system whose program was exchanged starts with its operator's leave only, and then has everything that it had.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureApplication } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import { runCommand, wordsOf, type CommandResult } from './transcript.ts'

const root = mkdtempSync(join(tmpdir(), 'trusthealth-program-'))
const place = { state: join(root, 'state'), folder: join(root, 'files') }
const BUNDLE = join('dist', 'ta', 'trusted-application.mjs')

before(async () => {
  await ensureApplication()
  mkdirSync(place.folder)
  const result = { resourceType: 'Observation', status: 'final', code: { text: 'Potassium' } }
  writeFileSync(join(place.folder, 'potassium.json'), JSON.stringify(result))
})
after(async () => {
  await runCommand(place, ['stop'])
  rmSync(root, { recursive: true, force: true })
})

/** This product with another build of the program: everything else is the same files. */
function rebuiltProduct(): string {
  const product = join(root, 'product')
  mkdirSync(join(product, 'clients'), { recursive: true })
  mkdirSync(join(product, 'dist'))
  const link = (...path: readonly string[]) => symlinkSync(join(ROOT, ...path), join(product, ...path))
  for (const name of readdirSync(ROOT)) if (name !== 'clients' && name !== 'dist') link(name)
  for (const name of readdirSync(join(ROOT, 'clients'))) if (name !== 'cli') link('clients', name)
  for (const name of readdirSync(join(ROOT, 'dist'))) if (name !== 'ta') link('dist', name)
  cpSync(join(ROOT, 'clients', 'cli'), join(product, 'clients', 'cli'), { recursive: true })
  cpSync(join(ROOT, 'dist', 'ta'), join(product, 'dist', 'ta'), { recursive: true })
  const bundle = join(product, BUNDLE)
  writeFileSync(bundle, `${readFileSync(bundle, 'utf8')}\n// another build\n`)
  return product
}

/** Until it says what runs, or ends. @returns its exit code if it ended, and what it said. */
async function start(
  product: string,
  ...more: readonly string[]
): Promise<{ readonly exit: number | undefined; readonly text: string }> {
  const main = join(product, 'clients/cli/src/main.ts')
  const words = ['start', '--state', place.state, '--any-ports', '--no-data', '--json', ...more]
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return await new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (chunk.includes('"ok":true')) resolve({ exit: undefined, text })
    })
    child.once('close', (code) => resolve({ exit: code ?? -1, text }))
  })
}

async function run(line: string): Promise<CommandResult> {
  const result = await runCommand(place, wordsOf(line))
  assert.equal(result.exit, 0, `${line}\n${result.out}${result.err}`)
  return result
}

interface Shown {
  readonly measurement: string
  readonly approvedAs: number | null
  readonly votes: readonly { readonly mspId: string; readonly securityVersion: number }[]
}

async function shown(line: string): Promise<Shown> {
  return (JSON.parse((await run(`${line} --json`)).out) as { data: Shown }).data
}

let record = ''

test('votes are cast, counted and taken back', async () => {
  const started = await start(ROOT)
  assert.equal(started.exit, undefined, started.text)
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await run('warrant issue --doctor alice --until 7d --as bob')
  const stored = await run('record store potassium.json --patient bob --as alice --json')
  record = (JSON.parse(stored.out) as { data: { record: string } }).data.record

  const program = 'cd'.repeat(32)
  assert.deepEqual(await shown(`program show ${program}`), { measurement: program, approvedAs: null, votes: [] })
  const planned = await run(`program approve ${program} --security-version 1 --dry-run`)
  assert.match(planned.out, /Would approve (cd)+ as security/)
  assert.deepEqual((await shown(`program show ${program}`)).votes, [])
  const one = await shown(`program approve ${program} --security-version 1 --hospital "Hospital A"`)
  assert.deepEqual([one.approvedAs, one.votes.length], [null, 1])
  // The operator and two hospitals.
  const all = await shown(`program approve ${program} --security-version 1`)
  assert.deepEqual([all.approvedAs, all.votes.length], [1, 3])
  const left = await shown(`program withdraw ${program} --hospital "Hospital B"`)
  assert.deepEqual([left.approvedAs, left.votes.length], [1, 2])
  assert.match((await run(`program show ${program}`)).out, /Hospital B +no vote/)
  assert.deepEqual((await shown(`program withdraw ${program}`)).votes, [])
})

test('wrong words are refused before anything is asked of the ledger', async () => {
  for (const line of [
    'program approve nothing-here.mjs --security-version 1',
    `program approve ${'cd'.repeat(32)}`,
    `program approve ${'cd'.repeat(32)} --security-version 0`,
    `program approve ${'cd'.repeat(32)} --security-version 1 --hospital "Hospital Z"`,
  ]) {
    assert.equal((await runCommand(place, wordsOf(line))).exit, 2, line)
  }
})

test('another program starts with leave only; then it has the store, and the votes of those who are here', async () => {
  await run('stop')
  const product = rebuiltProduct()
  const refused = await start(product)
  assert.equal(refused.exit, 6, refused.text)
  assert.match(refused.text, /TEE_MEASUREMENT/)
  const code = /--confirm ([0-9a-f]{6})/.exec(refused.text)?.[1] ?? ''
  const started = await start(product, '--confirm', code)
  assert.equal(started.exit, undefined, started.text)
  assert.match((await run(`record get ${record} --as bob`)).out, /Potassium/)
  const { approvedAs, votes } = await shown(`program show ${join(product, BUNDLE)}`)
  assert.deepEqual([approvedAs, votes.length], [1, 3])
})
