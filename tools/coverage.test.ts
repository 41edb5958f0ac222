import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isTypesOnly, lineCoverage, readLcov } from './coverage.ts'

const REPORT = 'SF:a.ts\nDA:1,1\nLH:3\nLF:4\nend_of_record\nSF:b.ts\nLH:6\nLF:6\nend_of_record\n'

function plant(t: TestContext, text: string): string {
  const root = mkdtempSync(join(tmpdir(), 'coverage-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(join(root, 'never.ts'), text)
  return root
}

test('lines of all files are added up', (t) => {
  const { percent, files } = lineCoverage(readLcov(REPORT), ['a.ts', 'b.ts'], plant(t, ''))
  assert.equal(percent, 90)
  assert.equal(files, 2)
})

test('a file that no test loads counts with every line and is named', (t) => {
  const root = plant(t, 'export const a = 1\n\n\n\n\nexport const b = 2\n\n\n\n')
  const { percent, never } = lineCoverage(readLcov(REPORT), ['a.ts', 'b.ts', 'never.ts'], root)
  assert.equal(percent, 45)
  assert.deepEqual(never, ['never.ts'])
})

test('a file of types only has nothing to cover', (t) => {
  const root = plant(t, "import type { A } from './a.ts'\nexport interface B extends A {\n  readonly b: 1\n}\n")
  assert.equal(lineCoverage(readLcov(REPORT), ['a.ts', 'b.ts', 'never.ts'], root).percent, 90)
  assert.equal(isTypesOnly('export const a = 1'), false)
})

test('an empty report is not full coverage', (t) => {
  assert.ok(!(lineCoverage(readLcov(''), [], plant(t, '')).percent >= 0))
})
