/**
 * Many users at once who create, query and correct records for a minute. None of their requests may fail.
 *
 * @module
 */
import { latencyOf, rateOf } from './full-path.ts'
import type { RunningBench } from './system/running.ts'
import type { Report } from './report.ts'

export interface MixedOptions {
  readonly users: number
  readonly windowMs: number
  readonly warmUpMs: number
}

/** @throws {Error} if a request failed. */
export async function measureMixed(report: Report, bench: RunningBench, options: MixedOptions): Promise<void> {
  const { users, windowMs, warmUpMs } = options
  // Everybody opens a session and stores something to query and to correct.
  await bench.run({ work: 'store', clients: users, windowMs: warmUpMs })
  await bench.run({ work: 'correct', clients: users, windowMs: warmUpMs / 4 })
  const result = await bench.run({ work: 'mixed', clients: users, windowMs })
  if (Object.keys(result.failures).length > 0) throw new Error(`requests failed: ${JSON.stringify(result.failures)}`)
  report.metrics[`mixed_per_s_${users}`] = rateOf([result], 'requests/s')
  report.metrics[`mixed_latency_ms_${users}`] = latencyOf([result])
  report.notes[`mixed_per_s_${users}`] =
    `40 % create, 40 % query with a verified answer, 20 % correct, for ${windowMs / 1_000} s; no request failed`
}
