/**
 * Growth: the same store and the same read with 10^3, 10^4, 10^5 (and, with `--long`, 10^6) records, each beside a second
 * system that stays at 10^3, in alternating rounds, so that a ratio compares sizes and not hours of the day. Records come in
 * by the hospital's import, as earlier records do; reads choose among all of them. Then everything is killed and started
 * again.
 *
 * @module
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { linesOver, type Point } from '../harness/bars.ts'
import type { Context, Measurement } from '../harness/measurement.ts'
import { spread, type Report } from '../harness/report.ts'
import { medianRatio } from '../harness/statistics.ts'
import { median } from '../harness/statistics.ts'
import { residentBytesOf } from '../system/program.ts'
import { restartBench, startBench, type RunningBench } from '../system/running.ts'

const SMALL = 1_000
const BATCH = 100
const IMPORTERS = 8
/** Bytes of a growth figure's text: see system/texts.ts. */
const ROUNDS = 5
const AT = /^growth_(store|read)_ms_1e(\d)$/

export const growth: Measurement = {
  id: 'growth',
  title: 'Growth: 10^3 to 10^6 records',
  gives: ['growth_', 'disk_', 'ledger_disk_', 'start_'],
  run: measureGrowth,
  plots: ({ metrics }) => {
    const points: Point[] = Object.entries(metrics).flatMap(([id, { value }]) => {
      const [, work, exponent] = AT.exec(id) ?? []
      return work === undefined ? [] : [{ series: `${work}, alone`, x: 10 ** Number(exponent), y: value }]
    })
    return linesOver('growth', 'Milliseconds of a store and of a read by number of records', points, {
      x: 'records',
      y: 'ms',
    })
  },
}

async function measureGrowth(report: Report, context: Context): Promise<void> {
  const clients = context.isQuick ? 10 : 100
  const exponents = context.isQuick ? [3] : context.isLong ? [3, 4, 5, 6] : [3, 4, 5]
  const small = await startBench(clients)
  let big: RunningBench | undefined
  try {
    big = await startBench(clients)
    const before = bytesOf(big)
    await grow(small, SMALL)
    let records = 0
    for (const exponent of exponents) {
      const wanted = 10 ** exponent
      const importMs = await grow(big, wanted - records)
      report.metrics[`growth_import_per_s_1e${exponent}`] = {
        value: (wanted - records) / (importMs / 1000),
        unit: 'EHRs/s',
        n: wanted - records,
      }
      records = wanted
      console.error(`growth: ${records.toLocaleString('en')} records after ${Math.round(importMs / 1000)} s`)
      await compare(report, small, big, exponent, context.isQuick ? 20 : 60)
      const resident = residentBytesOf(big.system.pids['ta']?.[0] ?? 0)
      report.metrics[`growth_ta_rss_mb_1e${exponent}`] = { value: resident / 1e6, unit: 'MB', n: 1 }
    }
    const [least, most] = [exponents[0], exponents.at(-1)].map(
      (one) => report.metrics[`growth_ta_rss_mb_1e${one}`]?.value,
    )
    if (least !== undefined && most !== undefined && most > least) {
      const perRecord = ((most - least) * 1e6) / (records - SMALL)
      report.metrics['growth_ta_bytes_per_record'] = { value: perRecord, unit: 'bytes', n: records }
    }
    const largest = `1e${exponents.at(-1)}`
    big = await restart(report, big, 'crash', `growth_open_after_crash_ms_${largest}`)
    big = await restart(report, big, 'stop', 'start_to_first_answer_ms')
    const { store, ledger } = bytesOf(big)
    report.metrics['disk_bytes_per_ehr'] = { value: (store - before.store) / records, unit: 'bytes', n: records }
    const onLedger = (ledger - before.ledger) / records
    report.metrics['ledger_disk_bytes_per_ehr'] = { value: onLedger, unit: 'bytes', n: records }
    report.notes['growth_store_ms_1e3'] =
      `${clients} doctors, ${Math.ceil(clients / 10)} patients; imports of ${BATCH} records a signature`
    report.notes['start_to_first_answer_ms'] =
      `all programs of a stopped system with ${records.toLocaleString('en')} records, until a session has its first answer`
  } finally {
    await big?.close()
    await small.close()
  }
}

/** @returns milliseconds. */
async function grow(bench: RunningBench, records: number): Promise<number> {
  const startMs = performance.now()
  const requests = Math.ceil(records / BATCH)
  // In parts, so that many are under way and a part that fails is found early.
  await bench.run({ work: 'import', clients: IMPORTERS, windowMs: 0, requests, records: BATCH })
  return performance.now() - startMs
}

/** Stores and reads of one client, alternately in both systems. */
async function compare(
  report: Report,
  small: RunningBench,
  big: RunningBench,
  exponent: number,
  requests: number,
): Promise<void> {
  for (const work of ['store', 'read'] as const) {
    const request = { work, clients: 1, windowMs: 0, requests }
    const samples: Record<'small' | 'big', number[][]> = { small: [], big: [] }
    for (const bench of [small, big]) await bench.run(request)
    for (let round = 0; round < ROUNDS; round++) {
      samples.small.push([...(await small.run(request)).latenciesMs])
      samples.big.push([...(await big.run(request)).latenciesMs])
    }
    report.metrics[`growth_${work}_ms_1e${exponent}`] = spread(samples.big.flat(), 'ms')
    const ratio = medianRatio(samples.big.map(median), samples.small.map(median))
    report.metrics[`growth_${work}_p50_ratio_1e${exponent}_1e3`] = { value: ratio, unit: 'ratio', n: ROUNDS * requests }
  }
}

async function restart(report: Report, bench: RunningBench, how: 'stop' | 'crash', id: string): Promise<RunningBench> {
  const running = await restartBench(bench, how)
  const { latenciesMs } = await running.run({ work: 'ping', clients: 1, requests: 1, windowMs: 0 })
  // Without the start of the load generator, which is nobody's.
  report.metrics[id] = { value: running.readyMs - running.startedMs + (latenciesMs[0] ?? 0), unit: 'ms', n: 1 }
  return running
}

function bytesOf({ system }: RunningBench): { readonly store: number; readonly ledger: number } {
  return { store: bytesIn(system.storeFolder), ledger: bytesIn(system.ledgerFolder) }
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
