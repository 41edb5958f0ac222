/**
 * No decoder throws anything but its own refusal, whatever it is given. 1,000 cases each, 4,000 with TRUSTHEALTH_LONG=1.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url, encodeBase64url, encodeUtf8, decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { decodeCbor, encodeCbor, ERROR_TABLE, type CborValue } from '../../../shared/protocol/src/index.ts'
import { makeDecoders, NotReached, type DecoderRow } from './decoders.ts'
import { byteDamage, treeDamage, type Tree } from './mutations.ts'

const RUNS = process.env['TRUSTHEALTH_LONG'] === '1' ? 4_000 : 1_000
const decoders = await makeDecoders()

for (const row of decoders) {
  test(`${row.name} refuses damaged input with its own codes only`, () => {
    for (const code of row.codes) assert.ok(Object.hasOwn(ERROR_TABLE, code), code)
    for (const input of row.samples) row.decode(input)
    let refusals = 0
    const damaged = fc
      .tuple(fc.constantFrom(...row.samples), fc.oneof(byteDamage.map(onBytes), treeDamage.map(onTree(row))))
      .map(([input, damage]) => damage(input))
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: damaged }, fc.uint8Array({ maxLength: 64 })), (input) => {
        if (isRefused(row, input)) refusals++
      }),
      { numRuns: RUNS },
    )
    assert.ok(refusals > 0, 'nothing was refused: the damage does not reach the decoder')
  })
}

test('input of the largest nesting and length ends in a refusal as well', () => {
  const deepCbor = new Uint8Array(100_000).fill(0x81)
  const deepJson = encodeUtf8('['.repeat(100_000))
  const digits = encodeUtf8('9'.repeat(100_000))
  for (const row of decoders) for (const input of [deepCbor, deepJson, digits]) isRefused(row, input)
})

/** Whether the decoder refuses; anything but its own refusal fails the test. */
function isRefused(row: DecoderRow, input: Uint8Array): boolean {
  const before = input.slice()
  try {
    row.decode(input)
    return false
  } catch (error) {
    if (error instanceof NotReached) return false
    assert.ok(error instanceof row.error, `${row.name} threw ${String(error)}`)
    assert.ok(row.codes.includes((error as Error & { code: string }).code), `code ${(error as { code?: string }).code}`)
    return true
  } finally {
    assert.deepEqual(input, before, 'a decoder does not change its input')
  }
}

type Damage = (input: Uint8Array) => Uint8Array

function onBytes(damage: Damage): Damage {
  return damage
}

function onTree({ form }: DecoderRow): (damage: (tree: Tree) => Tree) => Damage {
  return (damage) => (input) => {
    if (form === 'cbor') return writeCbor(damage(decodeCbor(input)), input)
    if (form === 'json') return encodeUtf8(toJson(damage(JSON.parse(decodeUtf8(input)))))
    if (form !== 'jws') return input.slice(1)
    const [header = '', payload = '', signature = ''] = decodeUtf8(input).split('.')
    const changed = toJson(damage(JSON.parse(decodeUtf8(decodeBase64url(payload)))))
    return encodeUtf8([header, encodeBase64url(encodeUtf8(changed)), signature].join('.'))
  }
}

/** Values that CBOR cannot hold are left for the JSON forms. */
function writeCbor(tree: Tree, fallback: Uint8Array): Uint8Array {
  try {
    return encodeCbor(tree as CborValue)
  } catch {
    return fallback.slice(1)
  }
}

function toJson(tree: Tree): string {
  const text = JSON.stringify(tree, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)) as
    string | undefined
  // Unpaired surrogates have no UTF-8.
  return (text ?? 'null').replaceAll(/[\ud800-\udfff]/g, '?')
}
