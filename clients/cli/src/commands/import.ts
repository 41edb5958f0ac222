/**
 * `trusthealth record import`: FHIR R4 JSON out of files, any number, resumable.
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { Author } from '../../../sdk/src/author.ts'
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import { confirmStep } from '../ask.ts'
import { codeOfFailure, CommandError, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, hospitalOf, using, type Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { importFile, type ImportTarget } from '../import/importer.ts'
import { isNdjson, readChunks } from '../import/items.ts'
import { ImportJournal, type Refusal } from '../import/journal.ts'
import { PatientNames } from '../import/patient-names.ts'
import { registerFromResource } from '../import/practice-patients.ts'
import { startProgress } from '../import/progress.ts'
import { importTarget } from '../import/targets.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { findPatient, partiesOf } from '../parties.ts'
import { countWords, numberWords } from '../words.ts'

const ASK_ABOVE = 1_000
const MAX_SHOWN_REFUSALS = 20

export const IMPORT_COMMANDS: readonly CommandRow[] = [
  {
    path: 'record import',
    what: '<file...>',
    summary: 'import FHIR R4 records from files',
    details:
      'A file is one resource, a Bundle, or NDJSON; each may be compressed (.gz). An import that was cut off goes on where\n' +
      'it was. A bad item is refused with its place and reason, and the rest goes on; then the exit code is 8.',
    options: [
      { flags: '--patient <name>', description: 'everything in the files is about this patient' },
      { flags: '--register-patients', description: 'practice: register each Patient found, with a key made here' },
      { flags: '--no-resume', description: 'import from the first line again' },
    ],
    examples: [
      'record import data/synthea/patient-01.json.gz --register-patients --as hospital-a',
      'record import labs.ndjson --patient bob --as alice',
      'record import export/*.ndjson.gz --register-patients --yes --as hospital-a',
    ],
    run: importRecords,
  },
]

interface Source {
  readonly path: string
  readonly name: string
  readonly bytes: number
}

async function importRecords(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const sources = sortSources(what.map((name) => sourceOf(context, name)))
  await using(connect(context), async (connection) => {
    const { client } = connection
    if (!(client instanceof Author)) throw usageError('Doctors and hospitals import records.', '--as hospital-a')
    const parties = partiesOf(context, connection)
    const given = text(options, 'patient')
    const patient = given === undefined ? undefined : await findPatient(parties, given)
    const target = targetOf(context, connection, client, patient, options['registerPatients'] === true)
    const who = `${client.identity.ref} ${patient ?? ''}`
    const files = await Promise.all(
      sources.map(async (source) => ({
        source,
        journal: await ImportJournal.open(context.state.imports, source.path, source.name, who),
      })),
    )
    if (options['resume'] === false) for (const { source, journal } of files) journal.restart(source.name)
    const lines = await countLines(files.filter(({ journal }) => !journal.state.isDone).map(({ source }) => source))
    if (context.flags.dryRun === true) {
      const names = files.map(({ source, journal }) => `${source.name}: ${stateWords(journal)}`)
      context.output.result(
        { files: files.map(({ source, journal }) => fileJson(source, journal)), dryRun: true },
        names.join('\n'),
      )
      return
    }
    if (lines > ASK_ABOVE) await confirmStep(context, `Import about ${numberWords(lines)} lines?`)
    await run(context, files, target)
  })
}

async function run(
  context: Context,
  files: readonly { readonly source: Source; readonly journal: ImportJournal }[],
  target: ImportTarget,
): Promise<void> {
  const stop = new AbortController()
  const stopListening = context.terminal.onInterrupt(() => stop.abort())
  const progress = startProgress(context, 'Importing')
  const startedMs = performance.now()
  const before = totals(files.map(({ journal }) => journal))
  const show = () => {
    const now = totals(files.map(({ journal }) => journal))
    const seconds = Math.max(0.001, (performance.now() - startedMs) / 1000)
    const settled = files.reduce((sum, { source, journal }) => sum + (journal.state.isDone ? source.bytes : 0), 0)
    const all = files.reduce((sum, { source }) => sum + source.bytes, 0)
    const rate = Math.round((now.stored - before.stored) / seconds)
    progress.update(settled, all, `${numberWords(now.stored)} stored, ${numberWords(now.refused)} refused, ${rate}/s`)
  }
  try {
    for (const { source, journal } of files) {
      const { position, isDone } = journal.state
      if (isDone) context.output.note(`${source.name} was imported before: ${stateWords(journal)}`)
      else if (position > 0)
        context.output.note(`Continue ${source.name} at ${placeWord(source)} ${numberWords(position + 1)}.`)
      try {
        const { path, name } = source
        await importFile({
          path,
          name,
          journal,
          target,
          signal: stop.signal,
          onProgress: show,
          nowMs: () => context.clock.nowMs(),
        })
      } catch (error) {
        throw stopped(error, source, journal)
      }
      if (stop.signal.aborted) throw interrupted(source, journal)
    }
  } finally {
    progress.end()
    stopListening()
  }
  report(context, files)
}

function report(
  context: Context,
  files: readonly { readonly source: Source; readonly journal: ImportJournal }[],
): void {
  const { stored, refused, leftOut } = totals(files.map(({ journal }) => journal))
  const data = { stored, refused, leftOut, files: files.map(({ source, journal }) => fileJson(source, journal)) }
  const left = leftOut === 0 ? '' : ` ${countWords(leftOut, 'resource')} about no patient left out.`
  const words = `${numberWords(stored)} stored, ${numberWords(refused)} refused.${left}`
  if (refused === 0) {
    context.output.result(data, words)
    return
  }
  const refusals = files.flatMap(({ journal }) => journal.state.refused)
  if (context.output.options.json === 'off') context.output.note(refusalTable(refusals))
  throw new CommandError('CLIENT_PARTLY_DONE', {
    what: words,
    next: 'correct what was refused and import it again; what was stored is not stored twice',
    data,
  })
}

function refusalTable(refusals: readonly Refusal[]): string {
  const shown = refusals.slice(0, MAX_SHOWN_REFUSALS)
  const rows = shown.map(({ file, position, code, reason }) => [`${file}:${position}`, code, reason])
  const more = refusals.length > shown.length ? `\n… and ${refusals.length - shown.length} more: see --json` : ''
  return table(rows, '') + more
}

function targetOf(
  context: Context,
  connection: Connection,
  author: Author,
  patient: Awaited<ReturnType<typeof findPatient>> | undefined,
  registers: boolean,
): ImportTarget {
  const hospital = hospitalOf(connection.who, connection.consortium)
  const names = PatientNames.open(context.state.imports, hospital.slug)
  if (!registers) return importTarget({ author, names, ...(patient === undefined ? {} : { patient }) })
  if (!(author instanceof HospitalClient)) throw usageError('Only a hospital registers patients.', '--as hospital-a')
  const { consortium, system } = connection
  const place = { consortium, system, hospital, staff: author }
  const register = async (resource: Parameters<typeof registerFromResource>[2]) => {
    const { ref, slug, name } = await registerFromResource(context, place, resource)
    context.output.note(`Registered ${name}: --as ${slug}`)
    return ref
  }
  return importTarget({ author, names, register, ...(patient === undefined ? {} : { patient }) })
}

function sourceOf(context: Context, name: string): Source {
  const path = resolve(context.terminal.currentFolder, name)
  if (!existsSync(path) || !statSync(path).isFile()) throw usageError(`There is no file ${name}.`)
  return { path, name, bytes: statSync(path).size }
}

/** Files with Patients first: the others name them. */
function sortSources(sources: readonly Source[]): Source[] {
  const rank = ({ path }: Source) => (/^patient\b/i.test(basename(path)) && isNdjson(path) ? 0 : 1)
  return sources.toSorted((a, b) => rank(a) - rank(b))
}

/** Lines of NDJSON; other files count as one each. */
async function countLines(sources: readonly Source[]): Promise<number> {
  let lines = 0
  for (const { path, name } of sources) {
    if (!isNdjson(path)) {
      lines++
      continue
    }
    for await (const chunk of readChunks(path, name)) for (const byte of chunk) if (byte === 0x0a) lines++
  }
  return lines
}

function totals(journals: readonly ImportJournal[]): { stored: number; refused: number; leftOut: number } {
  const sum = (member: 'stored' | 'refusedCount' | 'leftOut') =>
    journals.reduce((total, { state }) => total + state[member], 0)
  return { stored: sum('stored'), refused: sum('refusedCount'), leftOut: sum('leftOut') }
}

function stateWords({ state }: ImportJournal): string {
  const { stored, refusedCount, position, isDone } = state
  const counts = `${numberWords(stored)} stored, ${numberWords(refusedCount)} refused`
  return isDone ? `${counts}, done` : `${counts}, next is ${numberWords(position + 1)}`
}

function fileJson({ name }: Source, { state }: ImportJournal): object {
  const { position, stored, leftOut, refusedCount, refused, isDone } = state
  return { file: name, position, stored, leftOut, refusedCount, refused, done: isDone }
}

function placeWord({ path }: Source): string {
  return isNdjson(path) ? 'line' : 'entry'
}

function stopped(error: unknown, source: Source, journal: ImportJournal): unknown {
  const code = codeOfFailure(error)
  if (code === undefined) return error
  const at = `${source.name}, ${placeWord(source)} ${numberWords(journal.state.position + 1)}`
  const reason = error instanceof CommandError && error.words.reason !== undefined ? error.words.reason : undefined
  return new CommandError(code, {
    reason: `${reason === undefined ? '' : `${reason}; `}stopped at ${at}: ${stateWords(journal)}`,
    next: 'run the same command again: it goes on there',
    cause: error,
  })
}

function interrupted(source: Source, journal: ImportJournal): CommandError {
  return new CommandError('CLIENT_INTERRUPTED', {
    reason: `${source.name}: ${stateWords(journal)}`,
    next: 'run the same command again: it goes on there',
  })
}
