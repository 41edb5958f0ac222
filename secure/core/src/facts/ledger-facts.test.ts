import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { endorseContent, type EndorsedAnswer, type EndorsedContent } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId, ServerRef } from '../../../../shared/protocol/src/index.ts'
import type { EffectOf } from '../../../../shared/tee-abi/src/index.ts'
import { LedgerFacts, MAX_WAITING, NEED_TIMEOUT_MS, ORGANIZATION_CACHE_MS, type FactsOutcome } from './ledger-facts.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import type { FactNeeds } from './queries.ts'

const crypto = createNodeCrypto()
const A = 'HA' as MspId
const B = 'HB' as MspId
const keys = { HA: crypto.generateSigningKey(), HB: crypto.generateSigningKey() }
const NOW = 1_900_000_000_000
const [P1, P2, P3] = ['1', '2', '3'].map((digit) => `p-${digit.repeat(32)}`) as [string, string, string]
const SERVER = `s-${'5'.repeat(32)}` as ServerRef

function open(policyCacheMs = 0, quorum = 1): LedgerFacts {
  const nodes = [A, B].map((mspId) => ({
    mspId,
    publicKey: crypto.importVerifyingKey(keys[mspId as 'HA' | 'HB'].publicKey),
  }))
  const trust = { channel: 'health', nodes, quorum }
  return new LedgerFacts(crypto, { serverRef: SERVER, trust, policyCacheMs }, DEFAULT_LIMITS)
}

/** A request and what became of it. */
function ask(facts: LedgerFacts, needs: FactNeeds, atMs = 0): { outcome?: FactsOutcome } {
  const request: { outcome?: FactsOutcome } = {}
  facts.request(needs, atMs, (outcome) => {
    assert.equal(request.outcome, undefined)
    request.outcome = outcome
  })
  return request
}

function resultOf(fn: string, args: readonly string[]): string {
  if (fn === 'patientPolicy') {
    const policies = (JSON.parse(args[0] ?? '') as string[]).map((patientRef) => ({
      grants: [],
      hospitals: [],
      keys: [],
      patientRef,
      status: 'active',
      suspended: [],
      warrants: [],
    }))
    return JSON.stringify(policies)
  }
  if (fn === 'succession') return JSON.stringify({ serverRef: args[0], votes: [] })
  return JSON.stringify({ mspId: args[0], participants: [], revokedSerials: [] })
}

function answer(
  need: EffectOf<'need'>,
  change: Partial<EndorsedContent> = {},
  by: readonly ('HA' | 'HB')[] = ['HA'],
): EndorsedAnswer[][] {
  return need.queries.map(({ fn, args }) =>
    by.map((mspId) =>
      endorseContent(crypto, keys[mspId], {
        channel: 'health',
        mspId: mspId as MspId,
        fn,
        args,
        nonce: need.nonce,
        height: 7,
        blockHash: new Uint8Array(32),
        timeMs: NOW,
        status: 200,
        result: resultOf(fn, args),
        ...change,
      }),
    ),
  )
}

function only(needs: readonly EffectOf<'need'>[]): EffectOf<'need'> {
  assert.equal(needs.length, 1)
  return needs[0] as EffectOf<'need'>
}

test('requests of one round share one question, and get what they asked for', () => {
  const facts = open()
  const first = ask(facts, { patients: [P1], organizations: ['HA'] })
  const second = ask(facts, { patients: [P2, P1], organizations: ['HA'] })
  const need = only(facts.flush(0))
  assert.deepEqual(
    need.queries.map(({ fn }) => fn),
    ['patientPolicy', 'organizationPolicy', 'succession'],
  )
  assert.equal(need.queries[0]?.args[0], JSON.stringify([P1, P2]))
  facts.deliver(need.need, { answers: answer(need) }, 1)
  for (const { outcome } of [first, second]) {
    assert.ok(outcome !== undefined && 'facts' in outcome)
    assert.equal(outcome.facts.policyOf(P1).status, 'active')
    assert.equal(outcome.facts.timeMs, NOW)
    assert.throws(() => outcome.facts.policyOf(P3), { code: 'ACCESS_DENIED' })
    assert.throws(() => outcome.facts.organization('HB'), { code: 'ORGANIZATION_UNKNOWN' })
  }
  assert.equal(facts.height, 7)
})

test('a request that comes while a question is under way waits for the next one, with a nonce made later', () => {
  const facts = open()
  ask(facts, { patients: [P1] })
  const first = only(facts.flush(0))
  const late = ask(facts, { patients: [P1] })
  assert.deepEqual(facts.flush(0), [])
  facts.deliver(first.need, { answers: answer(first) }, 1)
  assert.equal(late.outcome, undefined)
  const second = only(facts.flush(1))
  assert.notDeepEqual(second.nonce, first.nonce)
  facts.deliver(second.need, { answers: answer(second) }, 2)
  assert.ok(late.outcome !== undefined && 'facts' in late.outcome)
})

test('commitments are asked for beside policies, at the same time', () => {
  const facts = open()
  ask(facts, { patients: [P1] })
  ask(facts, { commitments: [{ batchId: `b-${'0'.repeat(32)}`, index: 0 }] })
  assert.equal(facts.flush(0).length, 2)
})

test('more than 256 patients become several queries of one question', () => {
  const facts = open()
  const patients = Array.from({ length: 300 }, (_, i) => `p-${i.toString(16).padStart(32, '0')}`)
  const request = ask(facts, { patients })
  const need = only(facts.flush(0))
  assert.equal(need.queries.length, 3)
  facts.deliver(need.need, { answers: answer(need) }, 1)
  assert.ok(request.outcome !== undefined && 'facts' in request.outcome)
  assert.equal(request.outcome.facts.policyOf(patients[299] as string).patientRef, patients[299])
})

for (const [code, change] of [
  ['ENDORSEMENT_NONCE', { nonce: new Uint8Array(32) }],
  ['ENDORSEMENT_NONCE', { channel: 'other' }],
  ['ENDORSEMENT_NONCE', { args: [JSON.stringify([P2])] }],
  ['ENDORSEMENT_SIGNATURE', { mspId: B }],
  ['ENDORSEMENT_MALFORMED', { result: '[]' }],
  ['ENDORSEMENT_MALFORMED', { result: 'nonsense' }],
  ['ENDORSEMENT_MALFORMED', { result: resultOf('patientPolicy', [JSON.stringify([P2])]) }],
  ['LEDGER_FORBIDDEN', { status: 'LEDGER_FORBIDDEN', result: '' }],
] as const) {
  test(`an answer that is ${code} (${Object.keys(change).join()}) refuses everybody who waits for it`, () => {
    const facts = open()
    const request = ask(facts, { patients: [P1] })
    const need = only(facts.flush(0))
    facts.deliver(need.need, { answers: answer(need, change) }, 1)
    assert.deepEqual(request.outcome, { code })
    assert.equal(facts.waiting, 0)
  })
}

test('too few organisations, or ones that disagree, refuse', () => {
  const facts = open(0, 2)
  const few = ask(facts, { patients: [P1] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { answers: answer(first) }, 1)
  assert.deepEqual(few.outcome, { code: 'ENDORSEMENT_QUORUM' })

  const split = ask(facts, { patients: [P1] })
  const second = only(facts.flush(1))
  const other = resultOf('patientPolicy', [JSON.stringify([P1])]).replace('active', 'suspended')
  const [a = []] = answer(second, {}, ['HA'])
  const [b = []] = answer(second, { result: other }, ['HB'])
  const [, holder = []] = answer(second, {}, ['HA', 'HB'])
  facts.deliver(second.need, { answers: [[...a, ...b], holder] }, 2)
  assert.deepEqual(split.outcome, { code: 'ENDORSEMENT_DISAGREEMENT' })

  const both = ask(facts, { patients: [P1] })
  const third = only(facts.flush(2))
  facts.deliver(third.need, { answers: answer(third, {}, ['HA', 'HB']) }, 3)
  assert.ok(both.outcome !== undefined && 'facts' in both.outcome)
})

test('an answer to fewer queries than were asked refuses', () => {
  const facts = open()
  const request = ask(facts, { patients: [P1], organizations: ['HA'] })
  const need = only(facts.flush(0))
  facts.deliver(need.need, { answers: answer(need).slice(1) }, 1)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
})

const PLACE = { batchId: `b-${'0'.repeat(32)}`, index: 0 }
const ELSE = JSON.stringify({ measurement: 'b'.repeat(64), votes: [] })
for (const [fn, needs, result] of [
  ['commitments', { commitments: [PLACE] }, '[]'],
  ['commitmentLeaves', { leaves: [PLACE] }, '[]'],
  ['program', { program: 'a'.repeat(64) }, ELSE],
] as const) {
  test(`an answer to ${fn} about less, or about another, refuses`, () => {
    const facts = open()
    const request = ask(facts, needs)
    const need = only(facts.flush(0))
    assert.ok(need.queries.some((query) => query.fn === fn))
    const answers = need.queries.flatMap((query) =>
      answer({ ...need, queries: [query] }, query.fn === fn ? { result } : {}),
    )
    facts.deliver(need.need, { answers }, 1)
    assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
  })
}

test('who holds the store is told before anybody gets an answer; whoever hears it may end everything', () => {
  const facts = open()
  const request = ask(facts, { patients: [P1] })
  const heard: unknown[] = []
  facts.watchSuccession((record) => {
    heard.push(record)
    throw new RangeError('fenced')
  })
  const need = only(facts.flush(0))
  assert.throws(() => facts.deliver(need.need, { answers: answer(need) }, 1), RangeError)
  assert.deepEqual(heard, [{ serverRef: SERVER, votes: [] }])
  assert.equal(request.outcome, undefined)
})

test('who holds the store of another server is no answer', () => {
  const facts = open()
  facts.watchSuccession(() => assert.fail('not ours'))
  const request = ask(facts, { patients: [P1] })
  const need = only(facts.flush(0))
  const other = JSON.stringify({ serverRef: SERVER.replaceAll('5', '6'), votes: [] })
  const answers = answer(need).map((one, i) =>
    need.queries[i]?.fn === 'succession' ? (answer(need, { result: other })[i] ?? []) : one,
  )
  facts.deliver(need.need, { answers }, 1)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
})

test('what was seen once cannot be unseen: an older answer is ENDORSEMENT_STALE', () => {
  const facts = open()
  ask(facts, { patients: [P1] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { answers: answer(first, { height: 9 }) }, 1)
  const request = ask(facts, { patients: [P1] })
  const second = only(facts.flush(1))
  assert.equal(second.minHeight, 9)
  facts.deliver(second.need, { answers: answer(second, { height: 8 }) }, 2)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_STALE' })
})

test('who waits for a block that does not come holds up nobody else', () => {
  const facts = open()
  const ahead = ask(facts, { patients: [P1], minHeight: 1_000_000 })
  const other = ask(facts, { patients: [P1] })
  const [first, second] = facts.flush(0)
  assert.ok(first !== undefined && second !== undefined)
  const [far, near] = first.minHeight > second.minHeight ? [first, second] : [second, first]
  assert.equal(far.minHeight, 1_000_000)
  facts.deliver(near.need, { answers: answer(near) }, 1)
  assert.ok(other.outcome !== undefined && 'facts' in other.outcome)
  facts.deliver(far.need, { answers: answer(far) }, 1)
  assert.deepEqual(ahead.outcome, { code: 'ENDORSEMENT_STALE' })
})

test('no answer, in time or at all, is LEDGER_UNAVAILABLE; one that comes later changes nothing', () => {
  const facts = open()
  const refused = ask(facts, { patients: [P1] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { code: 'ACCESS_DENIED' }, 1)
  // Not the host's own code: it could make a refusal look like a decision.
  assert.deepEqual(refused.outcome, { code: 'LEDGER_UNAVAILABLE' })

  const late = ask(facts, { patients: [P1] }, 10)
  const second = only(facts.flush(10))
  facts.flush(10 + NEED_TIMEOUT_MS)
  assert.deepEqual(late.outcome, { code: 'LEDGER_UNAVAILABLE' })
  facts.deliver(second.need, { answers: answer(second) }, 20 + NEED_TIMEOUT_MS)
  facts.deliver(999, { code: 'LEDGER_UNAVAILABLE' }, 20 + NEED_TIMEOUT_MS)
  assert.equal(facts.waiting, 0)
})

test('who was never asked for, because the host let no round come, is LEDGER_UNAVAILABLE after twice that time', () => {
  const facts = open()
  const early = ask(facts, { patients: [P1] })
  const late = ask(facts, { patients: [P2], minHeight: 99 }, 1)
  const { need } = only(facts.flush(2 * NEED_TIMEOUT_MS))
  assert.deepEqual(early.outcome, { code: 'LEDGER_UNAVAILABLE' })
  assert.deepEqual([late.outcome, facts.waiting], [undefined, 1])
  facts.deliver(need, { code: 'LEDGER_UNAVAILABLE' }, 2 * NEED_TIMEOUT_MS)
  assert.equal(facts.waiting, 0)
})

test('an organisation is asked for again after five seconds, counted from the nonce', () => {
  const facts = open()
  ask(facts, { organizations: ['HA'] })
  const first = only(facts.flush(100))
  facts.deliver(first.need, { answers: answer(first) }, 4_000)
  const cached = ask(facts, { organizations: ['HA'] }, 100 + ORGANIZATION_CACHE_MS - 1)
  assert.ok(cached.outcome !== undefined && 'facts' in cached.outcome)
  assert.equal(cached.outcome.facts.timeMs, NOW + ORGANIZATION_CACHE_MS - 1)
  assert.equal(cached.outcome.facts.reachedMs, NOW)
  const again = ask(facts, { organizations: ['HA'] }, 100 + ORGANIZATION_CACHE_MS)
  assert.equal(again.outcome, undefined)
})

const POLICY = resultOf('organizationPolicy', ['HA'])
const DIGEST = encodeHex(crypto.sha256(encodeUtf8(POLICY)))
const UNCHANGED = JSON.stringify({ mspId: 'HA', unchanged: DIGEST })

/** Of an organisation that is known from a second ago. @returns what was asked, and the request that waits. */
function askAgain(facts: LedgerFacts) {
  ask(facts, { organizations: ['HA'] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { answers: answer(first) }, 1)
  const request = ask(facts, { organizations: ['HA'], fresh: true }, 1_000)
  return { request, need: only(facts.flush(1_000)) }
}

/** Answers to the question for the organisation, and honest ones to the rest. */
function answersWith(
  need: EffectOf<'need'>,
  result: string,
  by: readonly ('HA' | 'HB')[] = ['HA'],
): EndorsedAnswer[][] {
  return answer(need, { result }, by).map((one, i) => (i === 0 ? one : (answer(need, {}, by)[i] ?? [])))
}

test('what is known of an organisation is named by its digest, and stands if a quorum says so', () => {
  const facts = open()
  const { request, need } = askAgain(facts)
  assert.deepEqual(need.queries[0], { fn: 'organizationPolicyUnless', args: ['HA', DIGEST] })
  facts.deliver(need.need, { answers: answersWith(need, UNCHANGED) }, 1_001)
  assert.ok(request.outcome !== undefined && 'facts' in request.outcome)
  assert.deepEqual(request.outcome.facts.organization('HA'), JSON.parse(POLICY))
  // It counts from this question on.
  assert.ok(ask(facts, { organizations: ['HA'] }, 1_000 + ORGANIZATION_CACHE_MS - 1).outcome !== undefined)
})

test('an organisation that has changed is answered whole, and named by its new digest from then on', () => {
  const facts = open()
  const { request, need } = askAgain(facts)
  const changed = JSON.stringify({ mspId: 'HA', participants: [], revokedSerials: ['0a'] })
  facts.deliver(need.need, { answers: answersWith(need, changed) }, 1_001)
  assert.ok(request.outcome !== undefined && 'facts' in request.outcome)
  assert.deepEqual(request.outcome.facts.organization('HA').revokedSerials, ['0a'])
  ask(facts, { organizations: ['HA'], fresh: true }, 2_000)
  const next = only(facts.flush(2_000))
  assert.equal(next.queries[0]?.args[1], encodeHex(crypto.sha256(encodeUtf8(changed))))
})

for (const [what, result] of [
  ['since another digest', JSON.stringify({ mspId: 'HA', unchanged: '0'.repeat(64) })],
  ['of another organisation', JSON.stringify({ mspId: 'HB', unchanged: DIGEST })],
  ['and more', JSON.stringify({ mspId: 'HA', participants: [], unchanged: DIGEST })],
] as const) {
  test(`“unchanged” ${what} is ENDORSEMENT_MALFORMED`, () => {
    const facts = open()
    const { request, need } = askAgain(facts)
    facts.deliver(need.need, { answers: answersWith(need, result) }, 1_001)
    assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
  })
}

test('“unchanged” to who did not say what is known is ENDORSEMENT_MALFORMED', () => {
  const facts = open()
  const request = ask(facts, { organizations: ['HA'] })
  const need = only(facts.flush(0))
  facts.deliver(need.need, { answers: answersWith(need, UNCHANGED) }, 1)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
})

test('“unchanged” said by fewer than a quorum refuses', () => {
  const facts = open(0, 2)
  ask(facts, { organizations: ['HA'] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { answers: answer(first, {}, ['HA', 'HB']) }, 1)
  const request = ask(facts, { organizations: ['HA'], fresh: true }, 1_000)
  const need = only(facts.flush(1_000))
  facts.deliver(need.need, { answers: answersWith(need, UNCHANGED) }, 1_001)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_QUORUM' })
})

test('of what the earlier trusted had said nothing is kept: ENDORSEMENT_STALE for what was under way, then all anew', () => {
  const facts = open()
  const { request, need } = askAgain(facts)
  const nodes = [{ mspId: A, publicKey: crypto.importVerifyingKey(keys.HA.publicKey) }]
  facts.trust({ channel: 'health', nodes, quorum: 1 })
  facts.deliver(need.need, { answers: answersWith(need, UNCHANGED) }, 1_001)
  assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_STALE' })
  ask(facts, { organizations: ['HA'] }, 1_002)
  assert.deepEqual(only(facts.flush(1_002)).queries[0], { fn: 'organizationPolicy', args: ['HA'] })
})

test('an organisation whose answer became too old while the rest was asked for is asked for, too', () => {
  const facts = open()
  ask(facts, { organizations: ['HA'] })
  const first = only(facts.flush(0))
  facts.deliver(first.need, { answers: answer(first) }, 1)
  const waits = ask(facts, { organizations: ['HA'], patients: [P1] }, ORGANIZATION_CACHE_MS - 1)
  const second = only(facts.flush(ORGANIZATION_CACHE_MS - 1))
  assert.deepEqual(
    second.queries.map(({ fn }) => fn),
    ['patientPolicy', 'succession'],
  )
  facts.deliver(second.need, { answers: answer(second) }, ORGANIZATION_CACHE_MS)
  assert.equal(waits.outcome, undefined)
  assert.equal(facts.waiting, 1)
  const third = only(facts.flush(ORGANIZATION_CACHE_MS))
  facts.deliver(third.need, { answers: answer(third) }, ORGANIZATION_CACHE_MS + 1)
  const outcome = waits.outcome as FactsOutcome | undefined
  assert.ok(outcome !== undefined && 'facts' in outcome)
  assert.equal(outcome.facts.organization('HA').mspId, 'HA')
  assert.equal(outcome.facts.policyOf(P1).patientRef, P1)
  assert.equal(facts.waiting, 0)
})

test('a patient is asked for each time, unless the configuration allows otherwise', () => {
  for (const [policyCacheMs, isCached] of [
    [0, false],
    [2_000, true],
  ] as const) {
    const facts = open(policyCacheMs)
    ask(facts, { patients: [P1] })
    const first = only(facts.flush(0))
    facts.deliver(first.need, { answers: answer(first) }, 1)
    const second = ask(facts, { patients: [P1] }, 1_999)
    assert.equal(second.outcome !== undefined, isCached)
    assert.equal(ask(facts, { patients: [P1] }, 2_000).outcome, undefined)
    // A client that knows of a newer block is not served from memory.
    assert.equal(ask(facts, { patients: [P1], minHeight: 8 }, 2).outcome, undefined)
  }
})

test('an organisation that the ledger does not know is unknown to the one who asked, not a fault for the others', () => {
  const facts = open()
  const unknown = ask(facts, { organizations: ['HA'], patients: [P1] })
  const need = only(facts.flush(0))
  const [policy = [], , holder = []] = answer(need)
  const [, none = []] = answer(need, { status: 'ORGANIZATION_UNKNOWN', result: '' })
  facts.deliver(need.need, { answers: [policy, none, holder] }, 1)
  const { outcome } = unknown
  assert.ok(outcome !== undefined && 'facts' in outcome)
  assert.throws(() => outcome.facts.organization('HA'), { code: 'ORGANIZATION_UNKNOWN' })
  assert.equal(outcome.facts.policyOf(P1).status, 'active')
})

test('more requests than can wait are TEE_BUSY, and there is room again when they are answered', () => {
  const facts = open()
  for (let i = 0; i < MAX_WAITING; i++) ask(facts, { patients: [P1] })
  assert.throws(() => ask(facts, { patients: [P1] }), { code: 'TEE_BUSY' })
  const need = only(facts.flush(0))
  facts.deliver(need.need, { answers: answer(need) }, 1)
  ask(facts, { patients: [P1] })
})

test('until when something is kept is asked apart; where the ledger knows of no periods only they are refused who ask', () => {
  const facts = open()
  const reader = ask(facts, { patients: [P1] })
  const eraser = ask(facts, { patients: [P1], retained: [{ batchId: `b-${'0'.repeat(32)}`, index: 0 }] })
  const needs = facts.flush(0)
  assert.equal(needs.length, 2)
  for (const need of needs) {
    const answers = answer(need).map((row, i) =>
      need.queries[i]?.fn === 'retainedUntil'
        ? answer(need, { status: 'LEDGER_UNKNOWN_FUNCTION', result: '' })[i]
        : row,
    ) as EndorsedAnswer[][]
    facts.deliver(need.need, { answers }, 1)
  }
  assert.ok(reader.outcome !== undefined && 'facts' in reader.outcome)
  assert.deepEqual(eraser.outcome, { code: 'LEDGER_UNKNOWN_FUNCTION' })
})

test('of more than 1,000 places each has its own answer; a list of another length is none', () => {
  const places = Array.from({ length: 1_500 }, (_, index) => ({ batchId: `b-${'0'.repeat(32)}`, index }))
  const versions = (args: readonly string[]) =>
    (JSON.parse(args[0] ?? '') as [string, number][]).map(([, index]) => ({ mspId: 'HA', untilMs: NOW + index }))
  for (const isWhole of [true, false]) {
    const facts = open()
    const request = ask(facts, { retained: places })
    const need = only(facts.flush(0))
    const answers = need.queries.map(({ fn, args }, i) => {
      const said = fn === 'retainedUntil' ? versions(args).slice(isWhole ? 0 : 1) : undefined
      return answer(need, said === undefined ? {} : { result: JSON.stringify(said) })[i] as EndorsedAnswer[]
    })
    facts.deliver(need.need, { answers }, 1)
    if (!isWhole) {
      assert.deepEqual(request.outcome, { code: 'ENDORSEMENT_MALFORMED' })
      continue
    }
    assert.ok(request.outcome !== undefined && 'facts' in request.outcome)
    const { facts: known } = request.outcome
    assert.deepEqual(
      places.map((place) => known.findRetained(place)?.untilMs),
      places.map(({ index }) => NOW + index),
    )
    assert.equal(known.findRetained({ batchId: `b-${'1'.repeat(32)}`, index: 0 }), undefined)
  }
})
