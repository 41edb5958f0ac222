/**
 * A real browser: the Chromium that the machine has, driven by playwright-core. Every page notes what must not happen:
 * messages of the console, refusals of the Content-Security-Policy, requests to another origin.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `undefined` where no browser is installed. */
export function findBrowser(): string | undefined {
  return PLACES.find((path) => path !== undefined && path !== '' && existsSync(path))
}

/** @param camera a film in Y4M that the browser's camera shows; without it there is no camera. */
export async function openBrowser({ camera }: { readonly camera?: string } = {}): Promise<Browser> {
  const executablePath = findBrowser()
  if (executablePath === undefined) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM')
  // The sandbox of the browser needs rights that a machine for tests does not give.
  const film = [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-video-capture=${camera}`,
  ]
  return await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', ...(camera === undefined ? [] : film)],
  })
}

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** `en-GB`, `zh-CN`. */
  readonly locale?: string
  /** Lets a test inject axe; the pages that prove the policy do not. */
  readonly bypassCSP?: boolean
}

/** A page in a browser profile of its own, and what it did that it must not. */
export interface WatchedPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Console messages of warnings and errors, page errors, refusals of the policy. */
  readonly messages: string[]
  /** Requests to other origins. */
  readonly strangers: string[]
}

export async function openPage(browser: Browser, origin: string, options: PageOptions = {}): Promise<WatchedPage> {
  const { width = 1280, height = 800, dark = false, locale = 'en-GB', bypassCSP = false } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale,
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    bypassCSP,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  const messages: string[] = []
  const strangers: string[] = []
  page.on('console', (message) => {
    // What a refused request says of itself is the network's, not the page's.
    if (message.text().startsWith('Failed to load resource: the server responded')) return
    if (message.type() === 'error' || message.type() === 'warning') messages.push(message.text())
  })
  page.on('pageerror', (error) => messages.push(String(error)))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol !== 'blob:' && url.protocol !== 'data:' && url.origin !== origin) strangers.push(request.url())
  })
  return { page, context, messages, strangers }
}
