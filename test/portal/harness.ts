/**
 * A whole system with a portal and a browser: a test world, the portal as it was built, Chromium. People register in the
 * browser with a code of the hospital, as anybody does.
 *
 * @example
 * ```ts
 * await using portal = await openPortal()
 * const { page } = await portal.page()
 * await portal.register(page, 'Bob Li', 'patient')
 * ```
 *
 * @module
 */
import type { Browser, Page } from 'playwright-core'
import type { InvitationRequest } from '../../clients/sdk/src/index.ts'
import { openTestWorld, type TestWorld, type TestWorldOptions } from '../../testkit/src/world/index.ts'
import { runCommand } from '../../tools/files.ts'
import { openBrowser, openPage, type PageOptions, type WatchedPage } from './browser.ts'

/** Keys, an attested session and seven checks in a browser on a machine that does other things: no measure of speed. */
export const PATIENCE_MS = 60_000

export interface Portal {
  readonly world: TestWorld
  readonly browser: Browser
  readonly url: string
  page(options?: PageOptions): Promise<WatchedPage>
  /** A new person: the hospital's code is typed in, the key is made in the browser. */
  register(
    page: Page,
    name: string,
    kind: InvitationRequest['kind'],
    details?: Partial<InvitationRequest>,
  ): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function openPortal(options: TestWorldOptions = {}): Promise<Portal> {
  const { status } = runCommand(process.execPath, ['tools/portal/bundle.ts', '--quiet'], { output: 'show' })
  if (status !== 0) throw new Error('the portal does not build')
  const world = await openTestWorld(options)
  const browser = await openBrowser()
  const url = world.surroundings('a').hospitalUrl
  const close = async () => {
    await browser.close()
    await world.close()
  }
  return {
    world,
    browser,
    url,
    async page(pageOptions = {}) {
      const watched = await openPage(browser, url, pageOptions)
      watched.page.setDefaultTimeout(PATIENCE_MS)
      return watched
    },
    async register(page, name, kind, details = {}) {
      const { code } = await world.hospital('a').invite({ kind, name, ...details })
      await page.goto(`${url}/join#${code}`)
      await page.getByLabel('Your name').fill(name)
      await page.getByRole('button', { name: 'Make the key' }).click()
      await page.waitForURL(/\/(patient|doctor|staff|auditor)/)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
