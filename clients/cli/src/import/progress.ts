/**
 * Progress of something long: a bar on a terminal, else a line every 10 seconds. Nothing at all with `--quiet` and
 * `--json`, and nothing for what is over within 300 ms.
 *
 * @module
 */
import { SingleBar } from 'cli-progress'
import type { Context } from '../context.ts'

const BAR_AFTER_MS = 300
const LINE_EVERY_MS = 10_000

export interface Progress {
  /** @param done so many of `total`. @param words what a person sees beside the bar. */
  update(done: number, total: number, words: string): void
  end(): void
}

export function startProgress(context: Context, title: string): Progress {
  const { output, terminal, flags } = context
  if (flags.quiet === true) return { update: () => undefined, end: () => undefined }
  const isBar =
    terminal.err.isTTY === true &&
    output.options.json === 'off' &&
    terminal.environment['TRUSTHEALTH_ACCESSIBLE'] !== '1'
  return isBar ? new Bar(title) : new Lines(context, title)
}

class Bar implements Progress {
  readonly #title: string
  readonly #startedMs = performance.now()
  #bar: SingleBar | undefined

  constructor(title: string) {
    this.#title = title
  }

  update(done: number, total: number, words: string): void {
    if (this.#bar === undefined) {
      if (performance.now() - this.#startedMs < BAR_AFTER_MS) return
      this.#bar = new SingleBar({
        format: `${this.#title}  {bar}  {percentage}%  {words}`,
        stream: process.stderr,
        hideCursor: true,
        barsize: 24,
      })
      this.#bar.start(total, done, { words })
    }
    this.#bar.setTotal(Math.max(total, 1))
    this.#bar.update(Math.min(done, total), { words })
  }

  end(): void {
    this.#bar?.stop()
  }
}

class Lines implements Progress {
  readonly #context: Context
  readonly #title: string
  #lastMs = performance.now()

  constructor(context: Context, title: string) {
    this.#context = context
    this.#title = title
  }

  update(done: number, total: number, words: string): void {
    const now = performance.now()
    if (now - this.#lastMs < LINE_EVERY_MS) return
    this.#lastMs = now
    const percent = total === 0 ? '' : `  ${Math.floor((100 * Math.min(done, total)) / total)}%`
    this.#context.output.note(`${this.#title}${percent}  ${words}`)
  }

  end(): void {
    // Lines need no cleaning up.
  }
}
