/**
 * The ceremony by which an old copy of the record server's store is served again, by the command line and with the real
 * programs: start refuses it, the organisations vote for the very state that it is, and only then it goes on.
 * docs/protocol/07 §7.16, 10 §10.9, docs/operations/backups.md.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliSystem } from './started-system.ts'
import { runCommand, wordsOf } from './transcript.ts'

const { root, place, start, run, dataOf } = cliSystem('recovery')
const backup = join(root, 'backup')

interface Shown {
  readonly approved: { readonly term: number; readonly from?: { readonly epoch: number; readonly size: number } } | null
  readonly votes: readonly { readonly mspId: string }[]
  readonly anchored: { readonly epoch: number; readonly size: number } | null
  readonly store: { readonly instance: string; readonly size: number; readonly isBelow: boolean } | null
}

interface Audited {
  readonly faults: number
  readonly checks: readonly {
    readonly check: string
    readonly result: string
    readonly givenUp?: readonly { term: number; epoch: number; size: number; anchoredSize: number }[]
  }[]
}

let record = ''
let code = ''

test('a store is copied, grows on, and the copy is put back', async () => {
  const early = await start('--ledger-only')
  assert.equal(early.exit, 2, early.text)
  const started = await start()
  assert.equal(started.exit, undefined, started.text)
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await run('warrant issue --doctor alice --until 7d --as bob')
  const store = 'record store potassium.json --patient bob --as alice'
  record = (await dataOf<{ record: string }>(store)).record
  await run(`backup store ${backup}`)
  let logIndex = 0
  for (let i = 0; i < 3; i++) logIndex = (await dataOf<{ logIndex: number }>(store)).logIndex
  // Until the ledger vouches for what the copy does not have.
  const untilMs = performance.now() + 60_000
  while (((await dataOf<Shown>('recovery show')).anchored?.size ?? 0) <= logIndex) {
    assert.ok(performance.now() < untilMs, 'no checkpoint on the ledger')
  }
  // What runs is not looked at; a vote needs an instance then.
  assert.equal((await dataOf<Shown>('recovery show')).store, null)
  assert.equal((await runCommand(place, ['recovery', 'approve'])).exit, 2)
  await run('stop')
  const put = await dataOf<{ code: string }>(`backup put ${backup} --dry-run`)
  await run(`backup put ${backup} --confirm ${put.code}`)
})

test('it is not served: neither a start nor the votes of one organisation of three change that', async () => {
  assert.match((await start()).text, /STATE_ROLLED_BACK/)
  assert.equal((await start('--ledger-only')).exit, undefined)
  const first = await dataOf<Shown>('recovery show')
  assert.deepEqual([first.approved, first.votes.length, first.store?.isBelow], [null, 0, true])
  const plan = await dataOf<{ code: string; voters: string[] }>('recovery approve --dry-run')
  code = plan.code
  assert.equal(plan.voters.length, 3)
  for (const more of [[], ['--confirm', code === 'ffffff' ? '000000' : 'ffffff']]) {
    const refused = await runCommand(place, ['recovery', 'approve', '--json', ...more])
    assert.match(refused.out, /CLIENT_CONFIRMATION/)
  }
  const one = await dataOf<Shown>(`recovery approve --confirm ${code} --hospital "Hospital A"`)
  assert.deepEqual([one.approved, one.votes.length], [null, 1])
  await run('stop')
  assert.match((await start()).text, /STATE_ROLLED_BACK/)
})

test('wrong words are refused before a vote is cast', async () => {
  assert.equal((await start('--ledger-only')).exit, undefined)
  for (const line of [
    'recovery approve --instance abc',
    'recovery approve --from 1:1:ab',
    `recovery approve --instance ${'ab'.repeat(32)} --from 1:1`,
    `recovery approve --instance ${'ab'.repeat(32)} --term 0`,
    'recovery approve --hospital "Hospital Z"',
    'recovery withdraw',
    'recovery withdraw --term x',
  ]) {
    assert.equal((await runCommand(place, wordsOf(line))).exit, 2, line)
  }
  const { votes } = await dataOf<Shown>('recovery show')
  assert.equal(votes.length, 1)
})

test('with the votes of all for that state it goes on: old records are read, new ones stored, the loss is named', async () => {
  const { approved, anchored, store } = await dataOf<Shown>(`recovery approve --confirm ${code}`)
  assert.deepEqual([approved?.term, approved?.from?.epoch, approved?.from?.size], [1, anchored?.epoch, store?.size])
  await run('recovery withdraw --term 1 --hospital "Hospital B"')
  await run('stop')
  // Two of three are more than half.
  const started = await start()
  assert.equal(started.exit, undefined, started.text)
  assert.match((await run(`record get ${record} --as bob`)).out, /Potassium/)
  assert.equal((await dataOf<unknown[]>('record list --as bob')).length, 1)
  await run('record store potassium.json --patient bob --as alice')
  await run('stop')
  assert.equal((await start()).exit, undefined)
  assert.equal((await dataOf<unknown[]>('record list --as bob')).length, 2)
  // Nothing hides what was lost, and nothing cries for ever: an audit names it, and finds no fault.
  const { checks, faults } = await dataOf<Audited>('audit')
  assert.equal(faults, 0)
  const found = checks.find(({ check }) => check === 'checkpoints')
  assert.equal(found?.result, 'note')
  assert.deepEqual(
    found?.givenUp?.map(({ term, epoch, size }) => [term, epoch, size]),
    [[1, approved?.from?.epoch, approved?.from?.size]],
  )
  assert.ok((found?.givenUp?.[0]?.anchoredSize ?? 0) >= (anchored?.size ?? Number.MAX_VALUE))
})
