/**
 * Results of a run: `{machine, versions, parts, notes, metrics: {<id>: {value, unit, n, p50?, p95?, p99?, p999?}}}`. Ids are
 * never renamed, so that results can be compared over time.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type as osType } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../../tools/files.ts'
import { median, summarize, type Summary } from './statistics.ts'

export type Unit =
  | 'rows/s'
  | 'EHRs/s'
  | 'reads/s'
  | 'requests/s'
  | 'transactions/s'
  | 'handshakes/s'
  | 'entries/s'
  | 's'
  | 'ms'
  | 'us'
  | 'ratio'
  | 'MB'
  | 'MB/s'
  | 'bytes'
  | 'requests'
  | 'pages'

export interface Metric extends Partial<Summary> {
  readonly value: number
  readonly unit: Unit
}

/** One measurement of a run: which commit it measured, when, and how long it took. */
export interface Part {
  readonly commit: string
  readonly endedAt: string
  readonly seconds: number
  readonly isQuick: boolean
  /** The system it was measured on, where that is not the one of the report's machine. */
  readonly os?: string
}

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  /** Of the libraries that were measured. */
  readonly versions: Readonly<Record<string, string>>
  readonly commit: string
  /** By id of the measurement. */
  readonly parts: Record<string, Part>
  /** What a number needs to be understood: which variant, which algorithm. */
  readonly notes: Record<string, string>
  readonly metrics: Record<string, Metric>
}

const LIBRARIES = ['better-sqlite3-multiple-ciphers', 'fastify', '@hyperledger/fabric-gateway', 'autocannon', 'ws']

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
    versions: Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)])),
    commit: currentCommit(),
    parts: {},
    notes: {},
    metrics: {},
  }
}

export function readReport(path: string): Report {
  const {
    parts = {},
    versions = {},
    ...rest
  } = JSON.parse(readFileSync(path, 'utf8')) as Omit<Report, 'parts' | 'versions'> & Partial<Report>
  return { ...rest, parts, versions }
}

export function writeReport(report: Report, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
}

/**
 * Earlier results with the measurements of a new run in place of their earlier ones.
 *
 * @param gives beginnings of the ids that the new run's measurements give: what it no longer gives, goes.
 * @throws {RangeError} as `checkSameMachine`.
 */
export function mergeReports(earlier: Report, added: Report, gives: readonly string[]): Report {
  checkSameMachine(earlier, added)
  const isKept = ([id]: readonly [string, unknown]): boolean => !gives.some((begin) => id.startsWith(begin))
  const keep = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(isKept))
  const parts = Object.entries(earlier.parts).map(([id, { os = osOf(earlier), ...part }]): [string, Part] => [
    id,
    os === osOf(added) ? part : { ...part, os },
  ])
  return {
    ...added,
    parts: { ...Object.fromEntries(parts), ...added.parts },
    notes: { ...keep(earlier.notes), ...added.notes },
    metrics: { ...keep(earlier.metrics), ...added.metrics },
  }
}

/**
 * After an update of its system it is the same machine; each part says what it ran on.
 * @throws {RangeError} if the two come from different machines: their figures say nothing about each other.
 */
export function checkSameMachine(earlier: Report, added: Report): void {
  const [one, other] = [earlier, added].map(({ machine }) => JSON.stringify({ ...machine, os: '' }))
  if (one === other) return
  throw new RangeError(
    'the earlier results are of another machine, or of another Node: write to a new file with --output',
  )
}

function osOf({ machine }: Report): string {
  return String(machine['os'])
}

/** Median and percentiles of samples. */
export function spread(samples: readonly number[], unit: Unit): Metric {
  return { value: median(samples), unit, ...summarize(samples) }
}

/** A median of rounds, whose percentiles would say nothing. */
export function middle(rounds: readonly number[], unit: Unit): Metric {
  return { value: median(rounds), unit, n: rounds.length }
}

/** One aligned line per metric. */
export function printReport(report: Report): void {
  const width = Math.max(...Object.keys({ ...report.metrics, ...report.notes }).map((id) => id.length))
  for (const [id, metric] of Object.entries(report.metrics)) {
    const { p50, p95, p99, p999 } = metric
    const of = { p50, p95, p99, 'p99.9': p999 }
    const percentiles = Object.entries(of).map(([name, value]) =>
      value === undefined ? '' : `  ${name} ${formatNumber(value)}`,
    )
    console.log(
      `${id.padEnd(width)}  ${formatNumber(metric.value)} ${metric.unit} ${percentiles.join('')}  n=${metric.n ?? 1}`,
    )
  }
  for (const [id, note] of Object.entries(report.notes)) console.log(`${id.padEnd(width)}  ${note}`)
}

/** Three digits, or all of a large number. */
export function formatNumber(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

export function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}

function versionOf(name: string): string {
  const path = join(ROOT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}
