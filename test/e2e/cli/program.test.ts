/**
 * A new program for the record server, by the command line: votes are cast, shown and taken back while the system runs;
 * a system whose program was exchanged starts with its operator's leave only, and then has everything that it had.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../tools/files.ts'
import { cliSystem } from './started-system.ts'
import { runCommand, wordsOf } from './transcript.ts'

const { root, place, startOf, run, dataOf } = cliSystem('program')
const BUNDLE = join('dist', 'ta', 'trusted-application.mjs')

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

interface Shown {
  readonly measurement: string
  readonly approvedAs: number | null
  readonly accepted: boolean
  readonly running: boolean | null
  readonly votes: readonly { readonly mspId: string; readonly securityVersion: number }[]
}

let record = ''

test('the first program is approved without votes, by `status` and by `program show` alike', async () => {
  const started = await startOf(ROOT)
  assert.equal(started.exit, undefined, started.text)
  const program = join(ROOT, BUNDLE)
  const { approvedAs, accepted, running, votes } = await dataOf<Shown>(`program show ${program}`)
  assert.deepEqual(
    { approvedAs, accepted, running, votes },
    { approvedAs: null, accepted: true, running: true, votes: [] },
  )
  assert.equal((await dataOf<{ approved: boolean }>('status')).approved, true)
  assert.match((await run(`program show ${program}`)).out, /^Approved: the record server runs it/m)
})

test('votes are cast, counted and taken back', async () => {
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await run('warrant issue --doctor alice --until 7d --as bob')
  const stored = await run('record store potassium.json --patient bob --as alice --json')
  record = (JSON.parse(stored.out) as { data: { record: string } }).data.record

  const program = 'cd'.repeat(32)
  assert.deepEqual(await dataOf<Shown>(`program show ${program}`), {
    measurement: program,
    approvedAs: null,
    accepted: false,
    running: false,
    votes: [],
  })
  const planned = await run(`program approve ${program} --security-version 1 --dry-run`)
  assert.match(planned.out, /Would approve (cd)+ as security/)
  assert.deepEqual((await dataOf<Shown>(`program show ${program}`)).votes, [])
  const one = await dataOf<Shown>(`program approve ${program} --security-version 1 --hospital "Hospital A"`)
  assert.deepEqual([one.approvedAs, one.votes.length], [null, 1])
  // The operator and two hospitals.
  const all = await dataOf<Shown>(`program approve ${program} --security-version 1`)
  assert.deepEqual([all.approvedAs, all.votes.length], [1, 3])
  const left = await dataOf<Shown>(`program withdraw ${program} --hospital "Hospital B"`)
  assert.deepEqual([left.approvedAs, left.votes.length], [1, 2])
  assert.match((await run(`program show ${program}`)).out, /Hospital B +no vote/)
  assert.deepEqual((await dataOf<Shown>(`program withdraw ${program}`)).votes, [])
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
  const refused = await startOf(product)
  assert.equal(refused.exit, 6, refused.text)
  assert.match(refused.text, /TEE_MEASUREMENT/)
  const code = /--confirm ([0-9a-f]{6})/.exec(refused.text)?.[1] ?? ''
  const started = await startOf(product, '--confirm', code)
  assert.equal(started.exit, undefined, started.text)
  assert.match((await run(`record get ${record} --as bob`)).out, /Potassium/)
  const { approvedAs, votes } = await dataOf<Shown>(`program show ${join(product, BUNDLE)}`)
  assert.deepEqual([approvedAs, votes.length], [1, 3])
})
