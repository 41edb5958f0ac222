import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../tools/files.ts'
import { benchPages } from './pages.ts'

test('pages and plots are what the committed results give', async () => {
  const made = await benchPages()
  assert.ok([...made.keys()].filter((path) => path.endsWith('.svg')).length >= 3, 'plots were drawn')
  for (const [path, text] of made) {
    assert.equal(readFileSync(join(ROOT, 'docs', path), 'utf8'), text, `docs/${path}: npm run bench:docs`)
  }
  const drawn = readdirSync(join(ROOT, 'docs/images/bench')).map((name) => `images/bench/${name}`)
  assert.deepEqual(
    drawn.filter((path) => !made.has(path)),
    [],
    'a plot is left over',
  )
})

test('the same results give the same bytes', async () => {
  assert.deepEqual([...(await benchPages())], [...(await benchPages())])
})
