/**
 * The pages that are made from results, as they are committed.
 *
 * @module
 */
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { ROOT } from '../tools/files.ts'
import { MEASUREMENTS } from './figures/index.ts'
import { performancePage, type PageFiles } from './harness/page.ts'
import { readReport } from './harness/report.ts'
import { opteePage } from './optee/page.ts'
import { scalePage } from './scale/page.ts'

const OPTEE = join(ROOT, 'bench/results/optee.json')
const LATEST = join(ROOT, 'bench/results/latest.json')

/** By path below docs/. */
export async function benchPages(): Promise<PageFiles> {
  const report = readReport(LATEST)
  const made = [
    ...(await performancePage(report, MEASUREMENTS)),
    ...(await scalePage(report)),
    ...opteePage(readReport(OPTEE)),
  ]
  const files = new Map<string, string>()
  for (const [path, text] of made) files.set(path, path.endsWith('.md') ? await prettified(path, text) : text)
  return files
}

async function prettified(path: string, text: string): Promise<string> {
  const filepath = join(ROOT, 'docs', path)
  return await format(text, { ...(await resolveConfig(filepath)), filepath })
}
