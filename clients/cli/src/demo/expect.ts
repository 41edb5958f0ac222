/**
 * What a step of the demo promises, and what happens when it does not hold: a surprise, never a shrug.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnavailable } from '../../../sdk/src/index.ts'
import { codeOfFailure } from '../command-error.ts'

/** A minute and more, with an emulated machine that answers slowly. */
const ATTEMPTS = 10
const PAUSE_MS = 1_000

/** A promise that did not hold. Its message says what was promised and what came instead. */
export class Surprise extends Error {
  override readonly name = 'Surprise'
}

/** A refusal that came as promised. */
export interface ExpectedRefusal {
  readonly code: string
  /** Number of the part of a chain, where the refusal names one. */
  readonly link: number | undefined
  /** From the call to the refusal, rounded up to whole milliseconds. */
  readonly tookMs: number
}

/**
 * Runs `work`, which must be refused with one of `codes`; again where a part did not answer in time, which refuses nothing.
 * @throws {Surprise} if it is done after all, or refused with another code.
 */
export async function expectRefusal(codes: string | readonly string[], work: () => unknown): Promise<ExpectedRefusal> {
  const promised = typeof codes === 'string' ? [codes] : codes
  const startMs = performance.now()
  const isPromised = (error: unknown) => promised.includes(codeOfFailure(error) ?? '')
  try {
    await answered(work, isPromised)
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === undefined)
      throw new Surprise(`promised ${promised.join(' or ')}, got ${describe(error)}`, { cause: error })
    if (!promised.includes(code)) throw new Surprise(`promised ${promised.join(' or ')}, got ${code}`, { cause: error })
    const link = (error as { link?: unknown }).link
    return {
      code,
      link: typeof link === 'number' ? link : undefined,
      tookMs: Math.ceil(performance.now() - startMs),
    }
  }
  throw new Surprise(`promised ${promised.join(' or ')}, but it was done`)
}

/**
 * Runs `work`, and again while a part does not answer in time, as every client may: just started, or on a busy machine.
 * @param isAnswer a failure that is what is looked for.
 */
export async function answered<T>(
  work: () => T | Promise<T>,
  isAnswer: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error) || isAnswer(error) || attempt === ATTEMPTS) throw error
    }
    await sleep(PAUSE_MS)
  }
}

/** @throws {Surprise} with `promise` unless `holds`. */
export function expectThat(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Surprise(`not so: ${promise}`)
}

/** @throws {Surprise} unless both are the same. */
export function expectSame<T extends string | number | boolean | undefined>(
  actual: T,
  promised: T,
  what: string,
): void {
  if (actual !== promised) throw new Surprise(`${what}: promised ${String(promised)}, got ${String(actual)}`)
}

/**
 * Repeats `look` until it gives something.
 * @throws {Surprise} after `withinMs`.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + withinMs
  let last: unknown
  while (performance.now() < endMs) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Surprise(`did not happen within ${withinMs / 1000} s: ${what}`, { cause: last })
}

/** What a failure is in a few words: a code where there is one, else the first line of its text. */
export function describe(error: unknown): string {
  const code = codeOfFailure(error)
  if (error instanceof Surprise) {
    const cause = error.cause === undefined ? '' : ` (${describe(error.cause)})`
    return error.message.includes('got ') ? error.message : error.message + cause
  }
  if (code !== undefined) return code
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n')[0] ?? ''
}
