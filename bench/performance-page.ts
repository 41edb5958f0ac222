/**
 * The tables of docs/performance.md, made from bench/results/latest.json: what stands between the markers is replaced,
 * the text around them is written by hand.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../tools/files.ts'
import { formatNumber, type Report } from './report.ts'

const PAGE = join(ROOT, 'docs/performance.md')
const BEGIN = '<!-- results: written by npm run bench -- --write-docs -->'
const END = '<!-- end of results -->'

export function writePerformancePage(report: Report): void {
  const page = readFileSync(PAGE, 'utf8')
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error('docs/performance.md has lost its markers')
  writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n\n${tablesOf(report)}\n${page.slice(end)}`)
}

function tablesOf({ machine, commit, notes, metrics }: Report): string {
  const number = (value: number | undefined): string => (value === undefined ? '' : formatNumber(value))
  const rows = Object.entries(metrics).map(([id, { value, unit, n, p50, p95, p99 }]) => [
    `\`${id}\``,
    `${number(value)} ${unit}`,
    number(p50),
    number(p95),
    number(p99),
    number(n),
  ])
  return [
    `${machine['cpu']}, ${machine['cores']} cores, ${machine['memoryGiB']} GiB, ${machine['os']}, Node ${machine['node']}, OpenSSL ${machine['openssl']}; commit ${commit}.`,
    '',
    ...table(['Metric', 'Value', 'p50', 'p95', 'p99', 'n'], rows),
    '',
    ...Object.entries(notes).map(([id, note]) => `- \`${id}\`: ${note}`),
    '',
  ].join('\n')
}

/** Padded as Prettier does, so that the page stays as it is checked. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(3, title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}
