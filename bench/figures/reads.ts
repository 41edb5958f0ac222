/**
 * Reading: a patient's client reads records (policy from an endorsed read, an entry in the log made durable before the
 * text leaves, a proof with the answer), and reads and runs all seven checks. Which record: any that was stored.
 *
 * @module
 */
import { barsBeside, valueOf } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { latencyOf, rateOf, runWindows } from './load-windows.ts'

export const reads: Measurement = {
  id: 'reads',
  title: 'Verified reads',
  gives: ['read_'],
  async run(report, context) {
    const bench = await context.system()
    const [rounds, windowMs] = context.isQuick ? [2, 1_000] : [5, 5_000]
    const many = await runWindows(bench, rounds, { work: 'read', clients: context.clients, windowMs })
    report.metrics['read_verified_per_s'] = rateOf(many, 'reads/s')
    report.metrics['read_latency_ms'] = latencyOf(many)
    const lone = { clients: 1, windowMs: windowMs / 2 }
    report.metrics['read_lone_ms'] = latencyOf(await runWindows(bench, rounds, { work: 'read', ...lone }))
    report.metrics['read_seven_checks_lone_ms'] = latencyOf(
      await runWindows(bench, rounds, { work: 'verify', ...lone }),
    )
    report.notes['read_latency_ms'] = `${context.clients} clients at once`
  },
  plots: (report) =>
    barsBeside(
      'reads',
      'Milliseconds of a read alone, of one with all seven checks, and of a query of the ledger',
      [
        { group: 'read', series: 'ours', value: valueOf(report, 'read_lone_ms') },
        { group: 'read and seven checks', series: 'ours', value: valueOf(report, 'read_seven_checks_lone_ms') },
        { group: 'query of the ledger', series: 'ours', value: valueOf(report, 'query_lone_ms') },
      ],
      { axis: 'ms' },
    ),
}
