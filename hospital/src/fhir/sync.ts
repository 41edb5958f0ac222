/**
 * Keeps the search index in step with the record server: what doctors and imports stored without this façade is found out
 * from the complete list of the patient's records, and read once.
 *
 * A patient is looked at again when the ledger has more versions of the patient's records than the index; until everything
 * that the ledger has was seen, at most four times a second. What this façade stores itself is in the index at once.
 *
 * @module
 */
import { decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { parseResource } from '../../../shared/fhir/src/index.ts'
import type { PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import type { RecordItem } from '../../../clients/sdk/src/record-answer.ts'
import type { HiddenVersions } from './hidden-versions.ts'
import type { Directory, ReadableRecords } from './ports.ts'
import { searchValuesOf } from './search-values.ts'
import type { FhirStore, ResourceRow } from './store.ts'

const AGAIN_MS = 250
/** Patients that are looked at together: each look is a few requests to the record server. */
const LOOKS_AT_ONCE = 8
const ID = /^[A-Za-z0-9\-.]{1,64}$/

export interface SyncParts {
  readonly store: FhirStore
  readonly records: ReadableRecords
  readonly hidden: HiddenVersions
  readonly directory: Directory
  readonly nowMs: () => number
}

export class Sync {
  readonly #parts: SyncParts
  readonly #underWay = new Map<PatientRef, Promise<void>>()
  /** Counts at which the index had everything. */
  readonly #complete = new Map<PatientRef, number>()
  #allMs = Number.NEGATIVE_INFINITY
  readonly #looked = new Map<PatientRef, { readonly count: number; readonly timeMs: number }>()

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** Everything of one patient is indexed when this resolves. @throws what the record server refuses. */
  async patient(ref: PatientRef): Promise<void> {
    const [count = 0] = await this.#parts.records.counts([ref])
    await this.#lookOnce(ref, count)
  }

  #lookOnce(ref: PatientRef, count: number): Promise<void> {
    let run = this.#underWay.get(ref)
    if (run === undefined) {
      run = this.#look(ref, count).finally(() => this.#underWay.delete(ref))
      this.#underWay.set(ref, run)
    }
    return run
  }

  /** As `patient`, for all. */
  async all(): Promise<void> {
    this.#allMs = this.#parts.nowMs()
    const refs = this.#parts.directory.patients().map(({ ref }) => ref)
    const counts = await this.#parts.records.counts(refs)
    const waiting = refs.map((ref, i) => [ref, counts[i] ?? 0] as const)[Symbol.iterator]()
    const work = async () => {
      for (const [ref, count] of waiting) await this.#lookOnce(ref, count)
    }
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work))
  }

  /** As `all`, at most four times a second: what was not found a moment ago need not be looked for again. */
  async lately(): Promise<void> {
    if (Math.abs(this.#parts.nowMs() - this.#allMs) >= AGAIN_MS) await this.all()
  }

  async #look(ref: PatientRef, count: number): Promise<void> {
    const { store, records, nowMs } = this.#parts
    if (this.#complete.get(ref) === count || store.stampOf(ref) === String(count)) return
    // As many versions as the ledger has: this façade stored what is new.
    if (store.versionsOf(ref) >= count) {
      this.#complete.set(ref, count)
      return
    }
    const looked = this.#looked.get(ref)
    if (looked?.count === count && Math.abs(nowMs() - looked.timeMs) < AGAIN_MS) return
    const items = await records.list(ref)
    await this.#index(ref, items)
    this.#looked.set(ref, { count, timeMs: nowMs() })
    // The ledger hears of a version before it can be read: only when as many were seen, there is nothing to wait for.
    const seen = items.reduce((sum, { version }) => sum + version, 0)
    if (seen >= count) store.setStamp(ref, String(count))
  }

  async #index(patient: PatientRef, items: readonly RecordItem[]): Promise<void> {
    const { store, records, hidden } = this.#parts
    const changed: RecordItem[] = []
    for (const item of items) {
      const known = store.findRecord(item.record)
      const version = hidden.visible(item.record, item.version)
      if (item.erasedMs !== undefined) {
        if (known !== undefined) store.put({ ...known, gone: 'erased', values: {} })
        continue
      }
      if (version > (known?.version ?? 0)) changed.push(item)
    }
    // Oldest first: of two with the same id the first one has it.
    changed.sort((a, b) => a.storedMs - b.storedMs || (a.record < b.record ? -1 : 1))
    const answers = await records.readMany(changed.map(({ record }) => record))
    store.atOnce(() => {
      answers.forEach((answer, i) => {
        const { record, storedMs } = changed[i] as RecordItem
        // Refused one by one: this hospital may not read it, so that it is not there for its clients.
        if ('code' in answer) return
        this.put(patient, record, answer.version, storedMs, decodeUtf8(answer.ehr))
      })
    })
  }

  /** Puts a version that was read or stored into the index. */
  put(patient: PatientRef, record: RecordId, version: number, storedMs: number, text: string): ResourceRow {
    const { store } = this.#parts
    const resource = parseResource(text)
    const type = resource.resourceType
    const known = store.findRecord(record)
    const id = known?.type === type ? known.id : freeId(store, type, resource.id, record)
    const gone = known?.gone === 'deleted' && known.version >= version ? { gone: 'deleted' as const } : {}
    const row: ResourceRow = {
      type,
      id,
      patient,
      record,
      version,
      changedMs: storedMs,
      values: searchValuesOf(resource),
      ...gone,
    }
    if (known !== undefined && known.type !== type) store.remove(known.type, known.id)
    store.put(row)
    if (type === 'Patient') store.linkPatient(id, patient)
    return row
  }
}

/** The resource's own id, where no other record of this hospital has it. */
function freeId(store: FhirStore, type: string, id: string | undefined, record: RecordId): string {
  return id !== undefined && ID.test(id) && store.find(type, id) === undefined ? id : record
}
