/**
 * Fig. 3 of the paper: 500 concurrent users who create, query and update for a minute, and how many requests succeed. Twice:
 * through the SDK (attested sessions, every answer checked by the client), and by a load tool (autocannon) over HTTP against
 * the hospital's FHIR R4 API. Of ten requests four create, four query, two update. None may fail.
 *
 * @module
 */
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import type { Context, Measurement } from '../harness/measurement.ts'
import { spread, type Report } from '../harness/report.ts'
import { loadFhir } from '../system/fhir-load.ts'
import type { RunningBench } from '../system/running.ts'
import { measureMixed, MIXED_OPERATIONS } from './mixed-users.ts'

const NAMES = Object.values(MIXED_OPERATIONS)

export const fig3: Measurement = {
  id: 'fig3',
  title: 'Fig. 3: 500 users at once for a minute',
  gives: ['mixed_', 'http_mixed_'],
  run: measureUsers,
  plots: (report) => {
    const bars: Bar[] = ['mixed', 'http_mixed'].flatMap((way) =>
      NAMES.flatMap((operation) =>
        [100, 500].map((users) => ({
          group: `${operation}, ${way === 'mixed' ? 'SDK' : 'FHIR API'}`,
          series: `${users} users`,
          value: valueOf(report, `${way}_${operation}_ms_${users}`),
        })),
      ),
    )
    return barsBeside('fig3', 'Milliseconds of create, query and update with 100 and with 500 users', bars, {
      axis: 'ms, median',
    })
  },
}

async function measureUsers(report: Report, context: Context): Promise<void> {
  const bench = await context.system()
  const most = context.clients
  const minuteMs = context.isQuick ? 8_000 : 60_000
  await bench.run({ work: 'mixed', clients: most, windowMs: minuteMs / 6 })
  // The paper has two sets, of fewer and of more users.
  await measureMixed(report, bench, { prefix: 'mixed', users: Math.round(most / 5), windowMs: minuteMs / 6 })
  await measureMixed(report, bench, { prefix: 'mixed', users: most, windowMs: minuteMs })
  await measureFhir(report, bench, Math.round(most / 5), minuteMs / 6)
  await measureFhir(report, bench, most, minuteMs)
}

/** @throws {Error} if a request failed. */
async function measureFhir(report: Report, bench: RunningBench, users: number, windowMs: number): Promise<void> {
  const { latenciesMs, seconds, failures } = await loadFhir(bench, users, windowMs)
  const all = Object.values(latenciesMs).flat()
  if (failures.length > 0) throw new Error(`${failures.length} requests failed, the first with ${failures[0]}`)
  report.metrics[`http_mixed_per_s_${users}`] = { value: all.length / seconds, unit: 'requests/s', n: all.length }
  report.metrics[`http_mixed_latency_ms_${users}`] = spread(all, 'ms')
  for (const operation of NAMES) {
    report.metrics[`http_mixed_${operation}_ms_${users}`] = spread(latenciesMs[operation], 'ms')
  }
  report.metrics[`http_mixed_${users}_users_${Math.round(windowMs / 1000)}s_failures`] = {
    value: failures.length,
    unit: 'requests',
    n: all.length,
  }
}
