import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeCbor, type MspId } from '../../protocol/src/index.ts'
import {
  decodeEndorsedAnswers,
  encodeEndorsedAnswers,
  endorseContent,
  type EndorsedContent,
  type EndorsementDemand,
  verifyEndorsedRead,
} from './endorsed-read.ts'
import { MAX_ORGANIZATIONS } from './limits.ts'

const crypto = createNodeCrypto()
const nonce = crypto.randomBytes(32)
const organizations = ['OrgA', 'OrgB', 'OrgC'].map((name) => ({
  mspId: name as MspId,
  key: crypto.generateSigningKey(),
}))
const [a, b, c] = organizations as [Organization, Organization, Organization]
interface Organization {
  readonly mspId: MspId
  readonly key: ReturnType<typeof crypto.generateSigningKey>
}

const demand: EndorsementDemand = {
  query: { fn: 'participant', args: ['x'] },
  channel: 'health',
  nonce,
  nodes: organizations.map(({ mspId, key }) => ({ mspId, publicKey: crypto.importVerifyingKey(key.publicKey) })),
  quorum: 2,
  minHeight: 5,
}

function answer(by: Organization, change: Partial<EndorsedContent> = {}, key = by.key) {
  const content: EndorsedContent = {
    channel: 'health',
    mspId: by.mspId,
    fn: 'participant',
    args: ['x'],
    nonce,
    height: 7,
    blockHash: new Uint8Array(32),
    timeMs: 1_000,
    status: 200,
    result: '{}',
    ...change,
  }
  return endorseContent(crypto, key, content)
}

const verify = (...answers: readonly ReturnType<typeof answer>[]) => verifyEndorsedRead(crypto, demand, answers)

test('a quorum of organisations that agree is accepted, with the lowest height and the newest time', () => {
  const read = verify(answer(a, { height: 9 }), answer(b, { timeMs: 2_000 }))
  assert.deepEqual(read, { status: 200, result: '{}', height: 7, timeMs: 2_000, reachedMs: 1_000 })
})

test('what a quorum has reached is the oldest time of the newest quorum', () => {
  const times = (...answers: readonly ReturnType<typeof answer>[]) => {
    const { timeMs, reachedMs } = verify(...answers)
    return [timeMs, reachedMs]
  }
  const [early, middle, late] = [{ timeMs: 1_000 }, { timeMs: 2_000 }, { timeMs: 9_000 }]
  assert.deepEqual(times(answer(a, late), answer(b, early)), [9_000, 1_000])
  assert.deepEqual(times(answer(a, early), answer(b, late), answer(c, middle)), [9_000, 2_000])
  // A second node of an organisation is no second organisation.
  assert.deepEqual(times(answer(a, late), answer(a, late), answer(b, early)), [9_000, 1_000])
  assert.deepEqual(times(answer(a, late), answer(a, early), answer(b, middle)), [9_000, 1_000])
})

test('a refusal of the function is an answer like any other', () => {
  const change = { status: 'PARTICIPANT_UNKNOWN', result: '' } as const
  assert.equal(verify(answer(a, change), answer(b, change)).status, 'PARTICIPANT_UNKNOWN')
})

test('one organisation that answers wrongly does not stop a quorum of the others', () => {
  const [x, y] = [answer(a), answer(b)]
  assert.equal(verify(answer(c, { result: '[]' }), x, y).result, '{}')
  assert.equal(verify(answer(c, { nonce: new Uint8Array(32) }), x, y).result, '{}')
  assert.equal(verify(answer(c, {}, a.key), x, y).result, '{}')
})

const refusals = [
  ['no answer at all', [], 'ENDORSEMENT_QUORUM'],
  ['two answers of one organisation are one', [answer(a), answer(a)], 'ENDORSEMENT_QUORUM'],
  ['another key', [answer(a), answer(b, {}, c.key)], 'ENDORSEMENT_SIGNATURE'],
  ['a node that speaks for another organisation', [answer(a), answer(b, { mspId: c.mspId })], 'ENDORSEMENT_SIGNATURE'],
  ['an organisation that nobody knows', [answer(a), answer(b, { mspId: 'OrgX' as MspId })], 'ENDORSEMENT_SIGNATURE'],
  ['an answer to another nonce', [answer(a), answer(b, { nonce: new Uint8Array(32) })], 'ENDORSEMENT_NONCE'],
  ['an answer to another function', [answer(a), answer(b, { fn: 'query' })], 'ENDORSEMENT_NONCE'],
  ['an answer to another argument', [answer(a), answer(b, { args: ['y'] })], 'ENDORSEMENT_NONCE'],
  ['an answer to more arguments', [answer(a), answer(b, { args: ['x', ''] })], 'ENDORSEMENT_NONCE'],
  ['an answer of another channel', [answer(a), answer(b, { channel: 'other' })], 'ENDORSEMENT_NONCE'],
  ['an answer that is too old', [answer(a), answer(b, { height: 4 })], 'ENDORSEMENT_STALE'],
  ['answers that differ', [answer(a), answer(b, { result: '[]' })], 'ENDORSEMENT_DISAGREEMENT'],
  [
    'a refusal with a result',
    [answer(a), answer(b, { status: 'PATIENT_NOT_FOUND', result: '{}' })],
    'ENDORSEMENT_MALFORMED',
  ],
  [
    'bytes that are no answer',
    [{ answer: encodeCbor({ v: 1 }), signature: new Uint8Array(64) }],
    'ENDORSEMENT_MALFORMED',
  ],
] as const

for (const [what, answers, code] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(() => verifyEndorsedRead(crypto, demand, answers), { code })
  })
}

test('two groups that both reach a small quorum are a disagreement, not a choice', () => {
  const answers = [answer(a), answer(b, { result: '[]' })]
  assert.throws(() => verifyEndorsedRead(crypto, { ...demand, quorum: 1 }, answers), {
    code: 'ENDORSEMENT_DISAGREEMENT',
  })
})

test('a quorum of none is a mistake of the caller', () => {
  assert.throws(() => verifyEndorsedRead(crypto, { ...demand, quorum: 0 }, [answer(a)]), RangeError)
})

test('any flipped bit of an answer or its signature is refused', () => {
  const good = answer(a)
  for (const part of ['answer', 'signature'] as const) {
    for (let i = 0; i < good[part].length; i++) {
      const changed = good[part].slice()
      changed[i] = (changed[i] as number) ^ 1
      assert.throws(() => verifyEndorsedRead(crypto, { ...demand, quorum: 1 }, [{ ...good, [part]: changed }]), {
        name: 'LedgerError',
      })
    }
  }
})

test('answers to several queries travel in one message', () => {
  const answers = [[answer(a), answer(b)], [answer(c)]]
  assert.deepEqual(decodeEndorsedAnswers(encodeEndorsedAnswers(answers)), answers)
  assert.throws(() => decodeEndorsedAnswers(encodeCbor({ answers: [[{ answer: new Uint8Array(1) }]] })), {
    code: 'ENDORSEMENT_MALFORMED',
  })
})

test('refused before any is checked: more answers than there can be organisations', () => {
  const many = (length: number) => Array.from({ length }, () => answer(a))
  const lone = { ...demand, quorum: 1 }
  assert.equal(verifyEndorsedRead(crypto, lone, many(MAX_ORGANIZATIONS)).result, '{}')
  const check = () => verifyEndorsedRead(crypto, lone, many(MAX_ORGANIZATIONS + 1))
  assert.throws(check, { code: 'ENDORSEMENT_MALFORMED' })
})
