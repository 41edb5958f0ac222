/**
 * Fig. 4 of the paper: what one create, query and update takes from end to end, consensus included, nobody else there.
 *
 * @module
 */
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { latencyOf, runWindows } from './load-windows.ts'

const PAPER_MS = { create: 2_050, query: 7, update: 2_040 } as const
const WORKS = { create: 'store', query: 'query', update: 'correct' } as const
const NAMES = Object.keys(WORKS) as readonly (keyof typeof WORKS)[]

export const fig4: Measurement = {
  id: 'fig4',
  title: 'Fig. 4: create, query, update, alone',
  gives: ['lone_', 'query_'],
  async run(report, context) {
    const bench = await context.system()
    const [rounds, windowMs] = context.isQuick ? [2, 750] : [5, 2_500]
    for (const name of NAMES) {
      const windows = await runWindows(bench, rounds, { work: WORKS[name], clients: 1, windowMs })
      const id = name === 'query' ? 'query_lone_ms' : `lone_${name}_ms`
      report.metrics[id] = latencyOf(windows)
    }
  },
  plots: (report) => {
    const bars: Bar[] = NAMES.flatMap((name) => [
      { group: name, series: 'paper', value: PAPER_MS[name] },
      {
        group: name,
        series: 'ours, embedded ledger',
        value:
          valueOf(report, name === 'query' ? 'query_lone_ms' : `lone_${name}_ms`) ??
          (name === 'create' ? valueOf(report, 'store_lone_ms') : undefined),
      },
      {
        group: name,
        series: 'ours, Fabric',
        value: valueOf(report, name === 'create' ? 'fabric_store_lone_ms' : `fabric_${name}_lone_ms`),
      },
    ])
    return barsBeside('fig4', 'Milliseconds of create, query and update, paper and ours', bars, {
      axis: 'ms (logarithmic)',
      isLogarithmic: true,
    })
  },
}
