/**
 * Keeps the program of this page for times without a connection, so that a downloaded file can be checked then. Only the
 * program: answers with records, keys or names are never kept, and everything but the files of the build goes to the network.
 */
const CACHE = 'trusthealth-program'
const LIST = '/portal/files.json'

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

// The page asks when it is idle: new files are fetched, old ones go.
self.addEventListener('message', (event) => {
  if (event.data === 'keep-program') event.waitUntil(keepProgram())
})

async function keepProgram() {
  const response = await fetch(LIST, { cache: 'no-store' })
  if (!response.ok) return
  const { files } = await response.json()
  const wanted = new Set(files.map((path) => (path === '/index.html' ? '/' : path)))
  const cache = await caches.open(CACHE)
  const kept = (await cache.keys()).map((request) => new URL(request.url).pathname)
  const missing = [...wanted].filter((path) => path === '/' || !kept.includes(path))
  await cache.addAll(missing)
  await Promise.all(kept.filter((path) => !wanted.has(path)).map((path) => cache.delete(path)))
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const { pathname } = new URL(request.url)
  if (request.method !== 'GET') return
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => fromCache('/')))
  else if (pathname.startsWith('/assets/')) event.respondWith(fromCache(pathname).catch(() => fetch(request)))
})

async function fromCache(path) {
  const cache = await caches.open(CACHE)
  const found = await cache.match(path)
  if (found === undefined) throw new TypeError(`not kept: ${path}`)
  return found
}
