/**
 * Windows of load on a running system as metrics.
 *
 * @module
 */
import type { Metric, Unit } from '../harness/report.ts'
import { spread } from '../harness/report.ts'
import { median } from '../harness/statistics.ts'
import type { LoadRequest, LoadResult } from '../system/load.ts'
import type { RunningBench } from '../system/running.ts'

/** @param rounds windows that count, after one that does not. */
export async function runWindows(bench: RunningBench, rounds: number, request: LoadRequest): Promise<LoadResult[]> {
  const windows: LoadResult[] = []
  await bench.run({ ...request, windowMs: request.windowMs / 4 })
  for (let round = 0; round < rounds; round++) windows.push(await bench.run(request))
  return windows
}

export function rateOf(windows: readonly LoadResult[], unit: Unit): Metric {
  return {
    value: median(windows.map(({ perSecond }) => perSecond)),
    unit,
    n: windows.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0),
  }
}

export function latencyOf(windows: readonly LoadResult[]): Metric {
  return spread(
    windows.flatMap(({ latenciesMs }) => latenciesMs),
    'ms',
  )
}
