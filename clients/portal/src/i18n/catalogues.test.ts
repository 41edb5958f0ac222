/**
 * The catalogues of all languages: same keys, same arguments, words we use and words we avoid, short sentences that are easy
 * to read, three texts for each error.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  isArgumentElement,
  isLiteralElement,
  isPluralElement,
  isPoundElement,
  isSelectElement,
  isTagElement,
  parse,
  TYPE,
  type MessageFormatElement,
} from '@formatjs/icu-messageformat-parser'
import { fleschKincaid } from 'flesch-kincaid'
import { syllable } from 'syllable'
import { CONTRACT_FUNCTIONS } from '../../../../shared/ledger-model/src/index.ts'
import { ERROR_TABLE } from '../../../../shared/protocol/src/error-table.ts'
import { pseudo, type Message } from './pseudo.ts'

const FOLDER = join(import.meta.dirname, '../../locales')
type Catalogue = Readonly<Record<string, { readonly message: string; readonly description: string }>>

function load(locale: string): ReadonlyMap<string, Catalogue> {
  const files = readdirSync(join(FOLDER, locale)).filter((name) => name.endsWith('.json'))
  return new Map(files.map((name) => [name, JSON.parse(readFileSync(join(FOLDER, locale, name), 'utf8')) as Catalogue]))
}

const en = load('en')
const zh = load('zh-Hans')

/** Names of arguments and tags, sorted. */
function argumentsOf(message: Message): string[] {
  const found = new Set<string>()
  const walk = (elements: readonly MessageFormatElement[]) => {
    for (const element of elements) {
      if (isArgumentElement(element)) found.add(element.value)
      if (isPluralElement(element) || isSelectElement(element)) {
        found.add(element.value)
        for (const option of Object.values(element.options)) walk(option.value)
      }
      if (isTagElement(element)) {
        found.add(`<${element.value}>`)
        walk(element.children)
      }
    }
  }
  walk(typeof message === 'string' ? parse(message) : message)
  return [...found].toSorted()
}

test('both languages have the same keys with the same arguments', () => {
  assert.ok(en.size >= 3)
  for (const [name, catalogue] of en) {
    const other = zh.get(name)
    assert.ok(other !== undefined, `zh-Hans has no ${name}`)
    assert.deepEqual(Object.keys(other).toSorted(), Object.keys(catalogue).toSorted(), name)
    for (const [key, { message, description }] of Object.entries(catalogue)) {
      assert.notEqual(description, '', `${key} has no description`)
      assert.deepEqual(argumentsOf(other[key]?.message ?? ''), argumentsOf(message), key)
    }
  }
})

test('every error code says what, means and next in both languages', () => {
  const codes = [...Object.keys(ERROR_TABLE), 'PORTAL_FAULT']
  assert.ok(codes.length > 150)
  for (const [locale, catalogues] of [
    ['en', en],
    ['zh-Hans', zh],
  ] as const) {
    const errors = catalogues.get('errors.json') ?? {}
    const missing = codes.flatMap((code) =>
      ['what', 'means', 'next']
        .filter((part) => (errors[`error.${code}.${part}`]?.message ?? '') === '')
        .map((part) => `${code}.${part}`),
    )
    assert.deepEqual(missing, [], locale)
  }
})

test('every transaction of the ledger has words', () => {
  const writing = Object.entries(CONTRACT_FUNCTIONS).filter(([, { readOnly }]) => !readOnly)
  const words = Object.keys(en.get('auditor.json') ?? {}).filter((key) => key.startsWith('auditor.transaction.name.'))
  assert.deepEqual(words.toSorted(), writing.map(([name]) => `auditor.transaction.name.${name}`).toSorted())
})

/** The first three are promises nobody can keep; the rest are words of the trade, or of forms. */
const AVOIDED =
  /\b(secure|safe|trusted|blockchain|hash|TEE|attestation|token|revoke[ds]?|error occurred|please|successfully|abnormal|normal)\b/i
const EMOJI = /\p{Extended_Pictographic}/u

test('words that we avoid stand in no text', () => {
  assert.match('It is secure.', AVOIDED)
  for (const [name, catalogue] of en) {
    for (const [key, { message }] of Object.entries(catalogue)) {
      assert.doesNotMatch(message.replaceAll(/\{[^{}]*\}/g, ''), AVOIDED, `${name} ${key}`)
      assert.doesNotMatch(message, EMOJI, `${name} ${key}`)
    }
  }
})

test('Chinese texts have full-width punctuation after Chinese words', () => {
  for (const catalogue of zh.values()) {
    for (const [key, { message }] of Object.entries(catalogue))
      assert.doesNotMatch(message, /\p{Script=Han}[,;!?]/u, key)
  }
})

/** As somebody reads it: names in the place of arguments, of variants the usual one. */
function readingOf(elements: readonly MessageFormatElement[]): string {
  return elements
    .map((element) => {
      if (isLiteralElement(element)) return element.value
      if (isTagElement(element)) return readingOf(element.children)
      if (isPluralElement(element) || isSelectElement(element)) return readingOf(element.options['other']?.value ?? [])
      return isPoundElement(element) ? '2' : 'Bob'
    })
    .join('')
}

const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' })
const WORDS = new Intl.Segmenter('en', { granularity: 'word' })
/** Words of each sentence. */
function sentencesOf(text: string): string[][] {
  return [...SENTENCES.segment(text)]
    .map(({ segment }) => [...WORDS.segment(segment)].filter(({ isWordLike }) => isWordLike).map((one) => one.segment))
    .filter((words) => words.length > 0)
}

/** School years in the United States that the text asks for (Flesch and Kincaid). */
function gradeOf(sentences: readonly (readonly string[])[]): number {
  const words = sentences.flat()
  const syllables = words.reduce((sum, word) => sum + syllable(word), 0)
  return fleschKincaid({ sentence: sentences.length, word: words.length, syllable: syllables })
}

const MOST_WORDS = 20
/** Enumerations, no sentences. */
const LISTS = new Set(['auditor.scope.here.list'])

test('sentences are short, in every catalogue', () => {
  const long = [...en.values()].flatMap((catalogue) =>
    Object.entries(catalogue)
      .filter(([key]) => !LISTS.has(key))
      .flatMap(([, { message }]) => sentencesOf(readingOf(parse(message))))
      .filter((words) => words.length > MOST_WORDS)
      .map((words) => words.join(' ')),
  )
  assert.deepEqual(long, [])
  assert.equal(sentencesOf('Nobody has changed it. Bob signed it on 14 Nov 2026.').length, 2)
})

/** Shorter texts are labels, of which a grade says nothing. */
const LEAST_GRADED = 8

test('the texts read at grade 8 or below, a single one of the patient’s at 10', () => {
  for (const [name, catalogue] of en) {
    const texts = Object.values(catalogue).map(({ message }) => sentencesOf(readingOf(parse(message))))
    const graded = texts.filter((sentences) => sentences.flat().length >= LEAST_GRADED)
    assert.ok(graded.length >= 5, name)
    assert.ok(gradeOf(graded.flat()) <= 8, `${name} reads at grade ${gradeOf(graded.flat()).toFixed(1)}`)
    if (name !== 'patient.json') continue
    const hard = graded.filter((sentences) => sentences.flat().length >= 12 && gradeOf(sentences) > 10)
    assert.deepEqual(hard, [])
  }
  const hard =
    'Cryptographic verification of institutional attestation evidence necessitates authoritative endorsement.'
  assert.ok(gradeOf(sentencesOf(hard)) > 15)
})

test('the pseudo language is longer and keeps arguments', () => {
  for (const catalogue of en.values()) {
    for (const { message } of Object.values(catalogue))
      assert.deepEqual(argumentsOf(pseudo(parse(message))), argumentsOf(message))
  }
  assert.equal(pseudo('Take back'), 'Táké báck ~ ~')
  const [plural, more] = pseudo(parse('{count, plural, one {# record} other {# records}}'))
  assert.match(JSON.stringify(plural), /récórds/)
  assert.deepEqual(more, { type: TYPE.literal, value: ' ~ ~' })
})
