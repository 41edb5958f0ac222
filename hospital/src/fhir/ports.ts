/**
 * What the FHIR façade asks of the hospital around it. It knows no HTTP client, no key and no database file.
 *
 * @module
 */
import type { PreparedRecord } from '../../../clients/sdk/src/author.ts'
import type { Retention } from '../../../clients/sdk/src/errors.ts'
import type { AccessEntry, OnBehalf, RecordVersion } from '../../../clients/sdk/src/participant.ts'
import type { RecordAnswer, RecordItem } from '../../../clients/sdk/src/record-answer.ts'
import type { RecordReport } from '../../../clients/sdk/src/verify-record.ts'
import type { ErrorCode, PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'

/** Who asks, as a token or a signed request proved it. */
export interface FhirActor {
  readonly kind: 'system' | 'practitioner' | 'patient' | 'staff'
  /** Client id, `d-…`, `p-…` or the id of a member of staff. */
  readonly id: string
  readonly name?: string
  /** SMART v2. */
  readonly scopes: readonly string[]
  /** The patient in context. */
  readonly patient?: PatientRef
  readonly clientId?: string
}

/**
 * Whom the record server's log names beside this hospital: the person who asks, or an app that asks for nobody.
 * `undefined` for the hospital's own service, which the log names already.
 */
export function onBehalfOf({ kind, id, name, clientId }: FhirActor): OnBehalf | undefined {
  const known = name === undefined || name === '' ? {} : { name }
  if (kind === 'system') return { kind: 'app', id: clientId ?? id, ...known }
  if (id.startsWith('h-')) return undefined
  return { kind: 'person', id, ...known, ...(clientId === undefined ? {} : { app: clientId }) }
}

export type Interaction = 'c' | 'r' | 'u' | 'd' | 's'

export interface Allowance {
  readonly reach: 'all' | 'own'
  readonly query?: string
}

export interface FhirAccess {
  /** @throws {ProtocolError} `REQUEST_REJECTED` */
  authorize(request: {
    readonly authorization?: string
    readonly method: string
    readonly path: string
    readonly body: Uint8Array
  }): Promise<FhirActor>
  /** What the scopes allow together: `own`, the patient in context only; `query`, what fits this search only. */
  may(actor: FhirActor, interaction: Interaction, type: string): readonly Allowance[]
  mayTreat(practitioner: string, patient: PatientRef): boolean
}

/** A record to store; the store decides when it is durable. */
export interface RecordToStore {
  readonly patient: PatientRef
  /** UTF-8 of the resource: these bytes are signed. */
  readonly ehr: Uint8Array
  readonly corrects?: { readonly record: RecordId; readonly version: number; readonly ehrHash: Uint8Array }
}

export interface StoredVersion {
  readonly record: RecordId
  readonly version: number
  /** When the trusted application stored it. */
  readonly storedMs: number
  /** JWS (protocol §4.5). */
  readonly receipt: string
}

export type Refused = { readonly code: ErrorCode }

/** In the hospital's outbox, encrypted, because `away` does not answer; delivered when it does. */
export type Kept = { readonly kept: true; readonly record: RecordId; readonly away: ErrorCode }

/**
 * The hospital's own attested session with the record server. What is refused there is refused here. `by` goes into its
 * log; without it the hospital's programs ask by themselves.
 */
export interface Records {
  /** How many versions of records the ledger has of each patient, in order: more when there is something new. */
  counts(patients: readonly PatientRef[]): Promise<readonly number[]>
  /** Every record of the patient that the hospital may read; complete. */
  list(patient: PatientRef): Promise<readonly RecordItem[]>
  /** @throws `RECORD_ERASED`, `ACCESS_DENIED`, … */
  read(record: RecordId, version?: number, by?: OnBehalf): Promise<RecordAnswer>
  readMany(records: readonly RecordId[], by?: OnBehalf): Promise<readonly (RecordAnswer | Refused)[]>
  versions(record: RecordId, by?: OnBehalf): Promise<readonly RecordVersion[]>
  /** Stores one record, which is left in the outbox while the record server or the ledger is away. */
  storeOrKeep(record: RecordToStore): Promise<StoredVersion | Kept>
  /** Signed and encrypted; nothing leaves the hospital. @throws `WARRANT_UNKNOWN` when a patient has not allowed the hospital to store. */
  prepare(records: readonly RecordToStore[]): Promise<readonly PreparedRecord[]>
  /** At most 256, as one signed batch; the same again stores nothing twice. One outcome for each, in order. */
  send(prepared: readonly PreparedRecord[]): Promise<readonly (StoredVersion | Refused)[]>
  /** Until when this hospital's organisation must keep the record, by the ledger; undefined: it need not. */
  retention(record: RecordId): Promise<Retention | undefined>
  /** Runs the seven checks against the ledger. */
  verify(answer: RecordAnswer): Promise<RecordReport>
  /** Newest first. */
  accessLog(
    patient: PatientRef,
    page: { readonly cursor?: string; readonly limit?: number; readonly by?: OnBehalf },
  ): Promise<{ readonly entries: readonly AccessEntry[]; readonly cursor?: string }>
}

/** Records, to those who only read them. */
export type ReadableRecords = Omit<Records, 'prepare' | 'retention' | 'send' | 'storeOrKeep'>

export interface KnownPatient {
  readonly ref: PatientRef
  readonly name: string
  readonly birthDate?: string
  readonly contact?: string
  readonly registeredMs: number
}

export interface KnownPractitioner {
  readonly ref: string
  readonly name: string
  readonly department: string
  readonly registeredMs: number
}

/** The hospital's own people. */
export interface Directory {
  readonly hospital: { readonly ref: string; readonly name: string; readonly mspId: string }
  patients(): readonly KnownPatient[]
  findPatient(ref: string): KnownPatient | undefined
  practitioners(): readonly KnownPractitioner[]
  /** A registration code for somebody who has no key here yet. */
  invite(person: { readonly name: string; readonly birthDate?: string; readonly contact?: string }): {
    readonly code: string
    readonly expiresMs: number
  }
  /** Who registered with the code. */
  registeredWith(code: string): PatientRef | undefined
}

/** A permission of a patient, as its text and the ledger say. */
export interface Permission {
  readonly jti: string
  readonly kind: 'warrant' | 'grant'
  readonly patient: PatientRef
  readonly parties: readonly string[]
  readonly hospital?: string
  readonly scope: readonly string[]
  readonly fromMs: number
  readonly untilMs: number
  readonly purpose?: string
  readonly aux?: string
  /** Only these; empty: every record that kinds and dates allow. */
  readonly records: readonly RecordId[]
  /** Kept back, although kinds and dates would allow them. */
  readonly except: readonly RecordId[]
  /** First and last moment of the clinical date; absent: open. */
  readonly datesFromMs?: number
  readonly datesToMs?: number
  /** Of the parties: those to whom the ledger's sanctions leave nothing of this permission. */
  readonly suspended: readonly string[]
  readonly revokedMs?: number
  readonly recordedMs?: number
}

export interface Permissions {
  of(patient: PatientRef): Promise<readonly Permission[]>
}
