/**
 * What a measurement is: one file for each figure or table of the evaluation, listed in `../figures/index.ts`. Whoever
 * measures something new (another TEE, another peer) writes such a file and adds its line there.
 *
 * @module
 */
import { startBench, type RunningBench } from '../system/running.ts'
import type { Plot } from './plot.ts'
import type { Report } from './report.ts'

export interface Measurement {
  /** As `--only` names it; `<id>.md` beside it has the paragraph that goes with it. */
  readonly id: string
  /** Heading on the page. */
  readonly title: string
  /** Beginnings of the ids of its metrics and notes. */
  readonly gives: readonly string[]
  /** Runs only if it is named: it needs what not every machine has, or very long. */
  readonly isOnRequest?: boolean
  readonly run: (report: Report, context: Context) => void | Promise<void>
  /** Ids of metrics that the page leaves to the plot: too many for a table. */
  readonly hides?: RegExp
  /** Drawn from the results; none where nothing was measured. */
  readonly plots?: (report: Report) => readonly Plot[]
  /** Markdown that the page has between plots and numbers. */
  readonly extra?: (report: Report) => string
}

/** What the measurements of one run share. */
export class Context {
  readonly isQuick: boolean
  readonly isLong: boolean
  #system: RunningBench | undefined

  constructor({ isQuick, isLong }: { readonly isQuick: boolean; readonly isLong: boolean }) {
    this.isQuick = isQuick
    this.isLong = isLong
  }

  /** Most clients at once. */
  get clients(): number {
    return this.isQuick ? 50 : 500
  }

  /** One system with people and records, for all measurements that need one. */
  async system(): Promise<RunningBench> {
    this.#system ??= await startWarm(this.clients, this.isQuick ? 3_000 : 20_000)
    return this.#system
  }

  async close(): Promise<void> {
    await this.#system?.close()
    this.#system = undefined
  }
}

/** Everybody has a session, and compilers know the programs, before anything counts. */
async function startWarm(clients: number, windowMs: number): Promise<RunningBench> {
  const bench = await startBench(clients)
  try {
    await bench.run({ work: 'store', clients, windowMs })
    await bench.run({ work: 'correct', clients, windowMs: windowMs / 4 })
    return bench
  } catch (error) {
    await bench.close()
    throw error
  }
}
