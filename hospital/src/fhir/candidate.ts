/**
 * A resource that a search may answer, wherever its text is.
 *
 * @module
 */
import type { OnBehalf } from '../../../clients/sdk/src/participant.ts'
import type { PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import type { SearchValues } from './search-values.ts'
import type { ResourceRow } from './store.ts'

export interface Candidate {
  readonly type: string
  readonly id: string
  readonly versionId: string
  readonly changedMs: number
  readonly patient?: PatientRef
  readonly values: SearchValues
  /** Made here out of what the hospital or the record server knows; nobody writes it. */
  readonly text?: string
  /** Kept as a record or in the hospital's store. */
  readonly row?: ResourceRow
}

/** What a search asks about a resource. */
export type Searchable = Pick<Candidate, 'type' | 'id' | 'changedMs' | 'patient' | 'values'>

/** What a list of a view is about; a view may ask for one of them. */
export interface ViewQuery {
  readonly patient?: PatientRef
  /** Ids that the answer is limited to. */
  readonly ids?: readonly string[]
  /** `Type/id` of resources that it must be about. */
  readonly targets?: readonly string[]
  /** For whom the record server is asked. */
  readonly by?: OnBehalf
}

/** Resources of one type that are made when they are asked for. */
export interface View {
  readonly type: string
  /** `undefined`: the id is none of this view's. */
  find(id: string, by?: OnBehalf): Promise<Candidate | undefined>
  list(query: ViewQuery): Promise<readonly Candidate[]>
}

export interface RecordVersionName {
  readonly record: RecordId
  readonly version: number
}

/** `r-….3`: one version of a record, as an id of FHIR. */
export function formatVersionName({ record, version }: RecordVersionName): string {
  return `${record}.${version}`
}

export function parseVersionName(id: string): RecordVersionName | undefined {
  const match = /^(r-[0-9a-f]{32})\.([1-9]\d{0,8})$/.exec(id)
  return match === null ? undefined : { record: match[1] as RecordId, version: Number(match[2]) }
}
