/**
 * Keeps the program of the page for times without a connection; see public/sw.js. Asked for when nothing else is under way.
 *
 * @module
 */
import { scriptUrl } from './script-url.ts'

const AFTER_MS = 8_000

export function keepProgramForOffline(): void {
  if (!('serviceWorker' in navigator)) return
  setTimeout(() => void keep(), AFTER_MS)
}

async function keep(): Promise<void> {
  try {
    await navigator.serviceWorker.register(scriptUrl('/sw.js'))
    const registration = await navigator.serviceWorker.ready
    registration.active?.postMessage('keep-program')
  } catch {
    // Without it the page works as before; only not without a connection.
  }
}
