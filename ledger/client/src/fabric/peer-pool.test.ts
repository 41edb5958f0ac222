/** Which peer is asked when: away, silent, refusing. With a real network: faults.fabric.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LedgerError, type LedgerErrorCode } from '../../../../shared/ledger-model/src/index.ts'
import { mspIdShape } from '../../../../shared/protocol/src/index.ts'
import type { PeerConnection } from './peer-connection.ts'
import { PeerPool } from './peer-pool.ts'

/** What it answers, or the code with which it fails. */
type Answer = string | Promise<string>

/** Peers of one organisation, each with what it does when it is asked; `asked` says who was, in order. */
function poolOf(...answers: readonly Answer[]) {
  const peers = answers.map((_, i) => ({ node: { mspId: 'A', endpoint: `peer${i}` } }))
  const pool = new PeerPool(peers as unknown as PeerConnection[], mspIdShape('A1', 'mspId'))
  const asked: string[] = []
  const step = async ({ node: { endpoint } }: PeerConnection): Promise<string> => {
    asked.push(endpoint)
    const answer = answers[Number(endpoint.slice(4))]
    if (typeof answer === 'string' && answer.startsWith('LEDGER_')) {
      throw new LedgerError(answer as LedgerErrorCode, 'as the test wants')
    }
    return (await answer) as string
  }
  return { pool, asked, step }
}

const never = new Promise<string>(() => undefined)

test('a peer that takes the question and never answers: the next one is asked beside it, and first from then on', async () => {
  const { pool, asked, step } = poolOf(never, 'second')
  assert.equal(await pool.try(step), 'second')
  assert.deepEqual(asked, ['peer0', 'peer1'])
  assert.equal(pool.current.node.endpoint, 'peer1')
  assert.equal(await pool.try(step), 'second')
  assert.deepEqual(asked, ['peer0', 'peer1', 'peer1'])
})

test('all are silent but the last', async () => {
  const { pool, asked, step } = poolOf(never, never, 'third')
  assert.equal(await pool.try(step), 'third')
  assert.deepEqual(asked, ['peer0', 'peer1', 'peer2'])
})

test('a peer that answers others is waited for, however long it takes', async () => {
  let answer: (text: string) => void = () => undefined
  const slow = new Promise<string>((resolve) => (answer = resolve))
  const { pool, asked, step } = poolOf(slow, 'second')
  const [first] = pool.all as [PeerConnection]
  const answers = setInterval(() => pool.noteBlocks(first, 1), 50)
  try {
    const answered = pool.try(step)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    assert.deepEqual(asked, ['peer0'])
    answer('first')
    assert.equal(await answered, 'first')
  } finally {
    clearInterval(answers)
  }
})

test('away: the next one at once; a refusal is the answer; nobody left: the last word', async () => {
  const away = poolOf('LEDGER_UNAVAILABLE', 'LEDGER_BUSY', 'third')
  assert.equal(await away.pool.try(away.step), 'third')
  const refusing = poolOf('LEDGER_UNAVAILABLE', 'LEDGER_FORBIDDEN', 'third')
  await assert.rejects(refusing.pool.try(refusing.step), { code: 'LEDGER_FORBIDDEN' })
  assert.deepEqual(refusing.asked, ['peer0', 'peer1'])
  const nobody = poolOf('LEDGER_UNAVAILABLE', 'LEDGER_BUSY')
  await assert.rejects(nobody.pool.try(nobody.step), { code: 'LEDGER_BUSY' })
})

test('the silent one fails in the end: nobody is asked twice', async () => {
  let fail: (error: Error) => void = () => undefined
  const failing = new Promise<string>((_, reject) => (fail = reject))
  let answer: (text: string) => void = () => undefined
  const late = new Promise<string>((resolve) => (answer = resolve))
  const { pool, asked, step } = poolOf(failing, late)
  const answered = pool.try(step)
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
  fail(new LedgerError('LEDGER_UNAVAILABLE', 'as the test wants'))
  await new Promise((resolve) => setImmediate(resolve))
  answer('second')
  assert.equal(await answered, 'second')
  assert.deepEqual(asked, ['peer0', 'peer1'])
})
