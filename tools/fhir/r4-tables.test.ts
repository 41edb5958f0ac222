import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../files.ts'
import { madePage } from './docs-page.ts'
import { formatTables, makeTables } from './r4-tables.ts'

test('the tables of the façade are those that R4’s own definitions give', () => {
  const made = makeTables()
  assert.equal(formatTables(made), readFileSync(join(ROOT, 'hospital/src/fhir/r4-tables.json'), 'utf8'))
  assert.equal(Object.keys(made.summary).length, 146)
  assert.deepEqual(made.parameters['Observation']?.['code'], ['token', 'Observation.code'])
})

test('the page says what the tables say', async () => {
  const page = readFileSync(join(ROOT, 'docs/fhir.md'), 'utf8')
  assert.equal(await madePage(page), page, 'node tools/run.mjs tools/fhir/docs-page.ts --write')
})
