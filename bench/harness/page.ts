/**
 * docs/performance.md: numbers and plots from the results, paragraphs from the `.md` file beside each measurement. In a
 * paragraph `{{id}}` stands for the value of a metric, `{{id.p99}}` for one of its percentiles.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AIMS, type Aim } from '../figures/aims.ts'
import type { Measurement } from './measurement.ts'
import { drawPlot, type Plot } from './plot.ts'
import { formatNumber, type Metric, type Report } from './report.ts'

/** What a page is made of, by path below docs/. */
export type PageFiles = ReadonlyMap<string, string>

export const READINGS = join(import.meta.dirname, '../figures')
export const MADE =
  '<!-- Made by npm run bench:docs from bench/results/latest.json: change that, or bench/, not this page. -->'

/** Markdown before Prettier. */
export async function performancePage(report: Report, measurements: readonly Measurement[]): Promise<PageFiles> {
  const files = new Map<string, string>()
  const sections: string[] = []
  for (const measurement of measurements) sections.push(await sectionOf(report, measurement, files))
  const page = [MADE, readingOf('page', report), `## Machine\n\n${machineOf(report)}`, aimsOf(report), ...sections]
  return new Map([['performance.md', page.join('\n\n')], ...files])
}

async function sectionOf(report: Report, measurement: Measurement, files: Map<string, string>): Promise<string> {
  const { id, title, plots, extra } = measurement
  const images = await addPlots(plots?.(report) ?? [], files)
  const parts = [`## ${title}`, ...images, readingOf(id, report), extra?.(report) ?? '', numbersOf(report, measurement)]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** @returns Markdown that shows them. */
export async function addPlots(plots: readonly Plot[], files: Map<string, string>): Promise<readonly string[]> {
  const images: string[] = []
  for (const plot of plots) {
    files.set(`images/bench/${plot.name}.svg`, await drawPlot(plot))
    images.push(`![${plot.alt}](images/bench/${plot.name}.svg)`)
  }
  return images
}

const PLACEHOLDER = /\{\{([a-z0-9_]+)(?:\.(\w+))?\}\}/g

/**
 * A paragraph that names a number which was not measured is left out; in a table such a cell is empty.
 *
 * @throws {RangeError} if a placeholder wants a percentile that the metric does not have.
 */
export function fillIn(text: string, { metrics }: Pick<Report, 'metrics'>): string {
  const isWhole = (block: string): boolean =>
    block.startsWith('|') || [...block.matchAll(PLACEHOLDER)].every(([, id = '']) => Object.hasOwn(metrics, id))
  return text
    .split(/\n{2,}/)
    .filter(isWhole)
    .join('\n\n')
    .replace(PLACEHOLDER, (_, id: string, of?: string) => {
      const metric = metrics[id]
      if (metric === undefined) return ''
      const value = of === undefined ? metric.value : metric[of as keyof Metric]
      if (typeof value !== 'number') throw new RangeError(`${id} has no ${of}`)
      return formatValue(value, metric.unit)
    })
}

function readingOf(id: string, report: Report): string {
  const path = join(READINGS, `${id}.md`)
  return existsSync(path) ? fillIn(readFileSync(path, 'utf8').trim(), report) : ''
}

export function formatValue(value: number, unit: Metric['unit']): string {
  if (unit === 'ratio') return formatNumber(value)
  return `${formatNumber(value)} ${unit === 'us' ? 'µs' : unit}`
}

export function machineOf({ machine, versions, commit, parts }: Report): string {
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const others = Object.entries(parts).filter(([, part]) => part.commit !== commit || part.os !== undefined)
  const rest = others.map(([id, { commit: at, os }]) => `${id} at ${at}${os === undefined ? '' : ` on ${os}`}`)
  return [
    `${machine['cpu']}, ${machine['cores']} cores, ${machine['memoryGiB']} GiB, ${machine['os']}, Node ${machine['node']}, OpenSSL ${machine['openssl']}`,
    ...libraries,
    `commit ${commit}${rest.length === 0 ? '' : ` (${rest.join(', ')})`}.`,
  ].join('; ')
}

function aimsOf(report: Report): string {
  const rows = AIMS.map((aim) => {
    const value = valueOfAim(report, aim)
    const unit = report.metrics[aim.id]?.unit ?? 'ratio'
    const wanted =
      aim.least === undefined ? `at most ${formatNumber(aim.most ?? 0)}` : `at least ${formatNumber(aim.least)}`
    return [
      aim.what,
      `\`${aim.id}\`${aim.of === undefined ? '' : ` ${aim.of}`}`,
      wanted,
      value === undefined ? 'not measured here' : formatValue(value, unit),
      value === undefined ? '' : isMet(aim, value) ? 'yes' : 'no',
    ]
  })
  return ['## Aims', tableOf(['what', 'metric', 'aim', 'measured', 'met'], rows)].join('\n\n')
}

function valueOfAim({ metrics }: Report, { id, of }: Aim): number | undefined {
  return of === undefined ? metrics[id]?.value : metrics[id]?.[of]
}

export function isMet({ least = -Infinity, most = Infinity }: Pick<Aim, 'least' | 'most'>, value: number): boolean {
  return value >= least && value <= most
}

function numbersOf({ metrics, notes }: Report, { gives, hides }: Measurement): string {
  const isOurs = ([id]: readonly [string, unknown]): boolean => gives.some((begin) => id.startsWith(begin))
  const shown = Object.entries(metrics).filter((entry) => isOurs(entry) && hides?.test(entry[0]) !== true)
  if (shown.length === 0) return 'Not measured in this run.'
  const number = (value: number | undefined): string => (value === undefined ? '' : formatNumber(value))
  const rows = shown.map(([id, { value, unit, n, p50, p95, p99, p999 }]) => {
    return [`\`${id}\``, formatValue(value, unit), number(p50), number(p95), number(p99), number(p999), number(n)]
  })
  const remarks = Object.entries(notes).filter(isOurs)
  return [
    tableOf(['metric', 'value', 'p50', 'p95', 'p99', 'p99.9', 'n'], rows),
    remarks.map(([id, note]) => `- \`${id}\`: ${note}`).join('\n'),
  ]
    .join('\n\n')
    .trim()
}

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
