/**
 * Writes docs/performance.md, docs/scale.md and their plots from bench/results/latest.json, and
 * docs/operations/optee-measured.md from bench/results/optee.json: `npm run bench:docs`.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../tools/files.ts'
import { benchPages } from './pages.ts'

for (const [path, text] of await benchPages()) {
  const target = join(ROOT, 'docs', path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
}
