/**
 * Plots as SVG by Vega-Lite, in the paper's manner: a few bars or lines, a grid, a legend above. The same results give the
 * same bytes. No background, and colours that stand out on white as well as on a dark page.
 *
 * @module
 */
import { parse, resetSVGDefIds, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

export interface Plot {
  /** Name of the file, without its ending. */
  readonly name: string
  /** What there is to see, for who cannot. */
  readonly alt: string
  /** Vega-Lite, without configuration. */
  readonly spec: Readonly<Record<string, unknown>>
}

/** Text and lines; series in their order: paper or peer first where there is one. */
export const INK = '#77808a'
export const SERIES = ['#b8860b', '#2f81c7', '#2e9e5b', '#c2557a', '#8a6fc9', '#d0682b'] as const

const CONFIG = {
  background: null,
  font: 'Helvetica, Arial, sans-serif',
  view: { stroke: null },
  range: { category: [...SERIES] },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: INK,
    gridOpacity: 0.25,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  axisX: { labelAngle: 0, labelLimit: 0 },
  axisBand: { grid: false },
  legend: { orient: 'top', title: null, labelColor: INK, titleColor: INK, labelFontSize: 11, labelLimit: 0 },
  title: { color: INK, fontSize: 13, fontWeight: 'normal', anchor: 'start' },
  header: { labelColor: INK, titleColor: INK },
  line: { point: true, strokeWidth: 2 },
  text: { color: INK, fontSize: 11 },
  rule: { color: INK },
} as const

/** @returns an SVG document with a line end. */
export async function drawPlot({ alt, spec }: Plot): Promise<string> {
  resetSVGDefIds()
  const { spec: compiled } = compile({ ...spec, config: CONFIG, padding: 6 } as unknown as TopLevelSpec)
  const view = new View(parse(compiled), { renderer: 'none', logLevel: 0 })
  try {
    const svg = await view.toSVG()
    const title = alt.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    return `${svg.replace(/(<svg[^>]*>)/, `$1<title>${title}</title>`)}\n`
  } finally {
    view.finalize()
  }
}
