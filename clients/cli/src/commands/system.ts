/**
 * `trusthealth start`, `status`, `stop`.
 *
 * @module
 */
import { CommandError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatTime } from '../dates.ts'
import { texts } from '../option-values.ts'
import { findLockHolder } from '../system/lock.ts'
import { loadFirstData } from '../system/first-data.ts'
import { endLeftovers } from '../system/leftovers.ts'
import { endProcess } from '../system/processes.ts'
import { readStatus, statusText } from '../system/status.ts'
import { startSystem, type RunningSystem } from '../system/system.ts'

const STOP_GRACE_MS = 60_000

export const SYSTEM_COMMANDS: readonly CommandRow[] = [
  {
    path: 'start',
    summary: 'start the whole system on this machine, and keep it running',
    details:
      'The first start makes the hospitals, sets the record server up and loads practice patients. Ctrl-C stops it.',
    options: [
      { flags: '--hospital <name>', description: 'first start: a hospital; may be repeated', repeatable: true },
      { flags: '--no-data', description: 'first start: no practice patients' },
      { flags: '--no-restart', description: 'a part that ends stays down, and start ends with it' },
      { flags: '--any-ports', description: 'use any free ports, not the usual ones' },
    ],
    examples: [
      'start',
      'start --state ./practice --no-data',
      'start --hospital "Hospital A" --hospital "Hospital B" --hospital "Hospital C"',
    ],
    run: start,
  },
  {
    path: 'status',
    summary: 'see what runs, and what to do',
    examples: ['status', 'status --json', 'status --state ./practice'],
    run: status,
  },
  {
    path: 'stop',
    summary: 'stop the system that runs on this state folder',
    examples: ['stop', 'stop --state ./practice', 'stop --json'],
    run: stop,
  },
]

async function start(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { output, terminal } = context
  const hospitals = texts(options, 'hospital')
  const restart = options['restart'] !== false
  const waiting = new Waiting()
  const stopListening = terminal.onInterrupt(() => waiting.end())
  let system: RunningSystem | undefined
  try {
    system = await startSystem(context, {
      restart,
      ...(hospitals === undefined ? {} : { hospitals }),
      ...(options['anyPorts'] === true ? { anyPorts: true } : {}),
      onDown: (program, reason) => {
        output.note(
          `${formatTime(context.clock.nowMs())}  ${program.title} ended: ${reason}. ${restart ? 'Starting it again.' : ''}`,
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

async function status(context: Context): Promise<void> {
  const found = await readStatus(context)
  if (found.down.length > 0) {
    if (context.output.options.json === 'off') context.output.note(statusText(found, context))
    throw new CommandError('SERVER_UNAVAILABLE', { what: `Down: ${found.down.join(', ')}.`, data: found })
  }
  context.output.result(found, statusText(found, context))
}

async function stop(context: Context): Promise<void> {
  const holder = findLockHolder(context.state)
  if (holder === undefined) {
    await endLeftovers(context)
    throw new CommandError('CLIENT_NOT_RUNNING', { reason: `nothing runs in ${context.state.root}` })
  }
  await endProcess(holder, STOP_GRACE_MS)
  await endLeftovers(context)
  context.output.result({ stopped: holder.pid }, 'Stopped. Nothing is lost; trusthealth start goes on from here.')
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
