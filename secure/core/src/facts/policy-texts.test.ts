import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseResult, patientPoliciesShape } from '../../../../shared/ledger-model/src/index.ts'
import { PolicyTexts } from './policy-texts.ts'

const refs = ['1', '2', '3'].map((digit) => `p-${digit.repeat(32)}`)
const [P1 = '', P2 = '', P3 = ''] = refs

function policy(patientRef: string, label?: string): object {
  const key = {
    addedMs: 1,
    by: { how: 'registration', ref: `h-${'a'.repeat(32)}` },
    kid: 'A'.repeat(43),
    kind: 'device',
    label,
    publicKey: 'A'.repeat(87),
    removedMs: null,
    sealKey: 'A'.repeat(43),
  }
  const keys = label === undefined ? [] : [key]
  return { grants: [], hospitals: [], keys, patientRef, status: 'active', suspended: [], warrants: [] }
}

function textOf(...policies: readonly object[]): string {
  return JSON.stringify(policies)
}

/** What parsing all of it says. */
function parsed(text: string): unknown {
  return parseResult(text, patientPoliciesShape)
}

test('the same as parsing the whole answer, the first time and again, in any order and mixture', () => {
  const texts = new PolicyTexts(100_000)
  const device = 'Chrome on Pixel'
  const answers = [
    [policy(P1), policy(P2, device)],
    [policy(P2, device), policy(P1)],
    [policy(P1, 'new'), policy(P3, 'Old phone'), policy(P2, device)],
    [policy(P1), policy(P3, 'Old phone')],
  ]
  for (const policies of [...answers, ...answers]) {
    const text = textOf(...policies)
    const asked = policies.map((one) => (one as { readonly patientRef: string }).patientRef)
    assert.deepEqual(texts.read(text, asked), parsed(text))
  }
})

test('an unchanged policy is not parsed again, a changed one is', () => {
  const texts = new PolicyTexts(100_000)
  const [first] = texts.read(textOf(policy(P1)), [P1])
  assert.equal(texts.read(textOf(policy(P1)), [P1])[0], first)
  const [changed] = texts.read(textOf(policy(P1, 'x')), [P1])
  assert.notEqual(changed, first)
  assert.equal(changed?.keys.length, 1)
})

test('what is kept is bounded; what was forgotten is parsed', () => {
  const size = JSON.stringify(policy(P1)).length
  const texts = new PolicyTexts(2 * size)
  const [first] = texts.read(textOf(policy(P1)), [P1])
  texts.read(textOf(policy(P2), policy(P3)), [P2, P3])
  const [again] = texts.read(textOf(policy(P1)), [P1])
  assert.notEqual(again, first)
  assert.deepEqual(again, first)
})

test('refused, whether the policies are known or not: another patient, one too few, one too many, text around them', () => {
  const good = textOf(policy(P1), policy(P2))
  const wrong: readonly (readonly [string, readonly string[]])[] = [
    [good, [P2, P1]],
    [good, [P1]],
    [good, [P1, P2, P3]],
    [good, [P1, P3]],
    [` ${good}`, [P1, P2]],
    [`${good} `, [P1, P2]],
    [`${good}${good}`, [P1, P2]],
    [good.replace('},{', '} {'), [P1, P2]],
    [good.slice(0, -1), [P1, P2]],
    [good.slice(1), [P1, P2]],
    ['[]', [P1]],
    ['', [P1]],
    ['null', [P1]],
    [good.replace('"active"', '"asleep"'), [P1, P2]],
    [good.replace('"status"', '"Status"'), [P1, P2]],
  ]
  for (const known of [false, true]) {
    for (const [text, asked] of wrong) {
      const texts = new PolicyTexts(100_000)
      if (known) texts.read(good, [P1, P2])
      assert.throws(() => texts.read(text, asked), { code: 'ENDORSEMENT_MALFORMED' }, text)
    }
  }
})

test('an answer with any part changed is read as a parser reads it, or refused', () => {
  const good = textOf(policy(P1, 'label'), policy(P2))
  fc.assert(
    fc.property(
      fc.nat(good.length - 1),
      fc.constantFrom('{', '}', '"', '\\', ',', '[', ']', ' ', 'x', ''),
      (at, unit) => {
        const text = good.slice(0, at) + unit + good.slice(at + 1)
        const texts = new PolicyTexts(100_000)
        texts.read(good, [P1, P2])
        let read: unknown
        try {
          read = texts.read(text, [P1, P2])
        } catch (error) {
          assert.equal((error as { readonly code?: unknown }).code, 'ENDORSEMENT_MALFORMED')
          return
        }
        assert.deepEqual(read, parsed(text))
      },
    ),
  )
})
