/**
 * Reading: a patient's client reads records (policy from an endorsed read, an entry in the log made durable before the
 * text leaves, a proof with the answer), reads and runs all seven checks, and asks the contract with a verified answer.
 *
 * @module
 */
import { latencyOf, rateOf } from './full-path.ts'
import type { LoadRequest, LoadResult } from './system/load.ts'
import type { RunningBench } from './system/running.ts'
import type { Report } from './report.ts'

export interface ReadsOptions {
  readonly clients: number
  readonly rounds: number
  readonly windowMs: number
}

/** The system must have stored records before. */
export async function measureReads(report: Report, bench: RunningBench, options: ReadsOptions): Promise<void> {
  const { clients, rounds, windowMs } = options
  const windowsOf = async (request: LoadRequest): Promise<LoadResult[]> => {
    const windows: LoadResult[] = []
    await bench.run({ ...request, windowMs: windowMs / 2 })
    for (let round = 0; round < rounds; round++) windows.push(await bench.run(request))
    return windows
  }
  report.metrics['read_verified_per_s'] = rateOf(await windowsOf({ work: 'read', clients, windowMs }), 'reads/s')
  report.metrics['read_lone_ms'] = latencyOf(await windowsOf({ work: 'read', clients: 1, windowMs }))
  report.metrics['read_seven_checks_lone_ms'] = latencyOf(await windowsOf({ work: 'verify', clients: 1, windowMs }))
  report.metrics['query_lone_ms'] = latencyOf(await windowsOf({ work: 'query', clients: 1, windowMs }))
}
