/**
 * What a stored record takes on disk, what the trusted application takes in memory, and how long a stopped system needs
 * until it answers again.
 *
 * @module
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { residentBytesOf } from './system/program.ts'
import { restartBench, type RunningBench } from './system/running.ts'
import type { Report } from './report.ts'

const RECORDS = 2_000

/** Grows the store by a known number of records, stopped before and after, so that nothing is left in a log beside it. */
export async function measureFootprint(report: Report, bench: RunningBench): Promise<RunningBench> {
  report.metrics['ta_resident_bytes'] = {
    value: residentBytesOf(bench.system.pids['ta']?.[0] ?? 0),
    unit: 'bytes',
    n: 1,
  }
  const { storeFolder, ledgerFolder } = bench.system
  let running = await restartBench(bench)
  const before = { store: bytesIn(storeFolder), ledger: bytesIn(ledgerFolder) }
  await running.run({ work: 'import', clients: 1, requests: RECORDS / 100, windowMs: 0, records: 100 })
  const startMs = performance.now()
  running = await restartBench(running)
  const stoppedMs = running.startedMs - startMs
  report.metrics['disk_bytes_per_ehr'] = perRecord(bytesIn(storeFolder) - before.store)
  report.metrics['ledger_disk_bytes_per_ehr'] = perRecord(bytesIn(ledgerFolder) - before.ledger)
  await running.run({ work: 'ping', clients: 1, requests: 1, windowMs: 0 })
  report.metrics['start_to_first_answer_ms'] = { value: performance.now() - startMs - stoppedMs, unit: 'ms', n: 1 }
  return running
}

function perRecord(bytes: number) {
  return { value: bytes / RECORDS, unit: 'bytes' as const, n: RECORDS }
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
