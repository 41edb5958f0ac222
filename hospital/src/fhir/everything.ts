/**
 * `Patient/[id]/$everything`: the patient, everything in the patient's compartment, and who and what it refers to.
 *
 * Parameters: `_type`, `_since`, `_count`, `_offset`, `start`, `end` (clinical dates by the parameter `date`).
 *
 * @module
 */
import type { Candidate } from './candidate.ts'
import type { FhirActor } from './ports.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import { parseSearch } from './search-query.ts'
import { searchBundle } from './search.ts'
import type { FhirServiceParts } from './interactions.ts'
import { testOf } from './search-match.ts'
import type { DateValue, ReferenceValue } from './search-values.ts'
import { searchParametersOf } from './r4-tables.ts'

/** Not personal, but needed to read what is. */
const SUPPORTING = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'Medication',
  'Device',
  'Substance',
])

export async function everything(
  parts: FhirServiceParts,
  actor: FhirActor,
  id: string,
  pairs: readonly (readonly [string, string])[],
): Promise<string> {
  const { library, base } = parts
  const patient = await library.get(actor, 'r', 'Patient', id)
  const paging = pairs.filter(([name]) => name === '_count' || name === '_offset')
  const page = parseSearch('Patient', paging)
  const mine = patient.patient === undefined ? [] : await library.compartment(patient.patient)
  const chosen = mine.filter((one) => one.type !== 'Patient' && library.maySee(actor, one))
  const wanted = [patient, ...chosen, ...(await supporting(parts, actor, chosen))].filter(chooser(pairs))
  const slice = wanted.slice(page.offset, page.offset + page.count)
  const { versions } = await library.versionsWithin(actor, slice, MAX_PAGE_BYTES)
  const entries = versions.flatMap((version) => ('code' in version ? [] : [{ version, mode: 'match' as const }]))
  const refused = versions.flatMap((one) => ('code' in one ? [one.code] : []))
  const nextOffset = page.offset + versions.length
  const next = versions.length > 0 && nextOffset < wanted.length ? { nextOffset } : {}
  const query = { ...page, type: `Patient/${id}/$everything`, used: pairs }
  return searchBundle({ total: wanted.length, entries, refused, leftOut: 0, ...next }, query, base)
}

/** Who and what the records name, once each, in the order in which they are named. */
async function supporting(
  { library, base }: FhirServiceParts,
  actor: FhirActor,
  from: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const names = new Set<string>()
  for (const one of from) {
    for (const { name, kind } of searchParametersOf(one.type).values()) {
      if (kind !== 'reference') continue
      for (const [reference] of (one.values[name] ?? []) as readonly ReferenceValue[]) {
        const relative = reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference
        const match = /^([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}$/.exec(relative)
        if (match?.[1] !== undefined && SUPPORTING.has(match[1])) names.add(relative)
      }
    }
  }
  const found: Candidate[] = []
  for (const name of names) {
    const [type = '', id = ''] = name.split('/')
    const one = await library.find(actor, type, id)
    // Of a patient's own compartment it is there already.
    if (one?.patient === undefined && one?.row?.gone === undefined && one !== undefined) {
      if (library.maySee(actor, one)) found.push(one)
    }
  }
  return found
}

function chooser(pairs: readonly (readonly [string, string])[]): (one: Candidate) => boolean {
  const value = (name: string) => pairs.find(([key]) => key === name)?.[1]
  const types = value('_type')?.split(',')
  const since = value('_since')
  const isSince = since === undefined ? undefined : testOf('date', `ge${since}`)
  const dates = [
    ...(value('start') === undefined ? [] : [testOf('date', `ge${value('start') ?? ''}`)]),
    ...(value('end') === undefined ? [] : [testOf('date', `le${value('end') ?? ''}`)]),
  ]
  return (one) => {
    if (types !== undefined && !types.includes(one.type)) return false
    if (isSince !== undefined && !isSince([one.changedMs, one.changedMs])) return false
    const own = (one.values['date'] ?? []) as readonly DateValue[]
    return own.length === 0 || dates.every((test) => own.some((date) => test(date)))
  }
}
