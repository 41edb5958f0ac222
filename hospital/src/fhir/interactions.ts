/**
 * What the interactions of FHIR are made of: a request, an answer, the parts of the service, and what of it the parts use.
 *
 * @module
 */
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Library } from './library.ts'
import type { PatientIds } from './patients.ts'
import type { Directory, FhirActor, ReadableRecords } from './ports.ts'
import type { Searcher } from './search.ts'
import type { FhirStore } from './store.ts'
import type { WrittenName } from './transaction-journal.ts'
import type { Transactions } from './transactions.ts'
import type { Validation } from './validation.ts'
import type { PlannedWrite, Writer } from './writer.ts'

export interface FhirRequest {
  readonly actor: FhirActor
  readonly method: string
  /** Below the base, with the query: `Observation?code=1`. */
  readonly path: string
  readonly text?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly ifNoneExist?: string
  readonly isStrict?: boolean
  /** `X-TrustHealth-Patient`: whose record it is, as `Patient/id` or an id. */
  readonly patient?: string
  /** `X-TrustHealth-Reason`: why something is deleted, for the patient. */
  readonly reason?: string
  readonly returns?: 'minimal' | 'representation' | 'OperationOutcome'
}

export interface FhirResponse {
  readonly status: number
  readonly text?: string
  readonly version?: {
    readonly type: string
    readonly id: string
    readonly versionId: string
    readonly changedMs: number
  }
  /** Where a new resource is. */
  readonly location?: string
}

export interface FhirServiceParts {
  readonly library: Library
  readonly writer: Writer
  readonly transactions: Transactions
  readonly searcher: Searcher
  readonly store: FhirStore
  readonly ids: PatientIds
  readonly records: ReadableRecords
  readonly directory: Directory
  readonly base: string
  readonly validation: Validation
  readonly capability: () => string
}

/** The service, as Bundles use it. */
export interface Interactions {
  readonly parts: FhirServiceParts
  handle(request: FhirRequest): Promise<FhirResponse>
  /** Alone with what the keys name. @throws {FhirRequestError} `FHIR_TRANSACTION_UNDER_WAY` */
  locked<T>(keys: readonly string[], work: () => Promise<T>): Promise<T>
  /** Ids that a condition fits. */
  matchesOf(request: FhirRequest, type: string, query: Iterable<readonly [string, string]>): Promise<readonly string[]>
  /** The patient of the header. */
  patientOf(request: Pick<FhirRequest, 'patient'>): PatientRef | undefined
  /** The answer to a write. */
  written(request: FhirRequest, plan: Pick<PlannedWrite, 'isNew' | 'text'>, row: WrittenName): FhirResponse
  /** The answer to a delete. @param asked the request to the patient, where one was made. */
  deleted(asked: string | undefined): FhirResponse
}

/** The version that an ETag names: `W/"3"` or `"3"`; other clients send it bare. */
export function versionOfEtag(etag: string): string {
  return /^(?:W\/)?"?([^"]*)"?$/.exec(etag.trim())?.[1] ?? etag
}

export function etagOf(versionId: string): string {
  return `W/"${versionId}"`
}
