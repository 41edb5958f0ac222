/**
 * What every participant who reads records can do. The four clients build on it.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { retainedVersionsShape } from '../../../shared/ledger-model/src/index.ts'
import {
  bool,
  bytes,
  list,
  optional,
  oneOf,
  struct,
  text,
  uint,
  type AttestationPolicy,
  type EvidenceResult,
  type Infer,
  type PatientRef,
  type RecordId,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import type { CommitmentCarrier } from './commitment-stream.ts'
import { ClientError, codeOf, type Retention } from './errors.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { RequestSigner } from './hospital-calls.ts'
import type { Identity } from './identity.ts'
import { readLedger, readServerRegistration } from './ledger-reader.ts'
import type { Clock, LedgerReader, Transport } from './ports.ts'
import { recordAnswerShape, recordItemsShape, type RecordAnswer, type RecordItem } from './record-answer.ts'
import { SecureSession } from './secure-session.ts'
import { SessionPool, type Session } from './session-pool.ts'
import { TreatmentKeyring } from './treatment-keyring.ts'
import { verifyErased, type ErasedReport } from './verify-erased.ts'
import { verifyRecord, type RecordReport, type VersionPlace } from './verify-record.ts'

/** Everything a client is made of. */
export interface ParticipantOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly identity: Identity
  /** The participant's own hospital service. */
  readonly hospital: HospitalApi
  /** How commitments reach the ledger; default: one request to the hospital for each signature. */
  readonly commitments?: CommitmentCarrier
  readonly ledger: LedgerReader
  /** The TEE server that keeps the records. */
  readonly serverRef: ServerRef
  readonly transport: Transport
  /** More ways to the same server: sessions are opened by each. */
  readonly furtherTransports?: readonly Transport[]
  /** What the client accepts as protected area. Nothing that weakens is on by default. */
  readonly policy: AttestationPolicy
}

export interface RecordSearch {
  readonly patient?: PatientRef
  readonly ehrType?: string
  readonly resourceType?: string
  /** Code, or system and code joined by `|`. */
  readonly code?: string
  /** Clinical date, Unix ms, both included. */
  readonly fromMs?: number
  readonly toMs?: number
  /** Words of the narrative. */
  readonly text?: string
  readonly limit?: number
  readonly cursor?: string
}

export interface RecordPage {
  readonly items: readonly RecordItem[]
  /** Give it back for the next page; absent at the end. */
  readonly cursor?: string
}

export interface ReadOptions {
  readonly version?: number
  /** HL7 v3 PurposeOfUse; default `TREAT`. */
  readonly purpose?: string
  /** The decision must know the ledger at least up to this block. */
  readonly minHeight?: number
  /** Hospitals only: for whom they ask; stands in the access log. */
  readonly by?: OnBehalf
}

const accessEntryShape = struct({
  index: uint(),
  timeMs: uint(),
  kind: text({ max: 32 }),
  actor: text({ max: 64 }),
  /** These are empty where the record server knows nothing. */
  actorName: text({ max: 256 }),
  place: text({ max: 256 }),
  purpose: text({ max: 16 }),
  permission: text({ max: 128 }),
  automatic: bool(),
  records: list(struct({ record: text({ max: 64 }), version: optional(uint({ min: 1 })) }), { max: 1_024 }),
  code: optional(text({ max: 64 })),
  by: optional(
    struct({
      kind: oneOf('person', 'app'),
      id: text({ max: 128 }),
      name: optional(text({ max: 128 })),
      app: optional(text({ max: 128 })),
    }),
  ),
})

/** For whom a hospital asks, by its own word (docs/protocol/08-access.md §8.3). */
export type OnBehalf = NonNullable<Infer<typeof accessEntryShape>['by']>

/** One line of the access log: who, when, where, why, under which permission, or refused with which code. */
export interface AccessEntry {
  readonly index: number
  readonly timeMs: number
  readonly kind: string
  readonly actor: string
  readonly actorName?: string
  readonly place?: string
  readonly purpose?: string
  readonly permission?: string
  /** A service asked, no person. */
  readonly automatic: boolean
  readonly records: readonly { readonly record: string; readonly version?: number }[]
  readonly code?: string
  /** For whom a hospital asked, as it said itself. */
  readonly by?: OnBehalf
}

const accessPageShape = struct({
  entries: list(accessEntryShape, { max: 1_000 }),
  cursor: optional(text({ max: 1_024 })),
})

const emergencyShape = struct({
  emergency: text({ max: 34 }),
  patient: text({ max: 34 }),
  actor: text({ max: 34 }),
  actorName: text({ max: 256 }),
  place: optional(text({ max: 256 })),
  reason: oneOf('unconscious', 'danger-to-life', 'danger-to-others', 'other'),
  text: text({ max: 2_048 }),
  openedMs: uint(),
  untilMs: uint(),
  closedMs: optional(uint()),
  open: bool(),
  logIndex: uint(),
})

/** An emergency access to one patient's records. */
export interface Emergency extends Omit<Infer<typeof emergencyShape>, 'actor' | 'actorName'> {
  readonly doctor: string
  readonly doctorName?: string
}

const versionsShape = struct({
  versions: list(
    struct({
      version: uint({ min: 1 }),
      author: text({ max: 34 }),
      ehrHash: bytes({ length: 32 }),
      storedMs: uint(),
      erasedMs: optional(uint()),
    }),
    { max: 65_536 },
  ),
})
/** @useDeclaredType */
export type RecordVersion = Infer<typeof versionsShape>['versions'][number]

const proofShape = struct({ proof: list(bytes({ length: 32 }), { max: 54 }) })

export class Participant {
  readonly options: ParticipantOptions
  /** The attested session; opened by the first request. */
  readonly session: Session
  readonly keyring: TreatmentKeyring

  constructor(options: ParticipantOptions) {
    this.options = options
    const { crypto, clock, transport, furtherTransports = [], identity, policy, ledger, serverRef, hospital } = options
    const findServer = () => readServerRegistration(ledger, serverRef)
    const sessionBy = (way: Transport) =>
      new SecureSession({ crypto, clock, transport: way, identity, policy, findServer })
    const ways = [transport, ...furtherTransports]
    this.session =
      ways.length === 1
        ? sessionBy(transport)
        : new SessionPool(
            ways.map((way, i) => ({ session: sessionBy(way), address: way.address ?? String(i) })),
            clock,
          )
    this.keyring = new TreatmentKeyring(crypto, hospital, identity)
  }

  get identity(): Identity {
    return this.options.identity
  }

  /** Signs this participant's requests to the hospital service. */
  get requestSigner(): RequestSigner {
    return { ref: this.identity.ref, signer: this.identity.signer }
  }

  /** What the record server proved when the session was opened. @throws {ClientError} `ATTESTATION_*` */
  evidence(): Promise<EvidenceResult> {
    return this.session.evidence()
  }

  /** Records of one patient, newest first. */
  async list(
    patient: PatientRef,
    page: { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<RecordPage> {
    return pageOf(await this.session.request('record.list', { patient, ...page }))
  }

  async search(search: RecordSearch): Promise<RecordPage> {
    return pageOf(await this.session.request('record.search', { ...search }))
  }

  /**
   * A record with everything to check it by. What comes back is not yet verified: see `verify`.
   * @throws {ClientError} `ACCESS_DENIED`, `WARRANT_*`, `GRANT_*`, `RECORD_ERASED` with the `marker`, `STATE_ROLLED_BACK`
   */
  async read(record: RecordId, options: ReadOptions = {}): Promise<RecordAnswer> {
    return recordAnswerShape(await this.session.request('record.read', { record, ...options }), 'record')
  }

  /** Runs the seven checks; reads the ledger by a way that does not pass the record server. */
  async verify(answer: RecordAnswer): Promise<RecordReport> {
    const { crypto, clock, ledger, serverRef, hospital, identity } = this.options
    return await verifyRecord(answer, {
      crypto,
      ledger,
      serverRef,
      nowMs: () => clock.nowMs(),
      evidence: await this.session.evidence(),
      findVersions: (record) => hospital.findRecord(this.requestSigner, record),
      consistencyProof: (from, to) => this.consistencyProof(from, to),
      ...(identity.kind === 'patient' ? { patient: identity.ref as PatientRef } : {}),
    })
  }

  /** What stays of an erased record, checked like a record. @returns undefined if the record is there. */
  async findErased(record: RecordId): Promise<ErasedReport | undefined> {
    const { crypto, clock, ledger, serverRef, identity } = this.options
    let refusal: unknown
    try {
      await this.read(record)
      return undefined
    } catch (error) {
      if (codeOf(error) !== 'RECORD_ERASED') throw error
      refusal = error
    }
    return await verifyErased(record, refusal instanceof ClientError ? refusal.marker : undefined, {
      crypto,
      ledger,
      serverRef,
      nowMs: () => clock.nowMs(),
      evidence: await this.session.evidence(),
      consistencyProof: (from, to) => this.consistencyProof(from, to),
      ...(identity.kind === 'patient' ? { patient: identity.ref as PatientRef } : {}),
    })
  }

  async versions(record: RecordId, options: Pick<ReadOptions, 'by'> = {}): Promise<readonly RecordVersion[]> {
    return versionsShape(await this.session.request('record.versions', { record, ...options }), 'versions').versions
  }

  /**
   * Who must keep what stands at these places of the ledger, of several the last; undefined: it may go. Not by the record
   * server's word, which asks for itself when something is erased.
   * @param places of versions of one record, 1 to 1,000.
   * @param organization only what this one must keep.
   */
  async retentionAt(
    places: readonly Omit<VersionPlace, 'version'>[],
    organization?: string,
  ): Promise<Retention | undefined> {
    const { ledger, clock } = this.options
    const args = [JSON.stringify(places.map(({ batchId, index }) => [batchId, index]))]
    const { value } = await readLedger(ledger, 'retainedUntil', args, retainedVersionsShape)
    let last: Retention | undefined
    for (const { mspId, untilMs = 0 } of value) {
      if (organization !== undefined && mspId !== organization) continue
      if (untilMs > Math.max(clock.nowMs(), last?.untilMs ?? 0)) last = { organization: mspId, untilMs }
    }
    return last
  }

  async accessLog(
    patient: PatientRef,
    page: { readonly cursor?: string; readonly limit?: number; readonly by?: OnBehalf } = {},
  ): Promise<{ readonly entries: readonly AccessEntry[]; readonly cursor?: string }> {
    const answer = accessPageShape(await this.session.request('access-log', { patient, ...page }), 'access log')
    const entries = answer.entries.map(accessEntryOf)
    return { entries, ...(answer.cursor === undefined ? {} : { cursor: answer.cursor }) }
  }

  async emergencies(patient?: PatientRef): Promise<readonly Emergency[]> {
    const answer = await this.session.request('emergency.list', patient === undefined ? {} : { patient })
    return struct({ items: list(emergencyShape, { max: 1_000 }) })(answer, 'emergencies').items.map(emergencyOf)
  }

  /** The newest signed checkpoint of the server's log. */
  async checkpoint(): Promise<string> {
    return struct({ checkpoint: text({ max: 65_536 }) })(await this.session.request('checkpoint'), 'answer').checkpoint
  }

  async consistencyProof(from: number, to: number): Promise<readonly Uint8Array[]> {
    if (from === to) return []
    return proofShape(await this.session.request('proof', { from, to }), 'proof').proof
  }

  close(): void {
    this.session.close()
  }
}

/** All pages, one item at a time. */
export async function* allItems(
  fetchPage: (cursor: string | undefined) => Promise<RecordPage>,
): AsyncGenerator<RecordItem, void, undefined> {
  let cursor: string | undefined
  do {
    const page = await fetchPage(cursor)
    yield* page.items
    cursor = page.cursor
  } while (cursor !== undefined)
}

function accessEntryOf(entry: Infer<typeof accessEntryShape>): AccessEntry {
  const { actorName, place, purpose, permission, ...rest } = entry
  return {
    ...rest,
    ...(actorName === '' ? {} : { actorName }),
    ...(place === '' ? {} : { place }),
    ...(purpose === '' ? {} : { purpose }),
    ...(permission === '' ? {} : { permission }),
  }
}

function emergencyOf({ actor, actorName, ...rest }: Infer<typeof emergencyShape>): Emergency {
  return { ...rest, doctor: actor, ...(actorName === '' ? {} : { doctorName: actorName }) }
}

function pageOf(answer: unknown): RecordPage {
  const { items, cursor } = recordItemsShape(answer, 'records')
  return { items, ...(cursor === undefined ? {} : { cursor }) }
}
