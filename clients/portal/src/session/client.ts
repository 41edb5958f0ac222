/**
 * The page's side of the worker: typed functions of an area, errors with their codes.
 *
 * @module
 */
import workerUrl from './worker.ts?worker&url'
import type { AreaName, AreaOf } from './areas.ts'
import type { Call, Reply, Report } from './messages.ts'
import { PortalError } from './portal-error.ts'
import { scriptUrl } from './script-url.ts'

/** The functions as the page calls them: a `Report` at the end is given as a callback. */
export type Remote<A> = {
  readonly [K in keyof A]: A[K] extends (...args: infer P) => infer R ? (...args: P) => R : never
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: PortalError) => void
  readonly onProgress: Report<unknown> | undefined
}

const waiting = new Map<number, Waiting>()
let worker: Worker | undefined
let last = 0

function start(): Worker {
  const made = new Worker(scriptUrl(workerUrl), { type: 'module', name: 'trusthealth' })
  made.addEventListener('message', (event: MessageEvent<Reply>) => take(event.data))
  made.addEventListener('error', () => failAll('the worker ended'))
  return made
}

function take(reply: Reply): void {
  const found = waiting.get(reply.id)
  if (found === undefined) return
  if ('progress' in reply) {
    found.onProgress?.(reply.progress)
    return
  }
  waiting.delete(reply.id)
  if (reply.ok) found.resolve(reply.value)
  else found.reject(new PortalError(reply.error))
}

function failAll(detail: string): void {
  const all = [...waiting.values()]
  waiting.clear()
  for (const { reject } of all) reject(new PortalError({ code: 'PORTAL_FAULT', detail }))
}

function call(area: string, name: string, args: readonly unknown[]): Promise<unknown> {
  worker ??= start()
  const id = ++last
  const callback = args.at(-1)
  const onProgress = typeof callback === 'function' ? (callback as Report<unknown>) : undefined
  const plain = onProgress === undefined ? args : args.slice(0, -1)
  const message: Call = { id, area, name, args: plain }
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, onProgress })
    worker?.postMessage(message)
  })
}

/** `areaOf('patient').records({limit: 50})` runs in the worker. @throws {PortalError} */
export function areaOf<N extends AreaName>(area: N): Remote<AreaOf<N>> {
  return new Proxy({} as Remote<AreaOf<N>>, {
    get: (_target, name) =>
      // A promise asks every object for `then`.
      typeof name === 'symbol' || name === 'then' ? undefined : (...args: unknown[]) => call(area, name, args),
  })
}
