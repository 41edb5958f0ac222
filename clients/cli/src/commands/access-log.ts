/**
 * `trusthealth access-log`: who looked, when, where, why, under which permission, and who was refused.
 *
 * @module
 */
import type { AccessEntry } from '../../../sdk/src/participant.ts'
import { doing } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate, formatTime } from '../dates.ts'
import { shortId } from '../ids.ts'
import { countOption } from '../moments.ts'
import { text } from '../option-values.ts'
import { printable, table } from '../output.ts'
import { partiesOf, patientOf, type Parties } from '../parties.ts'
import { countWords } from '../words.ts'

export const ACCESS_LOG_COMMANDS: readonly CommandRow[] = [
  {
    path: 'access-log',
    summary: 'see who looked at records, and who was refused',
    options: [
      { flags: '--patient <name>', description: "a hospital's staff: of this patient" },
      { flags: '--limit <count>', description: 'at most so many', default: '50' },
      { flags: '--all', description: 'also what programs did by themselves' },
    ],
    examples: ['access-log --as bob', 'access-log --patient bob --as hospital-a', 'access-log --as bob --json=lines'],
    run: showAccessLog,
  },
]

const VERBS: Readonly<Record<string, string>> = {
  store: 'stored',
  chain: 'stored with a group',
  read: 'read',
  search: 'searched in',
  list: 'listed',
  'access-log': 'looked at this log',
  erase: 'erased',
  rekey: 'changed the key',
  provision: 'set up',
  'emergency-open': 'opened emergency access',
  'emergency-close': 'closed emergency access',
}
const WITHOUT_RECORDS = new Set(['access-log', 'rekey', 'provision', 'emergency-open', 'emergency-close'])

async function showAccessLog(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const limit = countOption('--limit', text(options, 'limit'), 50, 10_000)
  await using(connect(context), async (connection) => {
    const parties = partiesOf(context, connection)
    const patient = await patientOf(connection, parties, text(options, 'patient'))
    const entries: AccessEntry[] = []
    await doing('Not shown', async () => {
      let cursor: string | undefined
      do {
        const page = { limit: Math.min(limit, 500), ...(cursor === undefined ? {} : { cursor }) }
        const answer = await connection.client.accessLog(patient, page)
        entries.push(...answer.entries)
        cursor = answer.cursor
      } while (cursor !== undefined && entries.length < limit)
    })
    await parties.complete()
    const shown = entries.slice(0, limit)
    const automatic = options['all'] === true ? [] : shown.filter(({ automatic: isAutomatic }) => isAutomatic ?? false)
    const people =
      options['all'] === true ? shown : shown.filter(({ automatic: isAutomatic }) => !(isAutomatic ?? false))
    const folded = automatic.length === 0 ? '' : `\nAutomatic (${automatic.length}): see --all.`
    context.output.list(shown, `${linesOf(people, parties)}${folded}`)
  })
}

function linesOf(entries: readonly AccessEntry[], parties: Parties): string {
  let day = ''
  const rows = entries.map((entry) => {
    const date = formatDate(entry.timeMs)
    const shownDate = date === day ? '' : date
    day = date
    return [shownDate, formatTime(entry.timeMs), sentenceOf(entry, parties)]
  })
  return table(rows, 'Nobody has looked yet.')
}

/** "Dr Alice Martin read 3 records · permission w-7f3c90ab · TREAT". */
export function sentenceOf(entry: AccessEntry, parties: Parties): string {
  const who = `${nameOf(entry, parties)}${behalfWords(entry)}`
  if (entry.kind === 'deny') return `${who} asked and was refused: ${entry.code ?? 'no permission'}`
  const verb = VERBS[entry.kind] ?? entry.kind
  const count = entry.records?.length ?? 0
  const what = WITHOUT_RECORDS.has(entry.kind) ? '' : ` ${count === 0 ? 'records' : countWords(count, 'record')}`
  const place = entry.place === undefined ? '' : ` · ${placeWords(entry.place, parties)}`
  const why = entry.permission === undefined ? '' : ` · ${permissionWords(entry.permission)}`
  const purpose = entry.purpose === undefined ? '' : ` · ${entry.purpose}`
  return `${who} ${verb}${what}${place}${why}${purpose}`
}

function nameOf(entry: AccessEntry, parties: Parties): string {
  const known = parties.nameOf(entry.actor)
  if (known !== shortId(entry.actor) || entry.actorName === undefined) return known
  const name = printable(entry.actorName)
  return entry.actor.startsWith('d-') ? `Dr ${name}` : name
}

/** " for Alice Martin": whom the hospital named. */
function behalfWords({ by }: AccessEntry): string {
  if (by === undefined) return ''
  const name = printable(by.name ?? by.id)
  return by.kind === 'app'
    ? ` (app ${name})`
    : ` for ${name}${by.app === undefined ? '' : ` (app ${printable(by.app)})`}`
}

/** A hospital by its name where that is known, anything else as it was written. */
function placeWords(place: string, parties: Parties): string {
  return /^h-[0-9a-f]{32}$/.test(place) ? parties.nameOf(place) : printable(place)
}

const PERMISSIONS: Readonly<Record<string, string>> = {
  self: 'own records',
  hospital: 'own patient',
  warrant: 'permission',
  grant: 'access given',
  emergency: 'emergency access',
}

/** `self`, `warrant`, `grant:g-…`. */
function permissionWords(permission: string): string {
  const [kind = '', id] = permission.split(':')
  const words = PERMISSIONS[kind] ?? printable(kind)
  return id === undefined ? words : `${words} ${shortId(id)}`
}
