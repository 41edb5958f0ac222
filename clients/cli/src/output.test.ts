import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMoment } from './dates.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { Output, table, type JsonMode } from './output.ts'

function capture(json: JsonMode, options: { quiet?: boolean; tty?: boolean; env?: Record<string, string> } = {}) {
  const text = { out: '', err: '' }
  const stream = (name: 'out' | 'err') => ({
    write: (chunk: string) => (text[name] += chunk),
    isTTY: options.tty ?? false,
    columns: 90,
  })
  const output = new Output(
    { json, quiet: options.quiet ?? false, verbose: false, color: true },
    stream('out'),
    stream('err'),
    options.env ?? {},
  )
  return { output, text }
}

test('the result is on standard output, notes on standard error', () => {
  const { output, text } = capture('off')
  output.note('working')
  output.result({ a: 1 }, 'stored')
  assert.deepEqual(text, { out: 'stored\n', err: 'working\n' })
})

test('--json prints one object and nothing else', () => {
  const { output, text } = capture('object')
  output.result({ a: 1 }, 'stored')
  assert.deepEqual(JSON.parse(text.out), { ok: true, data: { a: 1 } })
})

test('--json=lines prints an object a line', () => {
  const { output, text } = capture('lines')
  output.list([{ a: 1 }, { a: 2 }], 'two')
  assert.equal(text.out, '{"a":1}\n{"a":2}\n')
})

test('an error names its code, what to do, and where to read on', () => {
  const human = capture('off')
  human.output.error({ code: 'WARRANT_EXPIRED', cause: 'it ended yesterday' })
  assert.match(
    human.text.err,
    /^✗ The permission has ended\. +WARRANT_EXPIRED\n {2}Cause {2}it ended yesterday\n {2}Next {3}Ask the patient/,
  )
  assert.equal(human.text.out, '')
  const json = capture('object')
  json.output.error({ code: 'WARRANT_EXPIRED' })
  assert.equal((JSON.parse(json.text.out) as { error: { docs: string } }).error.docs, 'docs/errors.md#warrant_expired')
})

test('colour only on a terminal, and never with NO_COLOR', () => {
  const escape = String.fromCharCode(27)
  assert.ok(capture('off', { tty: true }).output.paint.red('x').includes(escape))
  assert.ok(!capture('off').output.paint.red('x').includes(escape))
  assert.ok(
    !capture('off', { tty: true, env: { NO_COLOR: '1' } })
      .output.paint.red('x')
      .includes(escape),
  )
})

test('exit codes follow the kind of the error', () => {
  assert.equal(exitCodeOf('WARRANT_EXPIRED'), EXIT.refused)
  assert.equal(exitCodeOf('RECORD_HASH_MISMATCH'), EXIT.checkFailed)
  assert.equal(exitCodeOf('LEDGER_UNAVAILABLE'), EXIT.unavailable)
  assert.equal(exitCodeOf('CLIENT_CANCELLED'), EXIT.cancelled)
  assert.equal(exitCodeOf('SOMETHING_NEW'), EXIT.unexpected)
})

test('tables align and say when they are empty', () => {
  assert.equal(
    table(
      [
        ['a', 'b'],
        ['long', 'c'],
      ],
      'none',
    ),
    'a     b\nlong  c',
  )
  assert.equal(table([], 'none'), 'none')
})

test('moments are dates or spans, nothing guessed', () => {
  assert.equal(parseMoment('30d', 0), 30 * 86_400_000)
  assert.equal(parseMoment('2026-12-10T09:30Z', 0), Date.UTC(2026, 11, 10, 9, 30))
  for (const wrong of ['11/14/2026', 'tomorrow', '2026-13-40', '']) assert.equal(parseMoment(wrong, 0), undefined)
})
