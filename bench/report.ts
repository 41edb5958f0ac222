/**
 * Results of a run: `{machine, commit, notes, metrics: {<id>: {value, unit, n, p50?, p95?, p99?}}}`. Ids are never
 * renamed, so that results can be compared over time.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type as osType } from 'node:os'
import { dirname } from 'node:path'
import type { Summary } from './statistics.ts'

export type Unit =
  'rows/s' | 'EHRs/s' | 'reads/s' | 'requests/s' | 'handshakes/s' | 'ms' | 'us' | 'ratio' | 'MB/s' | 'bytes'

export interface Metric extends Partial<Summary> {
  readonly value: number
  readonly unit: Unit
}

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly commit: string
  /** What a number needs to be understood: which variant, which algorithm. */
  readonly notes: Record<string, string>
  readonly metrics: Record<string, Metric>
}

export function newReport(): Report {
  const processors = cpus()
  return {
    machine: {
      cpu: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      os: `${osType()} ${release()}`,
      node: process.version,
      openssl: process.versions.openssl,
    },
    commit: currentCommit(),
    notes: {},
    metrics: {},
  }
}

export function writeReport(report: Report, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
}

/** One aligned line per metric. */
export function printReport(report: Report): void {
  const width = Math.max(...Object.keys(report.metrics).map((id) => id.length))
  for (const [id, metric] of Object.entries(report.metrics)) {
    const { p50, p95, p99 } = metric
    const spread =
      p50 === undefined || p95 === undefined || p99 === undefined
        ? ''
        : `   p50 ${formatNumber(p50)}  p95 ${formatNumber(p95)}  p99 ${formatNumber(p99)}`
    console.log(`${id.padEnd(width)}  ${formatNumber(metric.value)} ${metric.unit}${spread}   n=${metric.n ?? 1}`)
  }
  for (const [id, note] of Object.entries(report.notes)) console.log(`${id.padEnd(width)}  ${note}`)
}

/** Three digits, or all of a large number. */
export function formatNumber(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
