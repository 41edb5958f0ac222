/**
 * Every input that was kept is given to every decoder again: none throws anything but its own refusal.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64url } from '../../../shared/crypto/src/index.ts'
import { refusalOf } from './damage.ts'
import { makeDecoders } from './decoders.ts'

/** Inputs that the corpus has at least: it only grows. */
const LEAST = 400

const corpus = JSON.parse(readFileSync(join(import.meta.dirname, 'corpus.json'), 'utf8')) as Readonly<
  Record<string, readonly string[]>
>
const inputs = Object.values(corpus).flat().map(decodeBase64url)
const decoders = await makeDecoders()

test('the corpus is there, and every part of it is of a decoder that exists', () => {
  assert.ok(inputs.length >= LEAST, String(inputs.length))
  const names = new Set(decoders.map(({ name }) => name))
  assert.deepEqual(
    Object.keys(corpus).filter((name) => !names.has(name)),
    [],
  )
})

for (const row of decoders) {
  test(`${row.name} refuses what was kept with its own codes only`, () => {
    for (const input of inputs) refusalOf(row, input)
  })
}
