/**
 * The measurements of this repository: `npm run bench -- [--quick] [--only ID…] [--output FILE] [--write-docs]`.
 * Nothing passes or fails by its speed; a measurement that does not do its work is an error.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../tools/files.ts'
import { measureCrud } from './crud.ts'
import { measureFootprint } from './footprint.ts'
import { measureBatches, measureFullPath } from './full-path.ts'
import { measureHandshakes } from './handshake.ts'
import { measureMixed } from './mixed.ts'
import { writePerformancePage } from './performance-page.ts'
import { measureReads } from './reads.ts'
import { newReport, printReport, writeReport, type Report } from './report.ts'
import { measureSpeedtest } from './speedtest.ts'
import { startBench, type RunningBench } from './system/running.ts'
import { measureTeeRoundTrip } from './tee-round-trip.ts'

const LATEST = join(ROOT, 'bench/results/latest.json')

interface Measurement {
  /** Beginnings of the ids it gives. */
  readonly gives: readonly string[]
  readonly run: (report: Report, isQuick: boolean) => void | Promise<void>
}

const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  crud: {
    gives: ['crud_'],
    run: (report, isQuick) => measureCrud(report, { rounds: isQuick ? 3 : 11 }),
  },
  speedtest: {
    gives: ['speedtest'],
    run: (report, isQuick) => measureSpeedtest(report, { rounds: isQuick ? 1 : 5, rows: isQuick ? 2_000 : 10_000 }),
  },
  handshake: {
    gives: ['handshake'],
    run: (report, isQuick) => measureHandshakes(report, { rounds: isQuick ? 2 : 7, windowMs: isQuick ? 700 : 2_000 }),
  },
  'tee-round-trip': {
    gives: ['tee_'],
    run: (report, isQuick) =>
      measureTeeRoundTrip(report, {
        samples: isQuick ? 1_000 : 10_000,
        rounds: isQuick ? 2 : 5,
        largestMb: isQuick ? 64 : 512,
      }),
  },
  'full-path': {
    gives: ['store_', 'bulk_', 'read_', 'query_', 'disk_', 'ledger_disk_', 'ta_', 'start_'],
    run: measureSystem,
  },
  mixed: {
    gives: ['mixed_'],
    async run(report, isQuick) {
      const bench = await startBench(isQuick ? 50 : 500)
      try {
        const [windowMs, warmUpMs] = isQuick ? [10_000, 3_000] : [60_000, 20_000]
        await measureMixed(report, bench, { users: bench.clients, windowMs, warmUpMs })
      } finally {
        await bench.close()
      }
    },
  },
}

/** Everything that needs a whole system, on one. */
async function measureSystem(report: Report, isQuick: boolean): Promise<void> {
  const clients = isQuick ? 50 : 500
  const options = {
    clients: isQuick ? [1, 50] : [1, 50, 500],
    rounds: isQuick ? 2 : 5,
    windowMs: isQuick ? 1_500 : 5_000,
    warmUpMs: isQuick ? 3_000 : 20_000,
  }
  let bench: RunningBench = await startBench(clients)
  try {
    await measureFullPath(report, bench, options)
    await measureBatches(report, bench, options)
    await measureReads(report, bench, { ...options, clients })
    bench = await measureFootprint(report, bench)
  } finally {
    await bench.close()
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      output: { type: 'string', default: LATEST },
      'write-docs': { type: 'boolean', default: false },
    },
  })
  const chosen = Object.entries(MEASUREMENTS).filter(
    ([name, { gives }]) =>
      values.only.length === 0 || values.only.some((id) => id === name || gives.some((begin) => id.startsWith(begin))),
  )
  if (chosen.length === 0) {
    throw new RangeError(`there is no such measurement; there are ${Object.keys(MEASUREMENTS).join(', ')}`)
  }
  const report = newReport()
  for (const [name, { run }] of chosen) {
    console.error(`${name} …`)
    await run(report, values.quick)
  }
  writeReport(report, values.output)
  printReport(report)
  if (values['write-docs']) writePerformancePage(JSON.parse(readFileSync(LATEST, 'utf8')) as Report)
}

await main()
