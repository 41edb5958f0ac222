/**
 * The worker: keys, sessions and checks live here, so that the page never waits for cryptography. The page asks by area
 * and name; each area is loaded when it is first asked.
 *
 * @module
 */
import { codeOf } from '../../../sdk/src/errors.ts'
import { AREAS } from './areas.ts'
import type { Area, Call, CarriedError, Reply } from './messages.ts'
import { WorkerContext } from './worker-context.ts'

const context = new WorkerContext()
const loaded = new Map<string, Promise<Area>>()

addEventListener('message', (event: MessageEvent<Call>) => void answer(event.data))

async function answer({ id, area, name, args }: Call): Promise<void> {
  const send = (reply: Reply) => postMessage(reply)
  try {
    const functions = await load(area)
    const called = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (called === undefined) throw new TypeError(`no function ${area}.${name}`)
    const report = (progress: unknown) => send({ id, progress })
    const value = await (called as (...all: unknown[]) => Promise<unknown>)(...args, report)
    send({ id, ok: true, value })
  } catch (error) {
    send({ id, ok: false, error: carried(error) })
  }
}

function load(area: string): Promise<Area> {
  let found = loaded.get(area)
  if (found === undefined) {
    const loader = Object.hasOwn(AREAS, area) ? AREAS[area as keyof typeof AREAS] : undefined
    if (loader === undefined) return Promise.reject(new TypeError(`no area ${area}`))
    found = loader(context)
    loaded.set(area, found)
    found.catch(() => loaded.delete(area))
  }
  return found
}

function carried(error: unknown): CarriedError {
  const code = codeOf(error)
  const detail = error instanceof Error ? error.message : 'unknown'
  if (code === undefined) {
    console.error(error)
    return { code: 'PORTAL_FAULT', detail }
  }
  const link = typeof error === 'object' && error !== null && 'link' in error ? error.link : undefined
  return { code, detail, ...(typeof link === 'number' ? { link } : {}) }
}
