/**
 * The measurements of this repository: `npm run bench -- [--quick] [--long] [--only ID…] [--output FILE] [--merge]`.
 * Everything goes to bench/results/latest.json; a part of it (`--only`) or less of it (`--quick`) to a file beside it that
 * is not committed, unless `--merge` puts a part into latest.json, or `--output` says where. Nothing passes or fails by
 * its speed; a measurement that does not do its work is an error.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { ROOT } from '../tools/files.ts'
import { MEASUREMENTS } from './figures/index.ts'
import { Context } from './harness/measurement.ts'
import {
  checkSameMachine,
  currentCommit,
  mergeReports,
  newReport,
  printReport,
  readReport,
  writeReport,
} from './harness/report.ts'

const LATEST = join(ROOT, 'bench/results/latest.json')
const ASIDE = join(ROOT, 'bench/results/last.local.json')

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    output: { type: 'string' },
    merge: { type: 'boolean', default: false },
  },
})

const chosen = MEASUREMENTS.filter(({ id, gives, isOnRequest }) =>
  values.only.length === 0
    ? isOnRequest !== true
    : values.only.some((wanted) => wanted === id || gives.some((begin) => wanted.startsWith(begin))),
)
if (chosen.length === 0) {
  throw new RangeError(`there is no such measurement; there are ${MEASUREMENTS.map(({ id }) => id).join(', ')}`)
}

const isPart = values.quick || values.only.length > 0
const output = values.output ?? (isPart && !values.merge ? ASIDE : LATEST)
const report = newReport()
const earlier = values.merge && existsSync(output) ? readReport(output) : undefined
// Before minutes of measuring, not after them.
if (earlier !== undefined) checkSameMachine(earlier, report)
const context = new Context({ isQuick: values.quick, isLong: values.long })
try {
  for (const { id, run } of chosen) {
    const startMs = performance.now()
    console.error(`${id} …`)
    await run(report, context)
    const seconds = Math.round((performance.now() - startMs) / 1000)
    report.parts[id] = { commit: currentCommit(), endedAt: new Date().toISOString(), seconds, isQuick: values.quick }
    console.error(`${id}: ${seconds} s`)
  }
} finally {
  await context.close()
}
const gives = chosen.flatMap((one) => one.gives)
writeReport(earlier === undefined ? report : mergeReports(earlier, report, gives), output)
printReport(report)
console.error(`written to ${output}`)
