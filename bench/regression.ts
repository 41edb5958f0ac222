/**
 * Whether this project became slower than it was, by ratios within one run: `npm run bench:regression`. Fails if a ratio is
 * more than a quarter above `bench/results/baseline.json` in three measurements, one after the other. On a processor that
 * the baseline is not of, losses are said and are no failure: ciphers and JavaScript differ by more than that among
 * processors. `--write` makes a new baseline, with the reason in the commit; `--only NAME…` measures some.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../tools/files.ts'
import { ATTEMPTS, findLosses, MOST_LOSS, type Ratios } from './regression/decide.ts'
import { GROUPS, measureRatios } from './regression/ratios.ts'
import { median } from './harness/statistics.ts'

const BASELINE = join(ROOT, 'bench/results/baseline.json')
const PROCESSOR = cpus()[0]?.model ?? 'unknown'

interface Baseline {
  readonly processor: string
  readonly ratios: Ratios
}

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, only: { type: 'string', multiple: true, default: [] } },
})
const names = GROUPS.flatMap((group) => group.names).filter(
  (name) => values.only.length === 0 || values.only.includes(name),
)
if (names.length === 0) throw new RangeError(`there are ${GROUPS.flatMap((group) => group.names).join(', ')}`)

if (values.write) {
  const rounds: Ratios[] = []
  for (let i = 0; i < ATTEMPTS; i++) rounds.push(await measureRatios(names))
  const earlier = values.only.length === 0 ? {} : readBaseline().ratios
  const measured = names.map((name) => {
    return [name, Number(median(rounds.map((round) => round[name] as number)).toPrecision(3))] as const
  })
  const written: Baseline = { processor: PROCESSOR, ratios: { ...earlier, ...Object.fromEntries(measured) } }
  writeFileSync(BASELINE, `${JSON.stringify(written, null, 2)}\n`)
  console.log(`baseline: ${measured.map(([name, ratio]) => `${name} ${ratio}`).join(', ')}`)
} else {
  const { processor, ratios } = readBaseline()
  const baseline = Object.fromEntries(Object.entries(ratios).filter(([name]) => names.includes(name)))
  const lost = await findLosses(baseline, async (suspects) => {
    const measured = await measureRatios(suspects)
    for (const [name, ratio] of Object.entries(measured)) {
      const before = baseline[name] as number
      const change = `${ratio >= before ? '+' : ''}${((ratio / before - 1) * 100).toFixed(0)} %`
      console.log(`${name.padEnd(20)} ${ratio.toFixed(3)}   baseline ${before}   ${change}`)
    }
    return measured
  })
  for (const name of lost) console.error(`${name}: lost more than ${MOST_LOSS * 100} % ${ATTEMPTS} times`)
  console.log(`ratios: ${names.length - lost.length} kept, ${lost.length} lost`)
  if (processor !== PROCESSOR) console.log(`the baseline is of ${processor}, this is ${PROCESSOR}: said, not judged`)
  else if (lost.length > 0) process.exitCode = 1
}

function readBaseline(): Baseline {
  return JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline
}
