/**
 * Records stored through everything: prepared and signed by a doctor's client, carried in an attested session, checked
 * under the patient's warrant, encrypted, stored with an fsync, committed on the ledger, acknowledged with a receipt.
 * Every part is the process that is shipped; the load comes from one more process on the same machine.
 *
 * @module
 */
import { cpuMsOf } from './system/program.ts'
import type { LoadRequest, LoadResult } from './system/load.ts'
import type { RunningBench } from './system/running.ts'
import type { Metric, Report, Unit } from './report.ts'
import { median, summarize } from './statistics.ts'

export interface FullPathOptions {
  /** Numbers of clients with one store under way each; the first is for a lone one. */
  readonly clients: readonly number[]
  readonly rounds: number
  readonly windowMs: number
  /** Before anything counts: compilers get to know the programs. */
  readonly warmUpMs: number
}

export async function measureFullPath(report: Report, bench: RunningBench, options: FullPathOptions): Promise<void> {
  const { clients, rounds, windowMs, warmUpMs } = options
  const most = Math.max(...clients)
  await bench.run({ work: 'store', clients: most, windowMs: warmUpMs })
  for (const count of clients) {
    const request: LoadRequest = { work: 'store', clients: count, windowMs }
    await bench.run({ ...request, windowMs: windowMs / 4 })
    const { windows, cpu, records } = await counted(bench, rounds, request)
    report.metrics[`store_full_path_per_s_${count}`] = rateOf(windows, 'EHRs/s')
    const latencies = latencyOf(windows)
    report.metrics[count === 1 ? 'store_lone_ms' : `store_latency_ms_${count}`] = latencies
    if (count !== most) continue
    for (const [part, ms] of Object.entries(cpu)) {
      report.metrics[`store_cpu_us_${part}`] = { value: (ms * 1000) / records, unit: 'us', n: records }
    }
  }
}

/** One signature for several records: a doctor with results of one visit, a hospital that imports earlier records. */
export async function measureBatches(report: Report, bench: RunningBench, options: FullPathOptions): Promise<void> {
  const { clients, rounds, windowMs } = options
  const most = Math.max(...clients)
  const eight: LoadRequest = { work: 'store-many', clients: most, windowMs, records: 8 }
  const bulk: LoadRequest = { work: 'import', clients: 16, windowMs, records: 100 }
  for (const [id, request] of [
    [`store_batch8_per_s_${most}`, eight],
    ['bulk_import_per_s', bulk],
  ] as const) {
    await bench.run(request)
    const { windows } = await counted(bench, rounds, request)
    report.metrics[id] = rateOf(windows, 'EHRs/s')
  }
}

export function rateOf(windows: readonly LoadResult[], unit: Unit): Metric {
  return {
    value: median(windows.map(({ perSecond }) => perSecond)),
    unit,
    n: windows.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0),
  }
}

export function latencyOf(windows: readonly LoadResult[]): Metric {
  const samples = windows.flatMap(({ latenciesMs }) => latenciesMs)
  return { value: median(samples), unit: 'ms', ...summarize(samples) }
}

async function counted(bench: RunningBench, rounds: number, request: LoadRequest) {
  const pids: typeof bench.system.pids = { ...bench.system.pids, clients: [bench.load.pid] }
  const cpuOf = () =>
    Object.fromEntries(
      Object.entries(pids).map(([part, all]) => [part, all.reduce((sum, pid) => sum + cpuMsOf(pid), 0)]),
    )
  const before = cpuOf()
  const windows: LoadResult[] = []
  for (let round = 0; round < rounds; round++) windows.push(await bench.run(request))
  const after = cpuOf()
  const cpu = Object.fromEntries(Object.keys(pids).map((part) => [part, (after[part] ?? 0) - (before[part] ?? 0)]))
  const requests = windows.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0)
  return { windows, cpu, records: requests * (request.records ?? 1) }
}
