/**
 * Writing: everything is decided before anything is stored. What names a patient becomes a record under the hospital's
 * registration warrant, signed by the hospital and committed to the ledger; what names none stays in the hospital's own
 * store. Deleting takes a resource out of this API; destroying a record needs the patient's own key, so that by policy
 * (`fhirDelete`) a hospital only withdraws, also asks the patient to erase, or deletes no records at all.
 *
 * @module
 */
import { codeOf } from '../../../clients/sdk/src/errors.ts'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { FhirError, parseResource, RESOURCE_LIMITS, type FhirResource } from '../../../shared/fhir/src/index.ts'
import type { PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import type { Candidate, View } from './candidate.ts'
import type { EraseRequest, EraseRequests } from './erase-requests.ts'
import { isPersonal, patientOf } from './compartment.ts'
import { FhirRequestError } from './errors.ts'
import type { HiddenVersions } from './hidden-versions.ts'
import { notFound, type Library } from './library.ts'
import type { PatientIds } from './patients.ts'
import { onBehalfOf, type FhirActor, type Kept, type Records, type RecordToStore, type StoredVersion } from './ports.ts'
import { MAX_BODY_BYTES } from './limits.ts'
import { withId } from './resource-text.ts'
import { searchValuesOf } from './search-values.ts'
import type { Sight } from './sight.ts'
import type { FhirStore, ResourceRow } from './store.ts'
import type { Sync } from './sync.ts'
import type { TransactionPlan, TransactionResults } from './transaction-journal.ts'

/** What DELETE does to a record: see docs/fhir.md. */
export type DeletePolicy = 'withdraw' | 'request-erase' | 'refuse'

export interface WriterParts {
  readonly deletePolicy: DeletePolicy
  readonly eraseRequests: EraseRequests
  readonly store: FhirStore
  /** Sees hidden versions, too. */
  readonly records: Records
  readonly hidden: HiddenVersions
  readonly sync: Sync
  readonly ids: PatientIds
  readonly library: Library
  readonly views: readonly View[]
  readonly base: string
  readonly nowMs: () => number
  readonly newId: () => string
  /** Looks at a Consent that asks for a permission here. @returns whether it is one. */
  readonly checkConsent: (resource: FhirResource) => boolean
}

export interface WriteRequest {
  readonly type: string
  /** Absent: the server gives one. */
  readonly id?: string
  readonly text: string
  /** The id that the server has given it already: a new resource of a transaction. */
  readonly assignedId?: string
  /** Version that If-Match names. */
  readonly ifMatch?: string
  /** Whose record it is, where the resource cannot say (`X-TrustHealth-Patient`). */
  readonly patient?: PatientRef
}

/** A write that was checked. */
export interface PlannedWrite {
  readonly type: string
  readonly id: string
  /** Who asks for it: id of a person, client or system. */
  readonly enterer: string
  readonly isNew: boolean
  readonly text: string
  readonly resource: FhirResource
  readonly patient?: PatientRef
  /** Kept in the hospital's store. */
  readonly isLocal: boolean
  readonly existing?: ResourceRow
  readonly corrects?: NonNullable<RecordToStore['corrects']>
}

export class Writer {
  readonly #parts: WriterParts

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  newId(): string {
    return this.#parts.newId()
  }

  /** @throws {FhirRequestError} everything that can be known before it is stored. */
  async plan(actor: FhirActor, request: WriteRequest): Promise<PlannedWrite> {
    const { library } = this.#parts
    const { type } = request
    const resource = read(request.text)
    if (resource.resourceType !== type) {
      throw new FhirRequestError('FHIR_ID_MISMATCH', {
        detail: `the body is a ${resource.resourceType}`,
        expression: ['resourceType'],
      })
    }
    const id = request.id ?? request.assignedId ?? this.#parts.newId()
    if (request.id !== undefined && resource.id !== id) {
      throw new FhirRequestError('FHIR_ID_MISMATCH', {
        detail: `the body needs "id": "${id}"`,
        expression: [`${type}.id`],
      })
    }
    const found = request.id === undefined ? undefined : await library.find(actor, type, id)
    const sight = library.sight(actor, found === undefined ? 'c' : 'u', type)
    const existing = this.#existingOf(type, id, found, sight)
    const isConsentHere = type === 'Consent' && this.#parts.checkConsent(resource)
    const isLocal = isConsentHere || (existing === undefined ? undefined : existing.record === undefined)
    const patient = this.#patientFor(request, resource)
    const keepsLocal =
      isLocal === true ||
      patient === undefined ||
      (type === 'Patient' && request.patient === undefined && existing?.record === undefined)
    // What one record may have is less, and whose it is was not known before.
    if (!keepsLocal && Buffer.byteLength(request.text) > RESOURCE_LIMITS.maxBytes) {
      throw new FhirRequestError('FHIR_TOO_LARGE', { detail: 'the record of a patient has at most 4 MiB' })
    }
    checkMove(existing, patient, keepsLocal)
    if (!sight.reaches(patient)) throw notFound(type, id)
    const written = { type, id, changedMs: this.#parts.nowMs(), ...(patient === undefined ? {} : { patient }) }
    if (sight.asksContent && !sight.sees({ ...written, values: searchValuesOf(resource) })) {
      throw new FhirRequestError('FHIR_FORBIDDEN', { detail: 'the resource does not fit the query of the scope' })
    }
    const version = await this.#checkVersion(actor, existing, request.ifMatch)
    const text = request.id === undefined ? withId(request.text, id) : request.text
    return {
      type,
      id,
      enterer: actor.id,
      isNew: existing === undefined || existing.gone !== undefined,
      text,
      resource,
      isLocal: keepsLocal,
      ...(patient === undefined ? {} : { patient }),
      ...(existing === undefined ? {} : { existing }),
      ...(version === undefined ? {} : { corrects: version }),
    }
  }

  /**
   * What was planned and is stored, into the index and the hospital's own store; the caller holds its transaction.
   * @param stored of the writes that are not local, in order.
   */
  apply(plan: TransactionPlan, stored: readonly StoredVersion[]): TransactionResults {
    let next = 0
    const rows = plan.writes.map((write) => {
      const { type, id, version, changedMs } = write.isLocal
        ? this.#putLocal({ ...write, resource: read(write.text) })
        : this.#note(write, stored[next++] as StoredVersion)
      return { type, id, version, changedMs }
    })
    return { rows, asked: plan.deletes.map((row) => this.#remove(row, plan)?.id ?? null) }
  }

  /** Stores one, which is left in the outbox while the record server or the ledger is away. */
  async commitOrKeep(plan: PlannedWrite): Promise<{ readonly row: ResourceRow } | Kept> {
    if (plan.isLocal) return { row: this.#putLocal(plan) }
    const outcome = await this.asking(() => this.#parts.records.storeOrKeep(recordOf(plan)))
    if ('kept' in outcome) return outcome
    return { row: await this.#parts.store.together(() => this.#note(plan, outcome)) }
  }

  /** @throws {FhirRequestError} everything that speaks against a deletion. @returns `undefined`: it is gone already. */
  async planDelete(actor: FhirActor, type: string, id: string, ifMatch?: string): Promise<ResourceRow | undefined> {
    const { library, deletePolicy } = this.#parts
    const { row } = await library.get(actor, 'd', type, id)
    if (row === undefined) throw readOnly(type, id)
    if (row.gone !== undefined) return undefined
    if (ifMatch !== undefined && ifMatch !== String(row.version)) throw conflict(row.version)
    if (row.record !== undefined && deletePolicy === 'refuse') throw new FhirRequestError('FHIR_DELETE_REFUSED')
    if (row.record !== undefined && deletePolicy === 'request-erase') await this.#requireFree(row.record)
    return row
  }

  /** The patient is not asked for what the record server would refuse. @throws {FhirRequestError} `RETENTION_APPLIES` */
  async #requireFree(record: RecordId): Promise<void> {
    const retention = await this.#parts.records.retention(record)
    if (retention === undefined) return
    const until = new Date(retention.untilMs).toISOString()
    throw new FhirRequestError('RETENTION_APPLIES', { detail: `${retention.organization} must keep it until ${until}` })
  }

  /** @returns the request to the patient, where the policy makes one. */
  async delete(
    actor: FhirActor,
    type: string,
    id: string,
    { ifMatch, reason }: { readonly ifMatch?: string; readonly reason?: string } = {},
  ): Promise<EraseRequest | undefined> {
    const row = await this.planDelete(actor, type, id, ifMatch)
    if (row === undefined) return undefined
    const by = { id: actor.id, ...(actor.name === undefined ? {} : { name: actor.name }) }
    let asked: EraseRequest | undefined
    this.#parts.store.atOnce(() => {
      asked = this.#remove(row, { by, ...(reason === undefined ? {} : { reason }) })
    })
    return asked
  }

  #remove(row: ResourceRow, { by, reason }: Pick<TransactionPlan, 'by' | 'reason'>): EraseRequest | undefined {
    const { eraseRequests, deletePolicy } = this.#parts
    const { record, patient } = row
    this.#withdraw(row)
    if (record === undefined || patient === undefined || deletePolicy !== 'request-erase') return undefined
    return eraseRequests.ask({ ...row, record, patient }, { ...by, ...(reason === undefined ? {} : { reason }) })
  }

  /** Takes a resource out of this API. */
  #withdraw(row: ResourceRow): void {
    const { store, nowMs } = this.#parts
    const deleted = { ...row, gone: 'deleted' as const, changedMs: nowMs(), values: {} }
    if (row.record === undefined) store.putLocal({ ...deleted, version: row.version + 1 }, '')
    else store.put(deleted)
  }

  #note(
    plan: Pick<PlannedWrite, 'type' | 'id' | 'enterer' | 'text' | 'patient' | 'existing'>,
    { record, version, storedMs, receipt }: StoredVersion,
  ): ResourceRow {
    const { store, sync, eraseRequests } = this.#parts
    store.putReceipt(record, version, receipt, plan.enterer)
    const replaced = plan.existing?.record
    if (replaced !== undefined) eraseRequests.settle(replaced)
    // Erased before: the name goes to the new record.
    if (plan.existing?.gone === 'erased') store.remove(plan.type, plan.id)
    return sync.put(plan.patient as PatientRef, record, version, storedMs, plan.text)
  }

  /** Work that needs permissions of patients. @throws {FhirRequestError} `FHIR_PERMISSION_MISSING` */
  async asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== 'WARRANT_UNKNOWN') throw error
      throw new FhirRequestError('FHIR_PERMISSION_MISSING', { cause: error })
    }
  }

  #putLocal({
    type,
    id,
    text,
    resource,
    patient,
    existing,
  }: Pick<PlannedWrite, 'type' | 'id' | 'text' | 'resource' | 'patient' | 'existing'>): ResourceRow {
    const { store, nowMs } = this.#parts
    const row: ResourceRow = {
      type,
      id,
      version: (existing?.version ?? 0) + 1,
      changedMs: nowMs(),
      values: searchValuesOf(resource),
      ...(patient === undefined || type === 'Patient' ? {} : { patient }),
    }
    store.putLocal(row, text)
    if (type === 'Patient') store.linkPatient(id, patient)
    return row
  }

  #existingOf(type: string, id: string, found: Candidate | undefined, sight: Sight): ResourceRow | undefined {
    if (found !== undefined) {
      // Somebody else's: as if it were not there, and the id is not free.
      if (!sight.sees(found)) throw notFound(type, id)
      // What the hospital's registry says of a patient may be said better.
      if (found.row === undefined && type !== 'Patient') throw readOnly(type, id)
      return found.row
    }
    for (const view of this.#parts.views) {
      if (view.type === type && RESERVED_ID.test(id)) throw readOnly(type, id)
    }
    return undefined
  }

  #patientFor(request: WriteRequest, resource: FhirResource): PatientRef | undefined {
    const { ids, base } = this.#parts
    if (request.patient !== undefined && isPersonal(request.type)) return request.patient
    if (request.type === 'Patient') return request.id === undefined ? undefined : ids.resolve(request.id)
    return patientOf(resource, request.text, ids, base)
  }

  /** @returns what a new version corrects. */
  async #checkVersion(
    actor: FhirActor,
    existing: ResourceRow | undefined,
    ifMatch: string | undefined,
  ): Promise<PlannedWrite['corrects'] | undefined> {
    if (existing === undefined || existing.gone === 'erased') {
      if (ifMatch !== undefined) throw conflict(undefined)
      return undefined
    }
    const { record } = existing
    const newest =
      record === undefined ? undefined : (await this.#parts.records.versions(record, onBehalfOf(actor))).at(-1)
    // A version that is hidden has been corrected, too; clients know of the one before it.
    const shown = record === undefined || newest === undefined ? 0 : this.#parts.hidden.visible(record, newest.version)
    const version = newest === undefined ? existing.version : shown
    if (ifMatch !== undefined && (ifMatch !== String(version) || existing.gone !== undefined)) throw conflict(version)
    if (newest === undefined || record === undefined) return undefined
    return { record, version: newest.version, ehrHash: newest.ehrHash }
  }
}

export function recordOf({ patient, text, corrects }: PlannedWrite): RecordToStore {
  return { patient: patient as PatientRef, ehr: encodeUtf8(text), ...(corrects === undefined ? {} : { corrects }) }
}

/** Ids that views give. */
const RESERVED_ID = /^(?:[a-z]-[0-9a-f]{32}(?:\.\d+)?|log-\d+)$/

function checkMove(existing: ResourceRow | undefined, patient: PatientRef | undefined, isLocal: boolean): void {
  if (existing === undefined || existing.gone === 'erased') return
  const isSame = existing.record === undefined ? isLocal : existing.patient === patient
  if (!isSame) {
    throw new FhirRequestError('FHIR_ID_MISMATCH', {
      detail: 'a resource cannot become the record of another patient, or of nobody; delete it and create another',
    })
  }
}

function read(text: string): FhirResource {
  try {
    return parseResource(text, { maxBytes: MAX_BODY_BYTES })
  } catch (error) {
    // The address has a type of R4; the body has none.
    if (error instanceof FhirError && error.code === 'FHIR_UNKNOWN_RESOURCE_TYPE') {
      const detail = 'the body has no resourceType of FHIR R4'
      throw new FhirRequestError('FHIR_ID_MISMATCH', { detail, expression: ['resourceType'], cause: error })
    }
    if (error instanceof FhirError) throw new FhirRequestError(error.code)
    throw error
  }
}

function readOnly(type: string, id: string): FhirRequestError {
  return new FhirRequestError('FHIR_NOT_SUPPORTED', {
    detail: `${type}/${id} is made by the server and cannot be written`,
  })
}

function conflict(version: number | undefined): FhirRequestError {
  return new FhirRequestError('FHIR_VERSION_CONFLICT', {
    detail: version === undefined ? 'there is no such resource yet' : `the newest version is W/"${version}"`,
  })
}
