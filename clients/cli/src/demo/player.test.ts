import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../command-error.ts'
import { Output, type OutputOptions } from '../output.ts'
import { expectRefusal, expectSame, expectThat, Surprise } from './expect.ts'
import { playActs, type Act, type PlayedStep } from './player.ts'

const ACTS: readonly Act<string[]>[] = [
  { steps: [{ title: 'Bob says hello', play: (said) => Promise.resolve(`${said.push('hello')} word`) }] },
  {
    heading: '── now we attack it ──',
    steps: [
      {
        title: 'a stranger says hello',
        play: async () => {
          const { code } = await expectRefusal('ACCESS_DENIED', () => Promise.reject(refusal('ACCESS_DENIED')))
          return `noticed: ${code}`
        },
      },
    ],
  },
]

function refusal(code: string): Error {
  return Object.assign(new Error('refused'), { code })
}

function output(options: Partial<OutputOptions> = {}): { output: Output; out: () => string } {
  let out = ''
  const stream = { write: (text: string) => (out += text) }
  const all = { json: 'off', quiet: false, verbose: false, color: false, ...options } as const
  return { output: new Output(all, stream, stream, {}), out: () => out }
}

const WORDS = { intro: 'TrustHealth demo', notShown: 'Not shown: hardware.', next: 'trusthealth start' }

test('a step is one line of intent and proof, the score comes last', async () => {
  const { output: to, out } = output()
  await playActs(ACTS, [], { output: to, ...WORDS })
  const lines = out().trimEnd().split('\n')
  assert.equal(lines[0], 'TrustHealth demo')
  assert.equal(lines[1], `1/2 ✓ ${'Bob says hello'.padEnd(46)} 1 word`)
  assert.equal(lines[2], '── now we attack it ──')
  assert.equal(lines[3], `2/2 ✓ ${'a stranger says hello'.padEnd(46)} noticed: ACCESS_DENIED`)
  assert.match(lines[4] ?? '', /^2 of 2 as promised, \d+ s\. {2}Not shown: hardware\. {2}Next: trusthealth start$/)
})

test('a surprise is shown at its step, counted, and is the error at the end', async () => {
  const surprised: Act<string[]>[] = [
    ...ACTS,
    { steps: [{ title: 'nothing is noticed', play: () => expectRefusal('LEDGER_FORBIDDEN', () => 1).then(String) }] },
    {
      steps: [
        {
          title: 'another code',
          play: () => expectRefusal('A_CODE', () => Promise.reject(refusal('TEE_BUSY'))).then(String),
        },
      ],
    },
    { steps: [{ title: 'a fault', play: () => Promise.reject(new TypeError('x is undefined')) }] },
  ]
  const { output: to, out } = output()
  await assert.rejects(playActs(surprised, [], { output: to, ...WORDS }), (error) => {
    assert.ok(error instanceof CommandError)
    assert.equal(error.code, 'DEMO_SURPRISE')
    assert.match(error.words.reason ?? '', /promised LEDGER_FORBIDDEN, but it was done/)
    assert.match(error.words.reason ?? '', /promised A_CODE, got TEE_BUSY/)
    return true
  })
  assert.match(out(), /3\/5 ✗ nothing is noticed/)
  assert.match(out(), /5\/5 ✗ a fault +x is undefined/)
  assert.match(out(), /2 of 5 as promised/)
})

test('--json prints one object, --json=lines one a step', async () => {
  const whole = output({ json: 'object' })
  await playActs(ACTS, [], { output: whole.output, ...WORDS })
  const { ok, data } = JSON.parse(whole.out()) as { ok: boolean; data: { passed: number; steps: PlayedStep[] } }
  assert.ok(ok)
  assert.equal(data.passed, 2)
  assert.deepEqual(
    data.steps.map(({ step, of, ok: isOk }) => [step, of, isOk]),
    [
      [1, 2, true],
      [2, 2, true],
    ],
  )
  const lines = output({ json: 'lines' })
  await playActs(ACTS, [], { output: lines.output, ...WORDS })
  assert.equal(lines.out().trimEnd().split('\n').length, 2)
})

test('between steps it waits for the reader when asked to', async () => {
  let pauses = 0
  const { output: to } = output()
  await playActs(ACTS, [], { output: to, ...WORDS, pause: async () => void pauses++ })
  assert.equal(pauses, 1)
})

test('expectations that do not hold are surprises', () => {
  assert.throws(() => expectThat(false, 'the disk is clean'), Surprise)
  assert.throws(() => expectSame(1, 2, 'hits'), Surprise)
  expectThat(true, 'it holds')
  expectSame('a', 'a', 'words')
})
