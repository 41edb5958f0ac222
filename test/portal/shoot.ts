/**
 * Pictures of screens, for people to look at: written where TRUSTHEALTH_SCREENSHOTS names a folder, else none.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Page } from 'playwright-core'

export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['TRUSTHEALTH_SCREENSHOTS']
  if (folder === undefined || folder === '') return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
