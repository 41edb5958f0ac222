/**
 * Reading: what is where, who may see it, and the text of it. Records are read from the record server each time, which
 * logs and may refuse each read; the index only says which to ask for.
 *
 * @module
 */
import { decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { formatInstant, parseResource } from '../../../shared/fhir/src/index.ts'
import { ERROR_TABLE, type ErrorCode, type PatientRef, type RecordId } from '../../../shared/protocol/src/index.ts'
import { codeOf } from '../../../clients/sdk/src/errors.ts'
import type { RecordAnswer } from '../../../clients/sdk/src/record-answer.ts'
import type { Candidate, Searchable, View, ViewQuery } from './candidate.ts'
import { FhirRequestError } from './errors.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import type { PatientIds } from './patients.ts'
import { onBehalfOf, type FhirAccess, type FhirActor, type Interaction, type ReadableRecords } from './ports.ts'
import { withId, withMeta } from './resource-text.ts'
import { searchValuesOf } from './search-values.ts'
import { sightOf, sightOrNothing, type Sight } from './sight.ts'
import type { FhirStore, ResourceRow } from './store.ts'
import type { Sync } from './sync.ts'

/** One version of a resource as it is answered. */
export interface Version {
  readonly type: string
  readonly id: string
  readonly versionId: string
  readonly changedMs: number
  readonly patient?: PatientRef
  /** With the server's id and meta. */
  readonly text: string
}

/** A version in a history; one without text says that it was deleted. */
export interface HistoryEntry extends Omit<Version, 'text'> {
  readonly text?: string
  readonly how: 'create' | 'update' | 'delete'
}

/** One page of a history. */
export interface HistoryPage {
  /** Of all pages. */
  readonly total: number
  readonly entries: readonly HistoryEntry[]
  /** Where the next page starts. */
  readonly nextOffset?: number
}

/** Read before it is known how large they are. */
const FIRST_AT_ONCE = 32
const MOST_AT_ONCE = 128

export interface LibraryParts {
  readonly store: FhirStore
  readonly records: ReadableRecords
  readonly sync: Sync
  readonly ids: PatientIds
  readonly access: FhirAccess
  readonly views: readonly View[]
  readonly base: string
}

export class Library {
  readonly #parts: LibraryParts

  constructor(parts: LibraryParts) {
    this.#parts = parts
  }

  /** @throws {FhirRequestError} `FHIR_FORBIDDEN` when no scope allows it at all. */
  sight(actor: FhirActor, interaction: Interaction, type: string): Sight {
    return sightOf(this.#parts, actor, interaction, type)
  }

  maySearch(actor: FhirActor, type: string): boolean {
    return this.#parts.access.may(actor, 's', type).length > 0
  }

  /** Whether the actor may read what comes along beside what was asked for. */
  maySee(actor: FhirActor, one: Searchable): boolean {
    return sightOrNothing(this.#parts, actor, 'r', one.type).sees(one)
  }

  /** Looks at the record server again before it says that there is none. */
  async find(actor: FhirActor, type: string, id: string): Promise<Candidate | undefined> {
    for (const view of this.#viewsOf(type)) {
      const found = await view.find(id, onBehalfOf(actor))
      if (found !== undefined) return found
    }
    const { store, sync, ids } = this.#parts
    let row = this.#rowOf(type, id)
    if (row === undefined) {
      ids.learn()
      await sync.lately()
      row = this.#rowOf(type, id) ?? store.find(type, id)
    }
    return row === undefined ? undefined : this.#candidateOf(row)
  }

  /** @throws {FhirRequestError} `FHIR_NOT_FOUND`, also where the actor may not know of it; `FHIR_GONE`. */
  async get(actor: FhirActor, interaction: Interaction, type: string, id: string): Promise<Candidate> {
    const sight = this.sight(actor, interaction, type)
    const found = await this.find(actor, type, id)
    if (found === undefined || !sight.sees(found)) throw notFound(type, id)
    return found
  }

  async read(actor: FhirActor, type: string, id: string): Promise<Version> {
    return await this.current(actor, await this.get(actor, 'r', type, id))
  }

  /** The newest version of what was found. @throws {FhirRequestError} `FHIR_GONE` */
  async current(actor: FhirActor, found: Candidate): Promise<Version> {
    if (found.row?.gone !== undefined) throw gone(found.row)
    const version = await this.versionOf(actor, found)
    // Corrected since it was looked for: what is in it now decides.
    if (version.versionId !== found.versionId && !this.#showsText(actor, version)) throw notFound(found.type, found.id)
    return version
  }

  async vread(actor: FhirActor, type: string, id: string, versionId: string): Promise<Version> {
    const found = await this.get(actor, 'r', type, id)
    const { row } = found
    if (row === undefined) {
      if (found.versionId === versionId) return await this.versionOf(actor, found)
      throw notFound(type, `${id}/_history/${versionId}`)
    }
    const history = await this.#historyOf(actor, row)
    const wanted = history.find((entry) => entry.versionId === versionId)
    if (wanted === undefined) throw notFound(type, `${id}/_history/${versionId}`)
    if (wanted.how === 'delete') throw gone(row)
    const version = await this.#textOfVersion(actor, row, wanted)
    if (!this.#showsText(actor, version)) throw notFound(type, `${id}/_history/${versionId}`)
    return version
  }

  /** Newest first; a page ends early where it would have more than `MAX_PAGE_BYTES`. */
  async history(
    actor: FhirActor,
    type: string,
    id: string,
    { offset, count }: { readonly offset: number; readonly count: number },
  ): Promise<HistoryPage> {
    const found = await this.get(actor, 'r', type, id)
    const { row } = found
    const versions: readonly HistoryEntry[] =
      row === undefined
        ? [{ ...(await this.versionOf(actor, found)), how: 'create' }]
        : await this.#historyOf(actor, row)
    const entries: HistoryEntry[] = []
    let bytes = 0
    let nextOffset = offset
    for (const entry of versions.slice(offset, offset + count)) {
      const read =
        row === undefined || entry.how === 'delete'
          ? entry
          : { ...(await this.#textOfVersion(actor, row, entry)), how: entry.how }
      bytes += Buffer.byteLength(read.text ?? '')
      if (entries.length > 0 && bytes > MAX_PAGE_BYTES) break
      nextOffset++
      if (read.text === undefined || this.#showsText(actor, { ...read, text: read.text })) entries.push(read)
    }
    const hasNext = nextOffset > offset && nextOffset < versions.length
    return { total: versions.length, entries, ...(hasNext ? { nextOffset } : {}) }
  }

  /** Everything of a type that the actor may see; newly stored records are among it. */
  async candidates(actor: FhirActor, type: string, query: ViewQuery = {}): Promise<readonly Candidate[]> {
    const { store, sync, ids } = this.#parts
    const sight = this.sight(actor, 's', type)
    ids.learn()
    // A token for one patient makes nobody look at the others.
    const patient = query.patient ?? (actor.kind === 'patient' ? actor.patient : undefined)
    await (patient === undefined ? sync.all() : sync.patient(patient))
    const rows = store.ofType(type, query.patient).map((row) => this.#candidateOf(row))
    const by = onBehalfOf(actor)
    const asked = by === undefined ? query : { ...query, by }
    const made = (await Promise.all(this.#viewsOf(type).map((view) => view.list(asked)))).flat()
    return [...rows, ...made].filter((one) => one.row?.gone === undefined && sight.sees(one))
  }

  /** Everything in one patient's compartment. */
  async compartment(patient: PatientRef): Promise<readonly Candidate[]> {
    const { store, sync, ids } = this.#parts
    ids.learn()
    await sync.patient(patient)
    return store.ofPatient(patient).flatMap((row) => (row.gone === undefined ? [this.#candidateOf(row)] : []))
  }

  /**
   * The texts of many, in order; one that the record server refuses is its code.
   * @throws what is no refusal: the record server is away.
   */
  async versionsOf(
    actor: FhirActor,
    candidates: readonly Candidate[],
  ): Promise<readonly (Version | { readonly code: ErrorCode })[]> {
    const { records } = this.#parts
    const wanted = candidates.flatMap(({ row }) => row?.record ?? [])
    const answers = new Map<RecordId, RecordAnswer | { readonly code: ErrorCode }>()
    const unique = [...new Set(wanted)]
    const found = await records.readMany(unique, onBehalfOf(actor))
    unique.forEach((record, i) => answers.set(record, found[i] as RecordAnswer))
    return await Promise.all(
      candidates.map(async (one) => {
        const answer = one.row?.record === undefined ? undefined : answers.get(one.row.record)
        if (answer === undefined) return await this.versionOf(actor, one)
        if (!('code' in answer)) {
          const version = this.#fromAnswer(one.row as ResourceRow, answer)
          const isSame = version.versionId === one.versionId
          return isSame || this.#showsText(actor, version) ? version : { code: 'FHIR_FORBIDDEN' }
        }
        this.#noteRefusal(one.row as ResourceRow, answer.code)
        if (ERROR_TABLE[answer.code].kind === 'unavailable') throw new FhirRequestError(answer.code)
        return answer
      }),
    )
  }

  /** As `versionsOf`, of the first ones that have no more than `maxBytes` together; of one at least. */
  async versionsWithin(
    actor: FhirActor,
    candidates: readonly Candidate[],
    maxBytes: number,
  ): Promise<{ readonly versions: readonly (Version | { readonly code: ErrorCode })[]; readonly bytes: number }> {
    const versions: (Version | { readonly code: ErrorCode })[] = []
    let bytes = 0
    for (let atOnce = FIRST_AT_ONCE; versions.length < candidates.length;) {
      for (const one of await this.versionsOf(actor, candidates.slice(versions.length, versions.length + atOnce))) {
        const size = 'code' in one ? 0 : Buffer.byteLength(one.text)
        if (versions.length > 0 && bytes + size > maxBytes) return { versions, bytes }
        versions.push(one)
        bytes += size
      }
      // As many as should fit, by the size of those before.
      const fit = Math.floor((maxBytes - bytes) / Math.max(1, bytes / versions.length))
      atOnce = Math.min(MOST_AT_ONCE, Math.max(1, fit))
    }
    return { versions, bytes }
  }

  async versionOf(actor: FhirActor, candidate: Candidate): Promise<Version> {
    const { row, text } = candidate
    if (row === undefined) return { ...nameOf(candidate), text: stamped(candidate, text ?? '') }
    if (row.record === undefined) {
      const newest = this.#parts.store.localVersions(row.type, row.id).at(-1)
      if (newest === undefined) throw notFound(row.type, row.id)
      return { ...nameOf(candidate), text: stamped(candidate, newest.text) }
    }
    return this.#fromAnswer(row, await this.answerOf(actor, row))
  }

  /** A text with the server's id and meta. */
  stamp(name: Pick<Version, 'id' | 'versionId' | 'changedMs'>, text: string): string {
    return stamped(name, text)
  }

  /** The record itself, with everything to check it by. */
  async answerOf(actor: FhirActor, row: ResourceRow, version?: number): Promise<RecordAnswer> {
    try {
      return await this.#parts.records.read(row.record as RecordId, version, onBehalfOf(actor))
    } catch (error) {
      const code = codeOf(error)
      if (code !== undefined) this.#noteRefusal(row, code)
      if (code === 'RECORD_ERASED') throw gone({ ...row, gone: 'erased' })
      throw error
    }
  }

  /** Where a scope has a query: a version that was not looked at by the index is looked at now. */
  #showsText(actor: FhirActor, version: Version): boolean {
    const sight = sightOrNothing(this.#parts, actor, 'r', version.type)
    return !sight.asksContent || sight.sees({ ...version, values: searchValuesOf(parseResource(version.text)) })
  }

  #fromAnswer(row: ResourceRow, answer: RecordAnswer): Version {
    const text = decodeUtf8(answer.ehr)
    const { store, sync } = this.#parts
    // Corrected by somebody else since: the index follows.
    const isNewer = answer.version === answer.latestVersion && answer.version > row.version
    const current =
      isNewer && row.patient !== undefined
        ? sync.put(row.patient, answer.recordId, answer.version, row.changedMs, text)
        : (store.find(row.type, row.id) ?? row)
    const name = { ...nameOf(this.#candidateOf(current)), versionId: String(answer.version) }
    return { ...name, text: stamped(name, text) }
  }

  async #textOfVersion(actor: FhirActor, row: ResourceRow, entry: HistoryEntry): Promise<Version> {
    if (entry.text !== undefined) return { ...entry, text: stamped(entry, entry.text) }
    const answer = await this.answerOf(actor, row, Number(entry.versionId))
    return { ...entry, text: stamped(entry, decodeUtf8(answer.ehr)) }
  }

  /** Newest first; texts of records are not read yet. */
  async #historyOf(actor: FhirActor, row: ResourceRow): Promise<readonly HistoryEntry[]> {
    const { store, records } = this.#parts
    const { type, id, patient, record } = row
    const name = { type, id, ...(patient === undefined ? {} : { patient }) }
    const entries: HistoryEntry[] = []
    if (record === undefined) {
      for (const { version, text, changedMs } of store.localVersions(type, id)) {
        const versionId = String(version)
        if (text === '') entries.push({ ...name, versionId, changedMs, how: 'delete' })
        else entries.push({ ...name, versionId, changedMs, text, how: version === 1 ? 'create' : 'update' })
      }
    } else {
      for (const { version, storedMs, erasedMs } of await records.versions(record, onBehalfOf(actor))) {
        if (erasedMs !== undefined) continue
        entries.push({
          ...name,
          versionId: String(version),
          changedMs: storedMs,
          how: version === 1 ? 'create' : 'update',
        })
      }
      if (row.gone !== undefined) {
        entries.push({ ...name, versionId: `${row.version}d`, changedMs: row.changedMs, how: 'delete' })
      }
    }
    return entries.toReversed()
  }

  #noteRefusal(row: ResourceRow, code: ErrorCode): void {
    if (code === 'RECORD_ERASED' && row.gone === undefined) {
      this.#parts.store.put({ ...row, gone: 'erased', values: {} })
    }
  }

  /** A patient's pseudonym is an id as good as those of Patient resources. */
  #rowOf(type: string, id: string): ResourceRow | undefined {
    const { store, ids } = this.#parts
    const own = store.find(type, id)
    if (own !== undefined || type !== 'Patient') return own
    const patient = ids.resolve(id)
    return patient === undefined ? undefined : store.find('Patient', ids.idOf(patient))
  }

  #candidateOf(row: ResourceRow): Candidate {
    const { ids } = this.#parts
    const { type, id, version, changedMs, values } = row
    // A Patient that was created here belongs to whoever registered with its code.
    const patient = row.patient ?? (type === 'Patient' ? ids.resolve(id) : undefined)
    return {
      type,
      id,
      versionId: String(version),
      changedMs,
      values,
      row,
      ...(patient === undefined ? {} : { patient }),
    }
  }

  #viewsOf(type: string): readonly View[] {
    return this.#parts.views.filter((view) => view.type === type)
  }
}

function nameOf({ type, id, versionId, changedMs, patient }: Candidate): Omit<Version, 'text'> {
  return { type, id, versionId, changedMs, ...(patient === undefined ? {} : { patient }) }
}

function stamped(name: { readonly id: string; readonly versionId: string; readonly changedMs: number }, text: string) {
  const { id, versionId, changedMs } = name
  return withMeta(withId(text, id), { versionId, lastUpdated: formatInstant(changedMs) })
}

export function notFound(type: string, id: string): FhirRequestError {
  return new FhirRequestError('FHIR_NOT_FOUND', { detail: `${type}/${id}` })
}

function gone({ type, id, gone: how }: ResourceRow): FhirRequestError {
  const detail = how === 'erased' ? 'destroyed by the patient' : 'deleted here'
  return new FhirRequestError('FHIR_GONE', { detail: `${type}/${id} was ${detail}` })
}
