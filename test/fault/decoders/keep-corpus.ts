/**
 * Keeps fuzz input: `node keep-corpus.ts` adds, for each decoder, one input for every way of refusal that 3,000 damaged
 * inputs reach and the corpus does not have; `node keep-corpus.ts DECODER BASE64URL` adds one input, such as a
 * counterexample of decoders.test.ts. Nothing is ever removed. Seeds are fixed, keys are not: what an input reaches may
 * change with the keys, so the corpus keeps inputs, not outcomes.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { decodeBase64url, encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { damagedInput, refusalOf } from './damage.ts'
import { makeDecoders, type DecoderRow } from './decoders.ts'

/** By decoder; base64url. */
type Corpus = Record<string, string[]>

const FILE = join(import.meta.dirname, 'corpus.json')
const RUNS = 3_000
const SEED = 20_261_123
/** Of one input: longer ones are not worth their room. */
const MAX_BYTES = 800

/** Where a refusal comes from: its code and words. */
function wayOf(row: DecoderRow, input: Uint8Array): string {
  try {
    row.decode(input)
    return ''
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    return `${code ?? ''} ${message}`
  }
}

const [only, given] = process.argv.slice(2)
const corpus = JSON.parse(readFileSync(FILE, 'utf8')) as Corpus
for (const row of await makeDecoders()) {
  const kept = (corpus[row.name] ??= [])
  if (only !== undefined) {
    if (only === row.name && given !== undefined && !kept.includes(given)) kept.push(given)
    continue
  }
  const known = new Set(kept.map((one) => wayOf(row, decodeBase64url(one))))
  for (const input of fc.sample(damagedInput(row), { numRuns: RUNS, seed: SEED })) {
    if (input.length > MAX_BYTES || refusalOf(row, input) === undefined) continue
    const way = wayOf(row, input)
    if (!known.has(way)) kept.push(encodeBase64url(input))
    known.add(way)
  }
}
writeFileSync(FILE, `${JSON.stringify(corpus, undefined, 1)}\n`)
console.log(`${Object.values(corpus).flat().length} inputs of ${Object.keys(corpus).length} decoders`)
