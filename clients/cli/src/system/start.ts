/**
 * `trusthealth start`: everything of one system, until somebody ends it.
 *
 * @module
 */
import { join, relative, resolve as resolvePath } from 'node:path'
import { PRACTICE_TOKEN_FILE } from '../../../../hospital/src/index.ts'
import { codeOfFailure, CommandError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatTime } from '../dates.ts'
import { text, texts } from '../option-values.ts'
import { readCertificates, warningsOf } from './certificates.ts'
import { loadFirstData } from './first-data.ts'
import { offerPracticeLinks } from './practice-links.ts'
import { readStatus, statusText } from './status.ts'
import { startSystem, type RunningSystem } from './system.ts'
import { hospitalFolder, SERVER_PROGRAM, urlOf } from '../system-file.ts'
import { restoringDevice, restoringWords } from './restoring.ts'
import { ledgerOption } from './ledgers.ts'
import { teeOption } from './tees.ts'

export async function start(context: Context, options: OptionValues): Promise<void> {
  const { output, terminal } = context
  const hospitals = texts(options, 'hospital')
  const ledger = ledgerOption(options)
  const tee = teeOption(options, terminal.environment)
  const restart = options['restart'] !== false
  const ledgerOnly = options['ledgerOnly'] === true
  const restore = text(options, 'restore')
  const restoreFrom = restore === undefined ? undefined : resolvePath(terminal.currentFolder, restore)
  const waiting = new Waiting()
  const stopListening = terminal.onInterrupt(() => waiting.end())
  let system: RunningSystem | undefined
  try {
    system = await startSystem(context, {
      restart,
      ...(hospitals === undefined ? {} : { hospitals }),
      ...(ledger === undefined ? {} : { ledger }),
      ...(tee === undefined ? {} : { tee }),
      ...(options['anyPorts'] === true ? { anyPorts: true } : {}),
      ...(ledgerOnly ? { ledgerOnly } : {}),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
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
    if (ledgerOnly) {
      output.result({ programs: system.current.programs }, 'The shared ledger runs, and nothing else.')
    } else if (restoreFrom !== undefined) {
      const device = await restoringDevice(context, urlOf(system.current, SERVER_PROGRAM))
      output.result(device, restoringWords(device))
    } else if (options['data'] !== false) await loadFirstData(context, system, waiting.signal)
    if (!waiting.signal.aborted && !ledgerOnly && restoreFrom === undefined) {
      const found = await readStatus(context)
      output.result(found, statusText(found, context))
      if (context.flags.state !== undefined) {
        output.note(`For commands in another terminal:  export TRUSTHEALTH_STATE=${context.state.root}`)
      }
      if (options['data'] !== false) await showLinks(context, system, waiting.signal)
      showFhir(context, system)
      await warnOfCertificates(context, system)
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

/** What is left to do although everything that runs renews its own. */
async function warnOfCertificates(context: Context, { consortium }: RunningSystem): Promise<void> {
  const { clock, output } = context
  const warnings = warningsOf(await readCertificates(context, consortium), clock.nowMs())
  if (warnings.length > 0) output.note([...warnings, 'Renew them:  trusthealth certificate renew'].join('\n'))
}

/** A line that an integration engineer can run as it is. */
function showFhir({ state, output }: Context, { consortium, current }: RunningSystem): void {
  const [hospital] = consortium.hospitals
  if (hospital === undefined) return
  const token = relative(process.cwd(), join(hospitalFolder(state, hospital.slug), PRACTICE_TOKEN_FILE))
  const url = `${urlOf(current, hospital.slug)}/fhir`
  const lines = [
    `FHIR R4 of ${hospital.name}: ${url}   (docs/fhir.md)`,
    `  curl -H "Authorization: Bearer $(cat ${token})" "${url}/Patient?_elements=name"`,
  ]
  output.note(lines.join('\n'))
}

/** How a browser gets in. Without them everything else works. */
async function showLinks(context: Context, system: RunningSystem, signal: AbortSignal): Promise<void> {
  const { output } = context
  try {
    const links = await offerPracticeLinks(context, system, signal)
    const width = Math.max(0, ...links.map(({ title }) => title.length))
    const lines = links.map(({ title, url }) => `  ${title.padEnd(width)}  ${url}`)
    if (lines.length > 0) output.note(['Open the portal, each link once:', ...lines].join('\n'))
  } catch (error) {
    output.note(`There are no links to the portal now: ${codeOfFailure(error) ?? 'SERVICE_FAULT'}.`)
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
