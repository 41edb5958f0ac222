/**
 * Results of a run: `{machine, commit, metrics: {<id>: {value, unit, n, p50?, p95?, p99?}}}`. Ids are never renamed,
 * so that results can be compared over time.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem, type as osType, release } from 'node:os'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Summary } from './statistics.ts'

export type Unit = 'rows/s' | 'EHRs/s' | 'reads/s' | 'handshakes/s' | 'ms' | 'us' | 'ratio' | 'MB/s' | 'bytes'

export interface Metric extends Partial<Summary> {
  readonly value: number
  readonly unit: Unit
}

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly commit: string
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
    metrics: {},
  }
}

/** Writes the report and prints one aligned line per metric. */
export function finishReport(report: Report, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
  const width = Math.max(...Object.keys(report.metrics).map((id) => id.length))
  for (const [id, metric] of Object.entries(report.metrics)) {
    const spread = metric.p95 === undefined ? '' : `   p50 ${round(metric.p50 ?? 0)}  p95 ${round(metric.p95)}  p99 ${round(metric.p99 ?? 0)}`
    console.log(`${id.padEnd(width)}  ${round(metric.value)} ${metric.unit}${spread}   n=${metric.n ?? 1}`)
  }
}

function round(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
