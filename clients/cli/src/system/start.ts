/**
 * `trusthealth start`: everything of one system, until somebody ends it.
 *
 * @module
 */
import { CommandError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatTime } from '../dates.ts'
import { texts } from '../option-values.ts'
import { loadFirstData } from './first-data.ts'
import { readStatus, statusText } from './status.ts'
import { startSystem, type RunningSystem } from './system.ts'
import { ledgerOption } from './ledgers.ts'

export async function start(context: Context, options: OptionValues): Promise<void> {
  const { output, terminal } = context
  const hospitals = texts(options, 'hospital')
  const ledger = ledgerOption(options)
  const restart = options['restart'] !== false
  const waiting = new Waiting()
  const stopListening = terminal.onInterrupt(() => waiting.end())
  let system: RunningSystem | undefined
  try {
    system = await startSystem(context, {
      restart,
      ...(hospitals === undefined ? {} : { hospitals }),
      ...(ledger === undefined ? {} : { ledger }),
      ...(options['anyPorts'] === true ? { anyPorts: true } : {}),
      onDown: (program, reason) => {
        output.note(
          `${formatTime(context.clock.nowMs())}  ${program.title} ended: ${reason}.${restart ? ' Starting it again.' : ''}`,
        )
        if (!restart) {
          waiting.fail(
            new CommandError('SERVER_UNAVAILABLE', {
              what: `${program.title} is down.`,
              reason,
              next: `read its log: ${program.log}`,
            }),
          )
        }
      },
    })
    if (options['data'] !== false) await loadFirstData(context, system, waiting.signal)
    if (!waiting.signal.aborted) {
      const found = await readStatus(context)
      output.result(found, statusText(found, context))
      output.note('Ctrl-C stops everything.')
    }
    await waiting.done
  } finally {
    stopListening()
    if (system !== undefined) {
      output.note('Stopping.')
      await system.close()
    }
  }
}

/** Until somebody ends it, or something fails. */
class Waiting {
  readonly done: Promise<void>
  readonly #abort = new AbortController()
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Awaited later; until then a failure is no unhandled one.
    this.done.catch(() => undefined)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  end(): void {
    this.#abort.abort()
    this.#resolve()
  }

  fail(error: unknown): void {
    this.#abort.abort()
    this.#reject(error)
  }
}
