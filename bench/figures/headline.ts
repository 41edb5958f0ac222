/**
 * The paper's headline, 5,000 encrypted records a second, over the whole path: prepared and signed by a doctor's client,
 * carried in an attested session, checked under the patient's warrant, encrypted, stored with an fsync, committed on the
 * ledger, acknowledged with a receipt. Every part is the process that is shipped; the load comes from one more process
 * on the same machine.
 *
 * @module
 */
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import type { Context, Measurement } from '../harness/measurement.ts'
import type { Report } from '../harness/report.ts'
import { cpuMsOf, residentBytesOf } from '../system/program.ts'
import type { LoadRequest } from '../system/load.ts'
import type { RunningBench } from '../system/running.ts'
import { latencyOf, rateOf, runWindows } from './load-windows.ts'

/** 100 records of one signature. */
const BULK_RECORDS = 100
const BULK_CLIENTS = 16
/** Records a second, encrypted, without a ledger, a signature or a session. */
const PAPER_PER_S = 5_000

export const headline: Measurement = {
  id: 'headline',
  title: 'Records a second over the whole path',
  gives: ['store_', 'bulk_', 'ta_resident'],
  run: measureHeadline,
  plots: (report) => {
    const ours: readonly (readonly [string, string])[] = [
      ['1 client', 'store_full_path_per_s_1'],
      ['50 clients', 'store_full_path_per_s_50'],
      ['500 clients', 'store_full_path_per_s_500'],
      ['500, 8 a signature', 'store_batch8_per_s_500'],
      ['bulk import', 'bulk_import_per_s'],
    ]
    const bars: Bar[] = [
      { group: 'INSERT only', series: 'paper', value: PAPER_PER_S },
      ...ours.map(([group, id]) => ({ group, series: 'ours, whole path', value: valueOf(report, id) })),
    ]
    return barsBeside('headline', 'Records per second, paper and ours', bars, { axis: 'EHRs/s', aim: PAPER_PER_S })
  },
}

async function measureHeadline(report: Report, context: Context): Promise<void> {
  const bench = await context.system()
  const { clients, isQuick } = context
  const [rounds, windowMs] = isQuick ? [2, 1_500] : [5, 5_000]
  for (const count of new Set([1, 50, clients])) {
    const { windows, cpu, records } = await counted(bench, rounds, { work: 'store', clients: count, windowMs })
    report.metrics[`store_full_path_per_s_${count}`] = rateOf(windows, 'EHRs/s')
    report.metrics[count === 1 ? 'store_lone_ms' : `store_latency_ms_${count}`] = latencyOf(windows)
    if (count !== clients) continue
    for (const [part, ms] of Object.entries(cpu)) {
      report.metrics[`store_cpu_us_${part}`] = { value: (ms * 1000) / records, unit: 'us', n: records }
    }
  }
  // One signature for several records: results of one visit; a hospital that imports earlier records.
  const eight = await runWindows(bench, rounds, { work: 'store-many', clients, windowMs, records: 8 })
  report.metrics[`store_batch8_per_s_${clients}`] = rateOf(eight, 'EHRs/s')
  const bulk = { work: 'import', clients: BULK_CLIENTS, windowMs, records: BULK_RECORDS } as const
  report.metrics['bulk_import_per_s'] = rateOf(await runWindows(bench, rounds, bulk), 'EHRs/s')
  const resident = residentBytesOf(bench.system.pids['ta']?.[0] ?? 0)
  report.metrics['ta_resident_bytes'] = { value: resident, unit: 'bytes', n: 1 }
}

/** Windows of load, and the CPU time that each part used meanwhile. */
export async function counted(bench: RunningBench, rounds: number, request: LoadRequest) {
  const pids: typeof bench.system.pids = { ...bench.system.pids, clients: [bench.load.pid] }
  await bench.run({ ...request, windowMs: request.windowMs / 4 })
  const cpuOf = () =>
    Object.fromEntries(
      Object.entries(pids).map(([part, all]) => [part, all.reduce((sum, pid) => sum + cpuMsOf(pid), 0)]),
    )
  const before = cpuOf()
  const windows = []
  for (let round = 0; round < rounds; round++) windows.push(await bench.run(request))
  const after = cpuOf()
  const cpu = Object.fromEntries(Object.keys(pids).map((part) => [part, (after[part] ?? 0) - (before[part] ?? 0)]))
  const requests = windows.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0)
  return { windows, cpu, records: requests * (request.records ?? 1) }
}
