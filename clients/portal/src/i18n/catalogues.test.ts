/**
 * The catalogues of all languages: same keys, same arguments, words we use and words we avoid, three texts for each error.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  isArgumentElement,
  isPluralElement,
  isSelectElement,
  isTagElement,
  parse,
  type MessageFormatElement,
} from '@formatjs/icu-messageformat-parser'
import { CONTRACT_FUNCTIONS } from '../../../../shared/ledger-model/src/index.ts'
import { ERROR_TABLE } from '../../../../shared/protocol/src/error-table.ts'
import { pseudo } from './pseudo.ts'

const FOLDER = join(import.meta.dirname, '../../locales')
type Catalogue = Readonly<Record<string, { readonly message: string; readonly description: string }>>

function load(locale: string): ReadonlyMap<string, Catalogue> {
  const files = readdirSync(join(FOLDER, locale)).filter((name) => name.endsWith('.json'))
  return new Map(files.map((name) => [name, JSON.parse(readFileSync(join(FOLDER, locale, name), 'utf8')) as Catalogue]))
}

const en = load('en')
const zh = load('zh-Hans')

/** Names of arguments and tags, sorted. */
function argumentsOf(message: string): string[] {
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
  walk(parse(message))
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

test('sentences of a patient are short', () => {
  const long = Object.entries(en.get('patient.json') ?? {}).filter(([, { message }]) =>
    message.split(/[.!?:] /).some((sentence) => sentence.split(/\s+/).length > 24),
  )
  assert.deepEqual(
    long.map(([key]) => key).filter((key) => key !== 'permission.sentence'),
    [],
  )
})

test('the pseudo language is longer and keeps arguments', () => {
  for (const catalogue of en.values()) {
    for (const { message } of Object.values(catalogue))
      assert.deepEqual(argumentsOf(pseudo(message)), argumentsOf(message))
  }
  assert.ok(pseudo('Take back').length >= 12)
})
