/**
 * Damage to the good input of a decoder, and whether the decoder refuses what comes of it, with nothing but its own
 * refusal.
 *
 * @module
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../../shared/protocol/src/index.ts'
import { NotReached, type DecoderRow } from './decoders.ts'
import { byteDamage, treeDamage, type Tree } from './mutations.ts'

type Damage = (input: Uint8Array) => Uint8Array

/** Good input that was damaged, and now and then any bytes. */
export function damagedInput(row: DecoderRow): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .tuple(fc.constantFrom(...row.samples), fc.oneof(byteDamage, treeDamage.map(onTree(row))))
    .map(([input, damage]) => damage(input))
  return fc.oneof({ weight: 9, arbitrary: damaged }, fc.uint8Array({ maxLength: 64 }))
}

/** The code with which the decoder refuses; undefined if it takes it. Anything but its own refusal fails. */
export function refusalOf(row: DecoderRow, input: Uint8Array): string | undefined {
  const before = input.slice()
  try {
    row.decode(input)
    return undefined
  } catch (error) {
    if (error instanceof NotReached) return undefined
    assert.ok(error instanceof row.error, `${row.name} threw ${String(error)}`)
    const { code } = error as Error & { code: string }
    assert.ok(row.codes.includes(code), `${row.name} refused with ${code}`)
    return code
  } finally {
    assert.deepEqual(input, before, 'a decoder does not change its input')
  }
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
