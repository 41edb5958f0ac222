/**
 * Many users at once who create, query and correct, each with one request under way. None may fail.
 *
 * @module
 */
import { spread, type Report } from '../harness/report.ts'
import type { LoadRequest } from '../system/load.ts'
import { requestsFailed, type RunningBench } from '../system/running.ts'
import { latencyOf, rateOf } from './load-windows.ts'

/** Names of what the load generator does in a `mixed` window. */
export const MIXED_OPERATIONS = { store: 'create', query: 'query', correct: 'update' } as const

export interface MixedWindow {
  /** Of the metrics. */
  readonly prefix: string
  readonly users: number
  readonly windowMs: number
}

/** @throws {Error} if a request failed: which, with what code, and where. */
export async function measureMixed(
  report: Report,
  bench: RunningBench,
  { prefix, users, windowMs }: MixedWindow,
): Promise<void> {
  const request: LoadRequest = { work: 'mixed', clients: users, windowMs }
  const result = await bench.run(request)
  const failures = Object.values(result.failures).reduce((sum, one) => sum + one, 0)
  if (failures > 0) throw requestsFailed(request, result, bench.system)
  report.metrics[`${prefix}_per_s_${users}`] = rateOf([result], 'requests/s')
  report.metrics[`${prefix}_latency_ms_${users}`] = latencyOf([result])
  for (const [work, operation] of Object.entries(MIXED_OPERATIONS)) {
    report.metrics[`${prefix}_${operation}_ms_${users}`] = spread(result.latenciesMsByWork[work] ?? [], 'ms')
  }
  report.metrics[`${prefix}_${users}_users_${Math.round(windowMs / 1000)}s_failures`] = {
    value: failures,
    unit: 'requests',
    n: result.latenciesMs.length,
  }
}
