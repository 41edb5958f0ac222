/**
 * docs/scale.md, from the simulation and the unit costs in the results.
 *
 * @module
 */
import { barsBeside, linesOver } from '../harness/bars.ts'
import { addPlots, MADE, machineOf, tableOf, type PageFiles } from '../harness/page.ts'
import { formatNumber, type Report } from '../harness/report.ts'
import { NATION, simulate, type Result, type UnitCosts } from './simulation.ts'
import { unitCostsOf } from './unit-costs.ts'

/** Records a year that the second plot goes over. */
const YEARS = [1e7, 1e8, 1e9, 1e10] as const

export async function scalePage(report: Report): Promise<PageFiles> {
  const { costs, rows } = unitCostsOf(report)
  const result = simulate(NATION, costs)
  const files = new Map<string, string>()
  const second = batchOf(result, 1)
  const alone = batchOf(result, 0)
  const [first] = result.resources.filter(({ name }) => !name.includes('a transaction for each'))
  const costOfFirst = rows.find(({ name }) => name === first?.cost)?.source ?? ''
  const assumption = costOfFirst.startsWith('assumed')
    ? ' Its unit cost is an assumption, no measurement: see below.'
    : ''
  const ledger = await addPlots(
    linesOver(
      'scale-batching',
      'Transactions of a year by how long a batch waits',
      result.batching
        .filter(({ windowSeconds }) => windowSeconds > 0)
        .map((one) => ({ series: 'transactions a year', x: one.windowSeconds, y: one.transactionsPerYear })),
      { x: 'seconds that a batch waits', y: 'transactions a year' },
    ),
    files,
  )
  const headroom = await addPlots(
    barsBeside(
      'scale-headroom',
      'How many times this load each resource takes, one unit of it',
      result.resources.map(({ short, headroom: value }) => ({ group: short, series: 'one unit', value })),
      { axis: 'times the busiest minute (logarithmic)', isLogarithmic: true, aim: 1 },
    ),
    files,
  )
  const servers = await addPlots(
    linesOver('scale-servers', 'Record servers by records a year', serverPoints(costs), {
      x: 'records a year',
      y: 'record servers',
      isLogarithmic: true,
    }),
    files,
  )
  const page = [
    MADE,
    '# Scale, planned',
    `Planned, not measured: ${formatNumber(NATION.hospitals)} hospitals, ${power(NATION.patients)} patients and ${power(NATION.recordsPerYear)} records a year of 2 kB, ${NATION.readsPerRecord} reads of each, on Fabric with ${NATION.peers} organisations. Arrivals are drawn from a seed, hospital by hospital, and batches formed from them one by one (\`bench/scale/simulation.ts\`); the rest is arithmetic over unit costs, measured on two cores where a metric is named: ${machineOf(report)}`,
    '## What comes first',
    `**The first bottleneck is “${first?.name ?? ''}”**: one unit of it takes ${formatNumber(first?.headroom ?? 0)} times the load. ${remedy(first?.name ?? '')}${assumption} Below 1 one unit is not enough: then more servers share the patients (each has its own log and checkpoints), or batches wait longer.`,
    ...headroom,
    tableOf(
      ['resource, one unit', 'times this load'],
      result.resources.map(({ name, headroom: value }) => [name, formatNumber(value)]),
    ),
    '## Ledger',
    `The busiest minute of a working day brings ${formatNumber(result.peakRecordsPerSecond)} records a second over all hospitals. One by one that would be ${power(alone.transactionsPerYear)} transactions and ${bytes(alone.ledgerBytesPerYear)} of ledger a year for each peer; batches of one second at each hospital make ${power(second.transactionsPerYear)} and ${bytes(second.ledgerBytesPerYear)}. Batches fill at a busy hospital; with 100 hospitals of most sizes a second is short, so that waiting longer saves more.`,
    ...ledger,
    tableOf(
      ['batch waits', 'transactions a year', 'busiest minute', 'ledger a year, each peer'],
      result.batching.map((one) => [
        `${one.windowSeconds} s`,
        power(one.transactionsPerYear),
        `${formatNumber(one.peakPerSecond)}/s`,
        bytes(one.ledgerBytesPerYear),
      ]),
    ),
    `Checkpoints: one of each record server every ${NATION.checkpointSeconds / 60} minutes is ${power(result.checkpointsPerYear)} transactions a year.`,
    '## Record servers',
    `${result.servers.needed} servers of two cores for the first year: ${result.servers.byStores} for the stores and ${result.servers.byReads} for the reads of the busiest minute at ${NATION.utilization * 100} % load, or ${result.servers.byDisk} for the disk of a year, or ${result.servers.byMemory} for the memory. Each year adds ${bytes(result.storeBytesPerYear)} of encrypted store and ${bytes(result.logBytesPerYear)} of access log; treatment keys at the hospitals are ${bytes(result.keyBytes)} in all. A server with ${power(result.recordsPerServer)} records is open again ${duration(result.recoverySeconds)} after a crash, if that grows with the number of records.`,
    ...servers,
    tableOf(
      ['after', 'entries in one server’s log', 'inclusion proof with checkpoint'],
      result.proofs.map(({ years, entries, bytes: size }) => [
        `${years} ${years === 1 ? 'year' : 'years'}`,
        power(entries),
        `${formatNumber(size)} bytes`,
      ]),
    ),
    '## Unit costs',
    tableOf(
      ['what', 'value', 'from'],
      rows.map(({ what, value, source }) => [what, value >= 1e7 ? power(value) : formatNumber(value), source]),
    ),
    '## What this does not say',
    'Networks between cities, the disks of real peers and the endorsement of 100 organisations are not simulated: a transaction here is endorsed by two, as measured. Failures, restores of backups and the growth of an index beyond memory are not either. An assumption in the table is a number to replace by a measurement, and the page changes with it.',
  ]
  return new Map([['scale.md', page.join('\n\n')], ...files])
}

function batchOf(result: Result, windowSeconds: number) {
  const found = result.batching.find((one) => one.windowSeconds === windowSeconds)
  if (found === undefined) throw new RangeError('not simulated')
  return found
}

function serverPoints(costs: UnitCosts) {
  return YEARS.map((recordsPerYear) => {
    // The course of a day is the same: the nation's is scaled instead of drawn again.
    const factor = recordsPerYear / NATION.recordsPerYear
    const scaled = simulateScaled(costs, factor)
    return { series: 'record servers of two cores', x: recordsPerYear, y: scaled }
  })
}

let nationPeak: number | undefined

function simulateScaled(costs: UnitCosts, factor: number): number {
  nationPeak ??= simulate(NATION, costs).peakRecordsPerSecond
  const peak = nationPeak * factor
  const records = NATION.recordsPerYear * factor
  const busy =
    Math.ceil(peak / costs.storesPerSecond / NATION.utilization) +
    Math.ceil((peak * NATION.readsPerRecord) / costs.readsPerSecond / NATION.utilization)
  const disk = Math.ceil((records * costs.diskBytesPerRecord) / costs.diskBytesPerServer)
  return Math.max(busy, disk, Math.ceil((records * costs.memoryBytesPerRecord) / costs.memoryBytesPerServer))
}

function remedy(name: string): string {
  if (name.startsWith('Fabric')) return 'Longer batches, or channels by region, each with its own orderers.'
  if (name.includes('disk'))
    return 'Patients are spread over several servers, and old records can move to slower disks, encrypted as they are.'
  if (name.includes('memory')) return 'Patients are spread over several servers.'
  if (name.startsWith('one peer')) return 'Snapshots, and peers that keep blocks of some years only.'
  return 'Patients are spread over several servers.'
}

function power(value: number): string {
  if (value < 1e5) return formatNumber(value)
  const exponent = Math.floor(Math.log10(value))
  const head = Number((value / 10 ** exponent).toPrecision(2))
  if (head === 10) return power(10 ** (exponent + 1))
  const superscript = String(exponent).replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '')
  return head === 1 ? `10${superscript}` : `${head} × 10${superscript}`
}

function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)))
  return `${formatNumber(value / 1000 ** at)} ${units[at]}`
}

function duration(seconds: number): string {
  if (seconds < 120) return `${formatNumber(seconds)} s`
  return seconds < 7_200 ? `${formatNumber(seconds / 60)} minutes` : `${formatNumber(seconds / 3_600)} hours`
}
