/**
 * The record server's TEE in an emulated TrustZone: Fig. 5, Table 4, a part of Fig. 6 and Fig. 7 of the paper. Times of an
 * emulator are no times of hardware, so what counts are ratios: to the echo command, and to plain SQLite in the same
 * guest. Needs what `npm run optee:build` makes, and QEMU: `npm run bench:optee -- [--quick] [--output FILE]`.
 *
 * @module
 */
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../tools/files.ts'
import { median } from '../harness/statistics.ts'
import { currentCommit, newReport, printReport, writeReport } from '../harness/report.ts'
import { withBuilt } from './machines.ts'
import { measureRoundTrips } from './round-trips.ts'
import { measureStatements } from './statements.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    output: { type: 'string', default: join(ROOT, 'bench/results/optee.json') },
  },
})

/** How often to look at how busy this machine is. */
const LOAD_EVERY_MS = 10_000

const isQuick = values.quick
const report = newReport()
const startMs = performance.now()
report.notes['optee'] = 'emulated by QEMU: ratios count, times do not'
const loads = [loadavg()[0] ?? 0]
const looking = setInterval(() => loads.push(loadavg()[0] ?? 0), LOAD_EVERY_MS)
await withBuilt(async (built) => {
  await measureStatements(report, built, { rounds: isQuick ? 1 : 3, rows: isQuick ? 500 : 1_000 })
  await measureRoundTrips(report, built, {
    samples: isQuick ? 100 : 1_000,
    rounds: isQuick ? 1 : 3,
    largestMb: isQuick ? 16 : 512,
  })
})
clearInterval(looking)
report.notes['optee_load'] =
  `load average of the machine, the emulator's two processors in it: ${median(loads).toFixed(1)}`
const seconds = Math.round((performance.now() - startMs) / 1000)
report.parts['optee'] = { commit: currentCommit(), endedAt: new Date().toISOString(), seconds, isQuick }
writeReport(report, values.output)
printReport(report)
