/**
 * What axe finds on a page: WCAG 2.0 to 2.2, levels A and AA, and its best practices. The page must have been opened with
 * `bypassCSP`: axe is injected, which the page's own policy forbids.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly help: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
  }[]
}

/** One line for each violation; empty when there is none. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(SOURCE)
  const options = JSON.stringify({ runOnly: { type: 'tag', values: TAGS } })
  const { violations } = await page.evaluate<AxeResult>(`axe.run(document, ${options})`)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  )
}
