/** The one form of a batch, as it is read in one pass: what the shapes and a parser of JSON say of it, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeBase64url, encodeHex } from '../../crypto/src/index.ts'
import type { AuthorRef, CommitmentJson } from '../../protocol/src/index.ts'
import { type CommitGroup, commitGroupsShape, decodeCommitGroups, encodeCommitGroups } from './commitments.ts'

const hex = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(encodeHex)
const item = fc
  .record({
    doctorTag: hex(32),
    ehrHash: hex(32),
    patientTag: hex(32),
    before: hex(32),
    recordId: hex(16).map((digits) => `r-${digits}`),
    version: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER })),
    warrantHash: hex(32),
  })
  .map(({ before, ...one }) => ({ ...one, previous: one.version === 1 ? '' : before }) as CommitmentJson)
const group: fc.Arbitrary<CommitGroup> = fc.record(
  {
    author: fc.tuple(fc.constantFrom('d', 'h'), hex(16)).map(([letter, digits]) => `${letter}-${digits}` as AuthorRef),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }).map(encodeBase64url),
    items: fc.array(item, { minLength: 1, maxLength: 3 }),
  },
  { noNullPrototype: true },
)
const groups = fc.array(group, { minLength: 1, maxLength: 3 })

/** As the text would be read without the short way. */
function readSlowly(text: string): readonly CommitGroup[] | undefined {
  try {
    const read = commitGroupsShape(JSON.parse(text), 'groups')
    return encodeCommitGroups(read) === text ? read : undefined
  } catch {
    return undefined
  }
}

test('what is written is read', () => {
  fc.assert(
    fc.property(groups, (written) => {
      assert.deepEqual(decodeCommitGroups(encodeCommitGroups(written)), written)
    }),
  )
})

test('a text with some letters exchanged, added or left out means the same both ways, or nothing', () => {
  const letters = fc.constantFrom(
    '',
    '0',
    '1',
    'a',
    'A',
    'g',
    'r',
    'p',
    '"',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    ' ',
    '\\',
    '\n',
  )
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), letters), { minLength: 1, maxLength: 2 })
  fc.assert(
    fc.property(groups, changes, (written, wanted) => {
      let text = encodeCommitGroups(written)
      for (const [place, left, letter] of wanted) {
        const at = place % text.length
        text = text.slice(0, at) + letter + text.slice(at + left)
      }
      assert.deepEqual(decodeCommitGroups(text), readSlowly(text))
    }),
    { numRuns: 1_000 },
  )
})

test('the same of texts at every edge', () => {
  const [one] = fc.sample(group, { numRuns: 1, seed: 7 }) as [CommitGroup]
  const text = encodeCommitGroups([one])
  const first = one.items[0] as CommitmentJson
  const many = (count: number) => encodeCommitGroups([{ ...one, items: Array.from({ length: count }, () => first) }])
  const wrong = [
    '',
    '[]',
    '[',
    ']',
    '{}',
    `${text}]`,
    `${text} `,
    ` ${text}`,
    `${text},`,
    `[${text.slice(1, -1)},]`,
    `[,${text.slice(1)}`,
    text.slice(0, -1),
    `[${text.slice(1, -1)}${text.slice(1, -1)}]`,
    text.replace('},{', '}{'),
    text.replace('"items":[', '"items":[,'),
    text.replace(/"version":\d+/, '"version":9007199254740992'),
    text.replace(/"version":\d+/, '"version":1e3'),
    text.replace(/"version":\d+/, '"version":02'),
    many(1_001),
    encodeCommitGroups([{ ...one, items: [] }]),
  ]
  for (const other of wrong) {
    if (other === text) continue
    assert.equal(decodeCommitGroups(other), undefined, other.slice(0, 80))
  }
  assert.equal(decodeCommitGroups(many(1_000))?.[0]?.items.length, 1_000)
  const two = `[${text.slice(1, -1)},${text.slice(1, -1)}]`
  assert.deepEqual(decodeCommitGroups(two), readSlowly(two))
})
