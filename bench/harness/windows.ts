/**
 * Counting work for a few seconds. Windows are short and repeated, and what is compared takes turns, so that both sides
 * see the same machine.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'

export interface Window {
  readonly perSecond: number
  /** Milliseconds of each piece of work. */
  readonly latenciesMs: readonly number[]
}

/** Runs `work` exactly `count` times, `parallel` at once. */
export async function runTimes(count: number, parallel: number, work: () => Promise<void>): Promise<Window> {
  const latenciesMs: number[] = []
  let begun = 0
  const startMs = performance.now()
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun++
      const nowMs = performance.now()
      await work()
      latenciesMs.push(performance.now() - nowMs)
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker))
  return { perSecond: count / ((performance.now() - startMs) / 1000), latenciesMs }
}

/**
 * Keeps `parallel` pieces of work under way for about `windowMs`. What is under way at the end is finished and counted,
 * and the time is taken when it is.
 */
export async function runWindow(windowMs: number, parallel: number, work: () => Promise<void>): Promise<Window> {
  const latenciesMs: number[] = []
  const startMs = performance.now()
  const untilMs = startMs + windowMs
  const worker = async (): Promise<void> => {
    for (let nowMs = performance.now(); nowMs < untilMs;) {
      await work()
      const doneMs = performance.now()
      latenciesMs.push(doneMs - nowMs)
      nowMs = doneMs
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  const seconds = (performance.now() - startMs) / 1000
  return { perSecond: latenciesMs.length / seconds, latenciesMs }
}
