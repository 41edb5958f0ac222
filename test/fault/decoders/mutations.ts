/**
 * Damaged input for decoders, made from good input: bytes changed anywhere, and trees of CBOR or JSON with a part
 * replaced, left out, doubled or added, so that the damage gets past the outer layers.
 *
 * @module
 */
import fc from 'fast-check'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'

/** A change of a few bytes. */
type ByteChange = (bytes: Uint8Array) => Uint8Array

const byteChange: fc.Arbitrary<ByteChange> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(7)).map(([at, bit]): ByteChange => (bytes) => {
    const changed = bytes.slice()
    const i = bytes.length === 0 ? 0 : at % bytes.length
    if (changed.length > 0) changed[i] = (changed[i] as number) ^ (1 << bit)
    return changed
  }),
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]): ByteChange => (bytes) => {
    const changed = bytes.slice()
    if (changed.length > 0) changed[at % changed.length] = byte
    return changed
  }),
  fc.nat().map(
    (at): ByteChange =>
      (bytes) =>
        bytes.slice(0, bytes.length === 0 ? 0 : at % bytes.length),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 12 })).map(
    ([at, more]): ByteChange =>
      (bytes) =>
        splice(bytes, at % (bytes.length + 1), 0, more),
  ),
  fc.tuple(fc.nat(), fc.nat(12)).map(
    ([at, count]): ByteChange =>
      (bytes) =>
        splice(bytes, at % (bytes.length + 1), count, new Uint8Array()),
  ),
  fc.tuple(fc.nat(), fc.nat(40)).map(([at, count]): ByteChange => (bytes) => {
    const start = at % (bytes.length + 1)
    return splice(bytes, start, 0, bytes.slice(start, start + count))
  }),
)

/** One to four byte changes, one after the other. */
export const byteDamage: fc.Arbitrary<ByteChange> = fc
  .array(byteChange, { minLength: 1, maxLength: 4 })
  .map((changes) => (bytes) => changes.reduce((changed, change) => change(changed), bytes))

/** A tree of CBOR or JSON. */
export type Tree = unknown

/** Values that decoders must not stumble over. */
const oddValues: readonly Tree[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  0.5,
  2 ** 53,
  Number.MAX_SAFE_INTEGER,
  '',
  'x',
  '\u0000',
  '\ud800',
  'p-00000000000000000000000000000000',
  'x'.repeat(20_000),
  new Uint8Array(),
  new Uint8Array(1),
  new Uint8Array(32),
  new Uint8Array(65).fill(4),
  encodeUtf8('text'),
  [],
  [[]],
  [null],
  {},
  { v: 1 },
  { constructor: 1 },
]
const oddNames = ['', 'v', 'x', '__proto__', 'constructor', 'toString', 'length', 'then']

type TreeChange = (tree: Tree) => Tree

const treeChange: fc.Arbitrary<TreeChange> = fc
  .record({
    at: fc.nat(),
    what: fc.constantFrom('replace', 'remove', 'add', 'double', 'swap'),
    value: fc.constantFrom(...oddValues),
    name: fc.constantFrom(...oddNames),
  })
  .map(({ at, what, value, name }): TreeChange => (tree) => {
    const places = placesOf(tree)
    const place = places[at % places.length]
    if (place === undefined || (place.length === 0 && what !== 'add')) return what === 'replace' ? value : tree
    return changeAt(tree, place, what, value, name)
  })

/** One to three changes of a tree. */
export const treeDamage: fc.Arbitrary<TreeChange> = fc
  .array(treeChange, { minLength: 1, maxLength: 3 })
  .map((changes) => (tree) => changes.reduce((changed, change) => change(changed), tree))

type Place = readonly (string | number)[]

/** Paths of every node, the root first. */
function placesOf(tree: Tree, path: Place = []): Place[] {
  if (tree === null || typeof tree !== 'object' || tree instanceof Uint8Array) return [path]
  const entries = Array.isArray(tree) ? [...tree.entries()] : Object.entries(tree)
  return [path, ...entries.slice(0, 40).flatMap(([name, child]) => placesOf(child, [...path, name]))]
}

function changeAt(tree: Tree, place: Place, what: string, value: Tree, name: string): Tree {
  const [first, ...rest] = place
  if (first === undefined) return Array.isArray(tree) ? [...(tree as Tree[]), value] : addMember(tree, name, value)
  if (Array.isArray(tree)) {
    const items = [...(tree as Tree[])]
    const i = first as number
    if (rest.length > 0 || what === 'add') items[i] = changeAt(items[i], rest, what, value, name)
    else if (what === 'replace') items[i] = value
    else if (what === 'remove') items.splice(i, 1)
    else if (what === 'double') items.splice(i, 0, items[i])
    else items.reverse()
    return items
  }
  const members = { ...(tree as Record<string, Tree>) }
  const member = String(first)
  if (rest.length > 0 || what === 'add') members[member] = changeAt(members[member], rest, what, value, name)
  else if (what === 'replace') members[member] = value
  else if (what === 'remove') delete members[member]
  else {
    const others = Object.keys(members).filter((other) => other !== member)
    const other = others[0]
    if (other !== undefined) [members[member], members[other]] = [members[other], members[member]]
  }
  return members
}

function addMember(tree: Tree, name: string, value: Tree): Tree {
  if (tree === null || typeof tree !== 'object' || tree instanceof Uint8Array) return { [name]: value }
  // A computed name makes an own member even of `__proto__`, as JSON.parse does.
  return { ...(tree as Record<string, Tree>), [name]: value }
}

function splice(bytes: Uint8Array, at: number, remove: number, more: Uint8Array): Uint8Array {
  const after = bytes.subarray(Math.min(bytes.length, at + remove))
  const changed = new Uint8Array(at + more.length + after.length)
  changed.set(bytes.subarray(0, at))
  changed.set(more, at)
  changed.set(after, at + more.length)
  return changed
}
