import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { compareDependencies, dependencyRows } from './dependencies-page.ts'
import { declaredCodes, unknownCodes, usedCodes } from './error-codes.ts'
import { errorsPage } from './errors-page.ts'
import { anchorsOf, checkLinks, isPage, linksOf, testsNamed } from './links.ts'

function plant(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'docs-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

test('the page has one heading for each code, under its kind', () => {
  const page = errorsPage({
    WARRANT_EXPIRED: { kind: 'refused', meaning: 'It has ended.', action: 'Ask for a new one.' },
    CBOR_MALFORMED: { kind: 'usage', meaning: 'It is no CBOR.', action: 'Encode it.' },
  })
  assert.ok(anchorsOf(page).has('warrant_expired'))
  assert.match(page, /## Refused[\s\S]*### WARRANT_EXPIRED\n\nIt has ended\.\n_What to do:_ Ask for a new one\./)
  assert.ok(page.indexOf('CBOR_MALFORMED') < page.indexOf('## Refused'))
})

test('codes are read from unions whose name ends with ErrorCode, and from nothing else', () => {
  const text = `type Other = 'NOT_A_CODE'
    // 'IN_A_COMMENT'
    export type CryptoErrorCode =
      | 'CRYPTO_BAD_KEY'
      | 'CRYPTO_BAD_ENCODING'
    export const other = 'USED_CODE'`
  assert.deepEqual(declaredCodes(text), ['CRYPTO_BAD_KEY', 'CRYPTO_BAD_ENCODING'])
  assert.deepEqual(declaredCodes("export type AErrorCode = Extract<B, 'ONE_CODE'>"), ['ONE_CODE'])
})

test('a code counts as used as a literal and as a key, not in a comment', () => {
  const used = usedCodes("throw refuse('ONE_CODE') // 'TWO_CODE'\nconst map = { THREE_CODE: 1 }")
  assert.ok(used.has('ONE_CODE') && used.has('THREE_CODE'))
  assert.ok(!used.has('TWO_CODE'))
})

test('a page that names a code that is none is reported; codes of others are not', () => {
  const page =
    'It answers `TEE_BUSY`, `TEE_GONE` or `TEE_GONE`; SQLite says `SQLITE_BUSY`, and TEE_LOST is no code here.'
  assert.deepEqual(unknownCodes(page, ['TEE_BUSY', 'WARRANT_EXPIRED']), ['TEE_GONE'])
})

test('tests are found by their path, others that only look like one are not', () => {
  const page = 'See `test/e2e/a.test.ts`, `secure/core/src/replica/*.test.ts`, `b.test.ts` and test/c.test.ts.'
  assert.deepEqual(testsNamed(page), ['test/e2e/a.test.ts', 'secure/core/src/replica/*.test.ts'])
})

test('links are found in text and references, not in code', () => {
  const text = 'a [b](c.md) ![d](e.png) [f]\n`[g](h.md)`\n\n[f]: i.md\n\n```\n[j](k.md)\n```\n'
  assert.deepEqual(linksOf(text), ['c.md', 'e.png', 'i.md'])
})

test('a link to a missing file, to a missing heading and out of the repository is each reported', (t) => {
  const root = plant(t, {
    'docs/a.md': '[1](b.md#here-it-is) [2](b.md) [3](https://example.org/x) [4](../README.md) [5](#own)\n\n## Own\n',
    'docs/bad.md': '[1](gone.md)\n[2](b.md#gone)\n[3](../../elsewhere.md)\n[4](#gone)\n',
    'docs/b.md': '# Here it is\n',
    'README.md': '',
  })
  assert.deepEqual(checkLinks(join(root, 'docs/a.md'), root), { faults: [], count: 4 })
  assert.equal(checkLinks(join(root, 'docs/bad.md'), root).faults.length, 4)
})

test('anchors are those of a Markdown viewer', () => {
  const anchors = anchorsOf('# 1.5 Two `encodings`\n## A & B\n## Twice\n## Twice\n```\n# code\n```\n')
  assert.deepEqual([...anchors], ['15-two-encodings', 'a--b', 'twice', 'twice-1'])
})

test('pages are those at the top, in docs, and each README, but not planted ones', () => {
  assert.ok(['README.md', 'docs/a/b.md', 'host/README.md'].every(isPage))
  assert.ok(!['host/notes.md', 'tools/boundaries/planted/README.md'].some(isPage))
})

const ROW = '| `a` | MIT | because |\n'
test('a package that is declared and described passes', () => {
  assert.deepEqual(
    compareDependencies(dependencyRows(ROW), ['a'], () => 'MIT'),
    [],
  )
})

for (const [what, page, declared, licence] of [
  ['is not described', '', ['a'], undefined],
  ['is described but not declared', ROW, [], undefined],
  ['is described twice', ROW + ROW, ['a'], undefined],
  ['has no reason', '| `a` | MIT | |\n', ['a'], undefined],
  ['has another licence', ROW, ['a'], 'ISC'],
  ['has a licence that we do not use', '| `a` | AGPL-3.0 | because |\n', ['a'], undefined],
] as const) {
  test(`a package that ${what} is reported`, () => {
    assert.equal(compareDependencies(dependencyRows(page), declared, () => licence).length, 1)
  })
}
