/**
 * What a test asks of a page itself: whether it scrolls sideways, what lies in the browser's storage. Written as text,
 * because it runs in the browser.
 *
 * @module
 */
import type { Page } from 'playwright-core'

/** Pixels by which the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** Everything that this origin keeps, bytes as text: for a search. */
export function storageOf(page: Page): Promise<string> {
  return page.evaluate<string>(`(async () => {
    const texts = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]
    const decoder = new TextDecoder()
    const readable = (value) =>
      value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? decoder.decode(value) : value
    const done = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name))
      for (const store of database.objectStoreNames) {
        const all = await done(database.transaction(store).objectStore(store).getAll())
        texts.push(name + ' ' + store + ' ' + JSON.stringify(all, (_key, value) => readable(value)))
      }
      database.close()
    }
    for (const name of await caches.keys()) texts.push(name)
    return texts.join('\\n')
  })()`)
}

/** Notes every layout shift from the next page load on. Call it once, before `goto`. */
export async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.shiftsSeen = []
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput) continue
        const moved = sources.map(({ node, previousRect, currentRect }) => {
          const name = node?.nodeType === 1 ? node.outerHTML.slice(0, 120) : (node?.textContent ?? '')
          return name + ' from ' + Math.round(previousRect.y) + ' to ' + Math.round(currentRect.y)
        })
        globalThis.shiftsSeen.push({ value, moved })
      }
    }).observe({ type: 'layout-shift', buffered: true })
  `)
}

/** What moved by itself since the page was loaded: how much, and what. Source: https://web.dev/articles/cls */
export function shiftsOf(
  page: Page,
): Promise<readonly { readonly value: number; readonly moved: readonly string[] }[]> {
  // Shifts of the last frame are told after it.
  return page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(shiftsSeen)))))',
  )
}

const SETTLED = `document.querySelector('.th-loading') === null &&
  [...document.querySelectorAll('.th-seal[data-state="running"]')]
    .every((seal) => (seal.closest('li') ?? seal).getBoundingClientRect().top >= innerHeight)`

/**
 * Nothing loads, and every record in sight was checked; those further down are read when they come into view. The page
 * must have been opened with `bypassCSP`.
 */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(SETTLED)
}
