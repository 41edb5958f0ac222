import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { LedgerError } from '../../../shared/ledger-model/src/index.ts'
import type { EffectOf } from '../../../shared/tee-abi/src/index.ts'
import { TeeError } from '../../../tee/src/errors.ts'
import { RecordingTee } from '../test-fixtures/recording-tee.ts'
import { ScriptedLedger } from '../test-fixtures/scripted-ledger.ts'
import { startSupplicant, type Supplicant, type SupplicantOptions } from './supplicant.ts'

const crypto = createNodeCrypto()
const identity = { mspId: 'HospitalA' as never, cert: new Uint8Array(1), signingKey: crypto.generateSigningKey() }
const quick = { firstMs: 1, longestMs: 2, random: () => 1 }
const recordId = (n: number): string => `r-${n.toString(16).padStart(32, '0')}`
const batchId = (n: number): string => `b-${n.toString(16).padStart(32, '0')}`

interface Stage {
  readonly tee: RecordingTee
  readonly ledger: ScriptedLedger
  readonly supplicant: Supplicant
  readonly troubles: string[]
  readonly indexPath: string
}

function open(t: TestContext, options: Partial<SupplicantOptions> & { ledger?: ScriptedLedger } = {}): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-supplicant-'))
  const tee = new RecordingTee()
  const ledger = options.ledger ?? new ScriptedLedger()
  const troubles: string[] = []
  const indexPath = options.indexPath ?? join(folder, 'index.db')
  const supplicant = startSupplicant({
    tee,
    identity,
    indexPath,
    backOff: quick,
    onTrouble: (where, code) => troubles.push(`${where} ${code}`),
    ...options,
    ledger,
  })
  t.after(async () => {
    await supplicant.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { tee, ledger, supplicant, troubles, indexPath }
}

function need(count: number, number = 1): EffectOf<'need'> {
  const queries = Array.from({ length: count }, (_, i) => ({ fn: 'patientPolicy', args: [`[${i}]`] }))
  return { fx: 'need', need: number, queries, nonce: new Uint8Array(32).fill(7), minHeight: 3 }
}

function watch(...records: readonly (readonly [number, number])[]): EffectOf<'watch'> {
  return { fx: 'watch', records: records.map(([n, version]) => [recordId(n) as never, version]) }
}

async function follows(supplicant: Supplicant, block: number): Promise<void> {
  while ((supplicant.status.followedBlock ?? -1) < block) await new Promise((resolve) => setImmediate(resolve))
}

const away = (): LedgerError => new LedgerError('LEDGER_UNAVAILABLE', 'away')

test('a need is answered query by query, under the nonce and height that were asked for', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  ledger.answer = (fn) => ({ answer: Uint8Array.from(Buffer.from(fn)), signature: new Uint8Array(64) })
  tee.send(need(130))
  await tee.hears(1)
  assert.deepEqual(
    ledger.reads.map(({ queries }) => queries.length),
    [64, 64, 2],
  )
  for (const { nonce, minHeight } of ledger.reads) {
    assert.deepEqual(nonce, new Uint8Array(32).fill(7))
    assert.equal(minHeight, 3)
  }
  const heard = tee.heard[0] as { op: string; need: number; answers: { answer: Uint8Array }[][] }
  assert.equal(heard.op, 'endorsement')
  assert.equal(heard.need, 1)
  assert.equal(heard.answers.length, 130)
  assert.equal(Buffer.from(heard.answers[0]?.[0]?.answer ?? []).toString(), 'patientPolicy')
  assert.equal(supplicant.status.needs, 0)
})

test('answers that serve several questions go to the application once', async (t) => {
  const { tee, ledger } = open(t)
  const row = [{ answer: new Uint8Array([9]), signature: new Uint8Array(64) }]
  ledger.rows = (queries) => queries.map(() => row)
  tee.send(need(130))
  await tee.hears(1)
  const heard = tee.heard[0] as unknown as { answers: unknown[]; rows: number[] }
  assert.deepEqual(heard.answers, [row])
  assert.deepEqual(
    heard.rows,
    Array.from({ length: 130 }, () => 0),
  )
})

test('a need is asked again while the ledger is away', async (t) => {
  const { tee, ledger } = open(t)
  ledger.troubles.push(away(), new LedgerError('LEDGER_BUSY', 'busy'), away())
  tee.send(need(1))
  await tee.hears(1)
  assert.equal(ledger.reads.length, 4)
  assert.ok('answers' in (tee.heard[0] as object))
})

test('LEDGER_UNAVAILABLE: the ledger does not answer in time, or never', async (t) => {
  const { tee, ledger, troubles } = open(t, { needDeadlineMs: 30 })
  ledger.troubles.push('silence')
  tee.send(need(1, 4))
  await tee.hears(1)
  assert.deepEqual(tee.heard, [{ op: 'endorsement', need: 4, code: 'LEDGER_UNAVAILABLE' }])
  assert.deepEqual(troubles, ['need LEDGER_UNAVAILABLE'])
})

test('what the ledger refuses is passed on and not asked again', async (t) => {
  const { tee, ledger } = open(t)
  ledger.troubles.push(new LedgerError('LEDGER_IDENTITY_REJECTED', 'no'))
  tee.send(need(1, 5))
  await tee.hears(1)
  assert.deepEqual(tee.heard, [{ op: 'endorsement', need: 5, code: 'LEDGER_IDENTITY_REJECTED' }])
  assert.equal(ledger.reads.length, 1)
})

test('LEDGER_BUSY: more needs at once than are served, and answers that do not fit a message', async (t) => {
  const { tee, ledger } = open(t, { needDeadlineMs: 50 })
  for (let i = 0; i < 64; i++) ledger.troubles.push('silence')
  for (let i = 0; i < 65; i++) tee.send(need(1, i))
  await tee.hears(1)
  assert.deepEqual(tee.heard[0], { op: 'endorsement', need: 64, code: 'LEDGER_BUSY' })
  await tee.hears(65)
  const large = new Uint8Array(12 * 1024 * 1024)
  ledger.answer = () => ({ answer: large, signature: new Uint8Array(64) })
  tee.send(need(3, 70))
  await tee.hears(66)
  assert.deepEqual(tee.heard[65], { op: 'endorsement', need: 70, code: 'LEDGER_BUSY' })
})

test('LEDGER_BUSY: answers that are larger than this TEE takes, told at once', async (t) => {
  const { tee, ledger, troubles } = open(t)
  tee.refusals.push(new TeeError('RECORD_TOO_LARGE'))
  ledger.answer = () => ({ answer: new Uint8Array(1_000), signature: new Uint8Array(64) })
  tee.send(need(1, 9))
  await tee.hears(2)
  assert.deepEqual(tee.heard[1], { op: 'endorsement', need: 9, code: 'LEDGER_BUSY' })
  assert.deepEqual(troubles, ['need LEDGER_BUSY'])
})

test('a watched record is told when its block comes, others are not', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  tee.send(watch([1, 1], [3, 2]))
  assert.equal(supplicant.status.watched, 2)
  ledger.commit(batchId(9), [
    [recordId(2), 1],
    [recordId(1), 1],
  ])
  await tee.hears(1)
  assert.deepEqual(tee.heard, [
    { op: 'committed', items: [[recordId(1), 1, batchId(9), 1, '10'.padStart(64, '0'), 1]] },
  ])
  assert.equal(supplicant.status.watched, 1)
})

test('a record that is on the ledger already is told at once, with its first place', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  ledger.commit(batchId(1), [[recordId(1), 1]])
  ledger.commit(batchId(2), [[recordId(1), 1]])
  ledger.commit(batchId(3), [[recordId(1), 2]])
  await follows(supplicant, 3)
  tee.send(watch([1, 2], [1, 1]))
  await tee.hears(1)
  const { items } = tee.heard[0] as unknown as { items: readonly (readonly unknown[])[] }
  assert.deepEqual(
    items.map((item) => item[2]),
    [batchId(3), batchId(1)],
  )
  assert.equal(supplicant.status.watched, 0)
})

test('commits that took no effect, other functions and malformed ones give no hints', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  tee.send(watch([1, 1]))
  ledger.commit(batchId(1), [[recordId(1), 1]], 'MVCC_CONFLICT')
  ledger.add([
    { fn: 'commit', args: [], status: 'VALID' },
    { fn: 'commit', args: [batchId(1), '{'], status: 'VALID' },
    { fn: 'grant', args: [batchId(1)], status: 'VALID' },
  ])
  await follows(supplicant, 2)
  assert.deepEqual(tee.heard, [])
  assert.equal(supplicant.status.watched, 1)
})

test('the index goes on where it stopped, and is made anew for another ledger or when it is damaged', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-index-'))
  const indexPath = join(folder, 'index.db')
  const ledger = new ScriptedLedger()
  ledger.commit(batchId(1), [[recordId(1), 1]])
  const first = open(t, { ledger, indexPath })
  await follows(first.supplicant, 1)
  await first.supplicant.close()

  const second = open(t, { ledger, indexPath })
  assert.equal(second.supplicant.status.followedBlock, 1)
  second.tee.send(watch([1, 1]))
  await second.tee.hears(1)
  await second.supplicant.close()

  const other = new ScriptedLedger(2)
  other.commit(batchId(7), [[recordId(5), 1]])
  other.commit(batchId(8), [[recordId(1), 1]])
  const third = open(t, { ledger: other, indexPath })
  await follows(third.supplicant, 2)
  third.tee.send(watch([1, 1]))
  await third.tee.hears(1)
  const { items } = third.tee.heard[0] as unknown as { items: readonly (readonly unknown[])[] }
  assert.equal(items[0]?.[2], batchId(8))
  await third.supplicant.close()

  // The ledger was put back: it is the same one, and shorter.
  const shorter = new ScriptedLedger(2)
  const fourth = open(t, { ledger: shorter, indexPath })
  shorter.commit(batchId(6), [[recordId(1), 1]])
  await follows(fourth.supplicant, 1)
  await fourth.supplicant.close()

  writeFileSync(indexPath, 'not a database, but long enough to look like the start of one'.repeat(100))
  const fifth = open(t, { ledger, indexPath })
  await follows(fifth.supplicant, 1)
  fifth.tee.send(watch([1, 1]))
  await fifth.tee.hears(1)
  // Last, after the supplicants have closed their files.
  t.after(() => rmSync(folder, { recursive: true, force: true }))
})

test('hints wait while the trusted application is busy, and are not sent twice', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  tee.refusals.push(new TeeError('TEE_BUSY'), new TeeError('TEE_BUSY'))
  ledger.commit(batchId(1), [[recordId(1), 1]])
  await follows(supplicant, 1)
  tee.send(watch([1, 1]))
  await tee.hears(3)
  assert.deepEqual(tee.heard[0], tee.heard[2])
  tee.send(watch([2, 1]))
  ledger.commit(batchId(2), [[recordId(2), 1]])
  await tee.hears(4)
  assert.equal((tee.heard[3] as unknown as { items: unknown[] }).items.length, 1)
})

test('after a restart nothing is watched until it is asked for again', async (t) => {
  const { tee, ledger, supplicant, troubles } = open(t)
  tee.send(watch([1, 1]))
  tee.restart()
  assert.equal(supplicant.status.watched, 0)
  ledger.commit(batchId(1), [[recordId(1), 1]])
  await follows(supplicant, 1)
  assert.deepEqual(tee.heard, [])
  tee.refusals.push(new TeeError('TEE_RESTARTED'))
  tee.send(watch([1, 1]))
  await tee.hears(1)
  tee.send(watch([1, 1]))
  await tee.hears(2)
  assert.deepEqual(troubles, ['watch TEE_RESTARTED'])
})

test('a checkpoint is submitted until the ledger takes or refuses it', async (t) => {
  const { tee, ledger } = open(t)
  const serverRef = `s-${'0'.repeat(32)}` as never
  const signature = new Uint8Array(64)
  const anchor = { fx: 'anchor', serverRef, epoch: 4, checkpoint: 'note', signature } as const
  ledger.troubles.push(away(), away())
  tee.send(anchor)
  await tee.hears(1)
  assert.equal(ledger.submitted.length, 3)
  ledger.troubles.push(new LedgerError('CHECKPOINT_EPOCH', 'no'))
  tee.send({ ...anchor, epoch: 5 })
  await tee.hears(2)
  assert.deepEqual(tee.heard, [
    { op: 'anchored', epoch: 4 },
    { op: 'anchored', epoch: 5, code: 'CHECKPOINT_EPOCH' },
  ])
  assert.deepEqual(ledger.prepared[0], {
    identity,
    call: { fn: 'anchorCheckpoint', args: [serverRef, 'note', '4', encodeBase64url(signature)] },
  })
})

test('notices and the reason of a stop are passed on', (t) => {
  const kinds: string[] = []
  const { tee, troubles } = open(t, { onNotice: ({ kind }) => kinds.push(kind) })
  tee.send({ fx: 'notice', kind: 'emergency-open', ref: `p-${'0'.repeat(32)}` as never })
  tee.send({ fx: 'fatal', code: 'STATE_ROLLED_BACK' })
  assert.deepEqual(kinds, ['emergency-open'])
  assert.deepEqual(troubles, ['fatal STATE_ROLLED_BACK'])
})

test('closing ends a read that never comes back', async (t) => {
  const { tee, ledger, supplicant } = open(t)
  ledger.troubles.push('silence')
  tee.send(need(1))
  await supplicant.close()
  assert.deepEqual(tee.heard, [{ op: 'endorsement', need: 1, code: 'LEDGER_UNAVAILABLE' }])
})
