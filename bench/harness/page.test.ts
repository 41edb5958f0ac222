import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AIMS } from '../figures/aims.ts'
import { MEASUREMENTS } from '../figures/index.ts'
import { fillIn, isMet, machineOf, performancePage } from './page.ts'
import type { Plot } from './plot.ts'
import { drawPlot, INK, SERIES } from './plot.ts'
import { mergeReports, type Metric, type Report } from './report.ts'

const report = (metrics: Record<string, Metric>): Report => ({
  machine: { cpu: 'test' },
  versions: {},
  commit: 'abc',
  parts: {},
  notes: {},
  metrics,
})

test('a paragraph gets its numbers, and is left out where one was not measured', () => {
  const metrics: Record<string, Metric> = { a_us: { value: 12.345, unit: 'us', p99: 99 } }
  assert.equal(
    fillIn('It is {{a_us}}, at most {{a_us.p99}}.\n\nAnd {{b}}.', { metrics }),
    'It is 12.3 µs, at most 99 µs.',
  )
  assert.equal(fillIn('| {{a_us}} | {{b}} |', { metrics }), '| 12.3 µs |  |')
  assert.throws(() => fillIn('{{a_us.p95}}', { metrics }), RangeError)
})

test('aims have a direction', () => {
  assert.equal(isMet({ least: 5 }, 5), true)
  assert.equal(isMet({ least: 5 }, 4.9), false)
  assert.equal(isMet({ most: 0 }, 1), false)
})

test('every aim belongs to a measurement, and measurements do not share metrics', () => {
  const givers = (id: string) => MEASUREMENTS.filter(({ gives }) => gives.some((begin) => id.startsWith(begin)))
  for (const { id } of AIMS) assert.equal(givers(id).length, 1, id)
  const beginnings = MEASUREMENTS.flatMap(({ gives }) => gives)
  for (const one of beginnings) {
    assert.deepEqual(
      beginnings.filter((other) => other.startsWith(one)),
      [one],
    )
  }
})

test('a page without any result still has every section, and no plot', async () => {
  const files = await performancePage(report({}), MEASUREMENTS)
  const page = files.get('performance.md') ?? ''
  assert.equal(files.size, 1)
  for (const { title } of MEASUREMENTS) assert.ok(page.includes(`## ${title}`), title)
  assert.ok(!page.includes('{{'))
})

const BARS: Plot = {
  name: 'bars',
  alt: 'less < more',
  spec: {
    data: { values: [{ a: 'x', b: 1 }] },
    mark: 'bar',
    encoding: { x: { field: 'a' }, y: { field: 'b', type: 'quantitative' } },
  },
}

test('a plot is one SVG document with its description, the same each time, without a background', async () => {
  const [first, second] = [await drawPlot(BARS), await drawPlot(BARS)]
  assert.equal(first, second)
  assert.match(first, /^<svg [^>]*><title>less &lt; more<\/title>/)
  assert.doesNotMatch(first, /<rect[^>]*fill="white"/)
})

test('lines, text and series stand out on white and on a dark page', () => {
  for (const [colour, least] of [[INK, 4], ...SERIES.map((one) => [one, 3] as const)] as const) {
    for (const page of ['#ffffff', '#0d1117']) {
      const contrast = contrastOf(colour, page)
      assert.ok(contrast >= least, `${colour} on ${page}: ${contrast.toFixed(2)}`)
    }
  }
})

/** WCAG 2.2: contrast ratio. */
function contrastOf(one: string, other: string): number {
  const [a = 0, b = 0] = [one, other].map(luminanceOf).toSorted((x, y) => y - x)
  return (a + 0.05) / (b + 0.05)
}

function luminanceOf(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

test('a new run replaces what its measurements gave, and keeps the rest', () => {
  const one: Metric = { value: 1, unit: 'ms' }
  const merged = mergeReports(report({ a_old: one, b: one }), report({ a_new: { ...one, value: 2 } }), ['a_'])
  assert.deepEqual(Object.keys(merged.metrics), ['b', 'a_new'])
})

test('after an update of the system earlier parts say what they ran on', () => {
  const part = { commit: 'c', endedAt: '', seconds: 1, isQuick: false }
  const on = (os: string, ...ids: string[]): Report => ({
    ...report({}),
    machine: { cpu: 'test', os },
    parts: Object.fromEntries(ids.map((id) => [id, part])),
  })
  const later = mergeReports(on('Linux 1', 'a', 'b'), on('Linux 2', 'b'), [])
  assert.deepEqual(later.parts, { a: { ...part, os: 'Linux 1' }, b: part })
  assert.match(machineOf(later), /a at c on Linux 1/)
  assert.deepEqual(mergeReports(later, on('Linux 1', 'c'), []).parts, {
    a: part,
    b: { ...part, os: 'Linux 2' },
    c: part,
  })
})

test('results of two machines are not mixed', () => {
  const other = { ...report({}), machine: { cpu: 'other' } }
  assert.throws(() => mergeReports(report({}), other, []), RangeError)
})
