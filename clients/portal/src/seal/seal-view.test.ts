/** The seal's table: the words of every state, and that green is said of one thing only. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createIntl } from 'react-intl'
import { CHECK_IDS, type Check, type CheckId, type SealInput } from '../../../sdk/src/seal.ts'
import type { Words } from '../i18n/words.ts'
import { sealView } from './seal-view.ts'

const LOCALES = join(import.meta.dirname, '../../locales')

function wordsOf(locale: string): Words {
  const messages = Object.assign(
    {},
    ...['common', 'errors'].map((name) => {
      const file = readFileSync(join(LOCALES, locale, `${name}.json`), 'utf8')
      const all = Object.entries(JSON.parse(file) as Record<string, { readonly message: string }>)
      return Object.fromEntries(all.map(([key, { message }]) => [key, message]))
    }),
  ) as Record<string, string>
  const intl = createIntl({
    locale,
    messages,
    onError: (error) => {
      throw error
    },
  })
  const t: Words['t'] = (key, values) => intl.formatMessage({ id: key }, values)
  return { t, date: () => '20 Nov 2026', time: () => '13:40' } as unknown as Words
}

const all = (change: Partial<Record<CheckId, Partial<Check>>> = {}): readonly Check[] =>
  CHECK_IDS.map((id) => ({ id, result: 'pass', reason: '', timeMs: 1, ...change[id] }))

/** Of an erased record. */
const MARKER = all().filter(({ id }) => id === 'log' || id === 'server')

const ROWS: readonly (readonly [
  input: Partial<SealInput> | undefined,
  tone: string,
  word: string,
  short: string,
  line: string,
])[] = [
  [
    { checks: all({ text: { result: 'fail' } }) },
    'bad',
    'Do not rely on this',
    'Do not rely on this',
    'The text does not match what was signed.',
  ],
  [
    { checks: all({ newest: { result: 'fail' } }), newerMs: 1 },
    'bad',
    'Do not rely on this (old copy)',
    'Old copy',
    'A newer version from 20 Nov 2026 exists and was not given to you.',
  ],
  [
    { checks: all({ log: { result: 'fail', code: 'LOG_NOT_CONSISTENT' } }) },
    'bad',
    'Do not rely on this',
    'Do not rely on this',
    'Hospitals were shown different logs.',
  ],
  [
    {
      checks: all({
        ledger: { result: 'skip', code: 'LEDGER_UNAVAILABLE' },
        log: { result: 'skip', code: 'LEDGER_UNAVAILABLE' },
      }),
    },
    'none',
    'Not fully checked',
    'Not fully checked',
    '5 of 7 checks passed; 2 could not run: The shared ledger does not answer.',
  ],
  [undefined, 'none', 'Not checked', 'Not checked', 'No check has run.'],
  [
    { waitingSinceMs: 1 },
    'wait',
    'Being recorded',
    'Being recorded',
    'Signed 13:40. Recording normally takes seconds.',
  ],
  [
    { earlierMs: 1 },
    'none',
    'Unchanged at 13:40',
    'Unchanged at 13:40',
    'All checks passed at 13:40. None has run since.',
  ],
  [
    { practice: true },
    'practice',
    'Verified unchanged (practice)',
    'Unchanged (practice)',
    'Text and signatures are right. The protected area is simulated and one computer runs every part: its operator could read everything.',
  ],
  [
    { replacedMs: 1 },
    'neutral',
    'Verified unchanged, replaced 20 Nov 2026',
    'Replaced',
    'A correction of 20 Nov 2026 replaced this version. This text is unchanged since it was signed.',
  ],
  [
    { checks: MARKER, marker: { erasedMs: 1 } },
    'neutral',
    'Erased 20 Nov 2026',
    'Erased',
    'Only this marker remains; the marker’s log entry was checked.',
  ],
  [
    { checks: MARKER, marker: { erasedMs: 1 }, practice: true },
    'practice',
    'Erased 20 Nov 2026 (practice)',
    'Erased (practice)',
    'The marker’s log entry is right. The protected area is simulated and one computer runs every part: its operator could read everything.',
  ],
  [
    { checks: MARKER.map((check) => (check.id === 'log' ? { ...check, result: 'skip' } : check)), marker: {} },
    'none',
    'Not fully checked',
    'Not fully checked',
    '1 of 2 checks passed; 1 could not run: A check could not run.',
  ],
  [{}, 'ok', 'Verified unchanged', 'Unchanged', 'This is the same text that was signed. Nobody has changed it since.'],
]

const inputOf = (input: Partial<SealInput> | undefined) =>
  input === undefined ? undefined : { checks: all(), practice: false, ...input }

test('each row of the table has its tone and its words', () => {
  const words = wordsOf('en')
  const seen = ROWS.map(([input]) => {
    const { tone, word, short, line } = sealView(words, inputOf(input))
    return [tone, word, short, line]
  })
  assert.deepEqual(
    seen,
    ROWS.map(([, ...rest]) => rest),
  )
  assert.equal(ROWS.filter(([, tone]) => tone === 'ok').length, 1)
})

test('in Chinese each row has words of its own, and the four that the design gives', () => {
  const words = wordsOf('zh-Hans')
  const seen = ROWS.map(([input]) => sealView(words, inputOf(input)).word)
  for (const word of seen) assert.match(word, /\p{Script=Han}/u)
  for (const word of ['已核实未改动', '未能全部核实', '请勿依赖此记录']) assert.ok(seen.includes(word), word)
  assert.match(words.t('strip.practice.simulated'), /演示系统/)
})
