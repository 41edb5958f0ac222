/**
 * What a decision may ask of the ledger, and the answers to it. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import type {
  CheckpointRecord,
  CommitmentLeaf,
  CommitmentRecord,
  OrganizationPolicy,
  PatientPolicy,
  ProgramRecord,
  RetainedVersion,
  SuccessionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'

/** Where a host says that a commitment is. */
export interface CommitmentPlace {
  readonly batchId: string
  readonly index: number
}

/** What one request needs to know. All parts may be absent. */
export interface FactNeeds {
  readonly patients?: readonly string[]
  /** Organisations, for credentials and suspensions: an answer up to `ORGANIZATION_CACHE_MS` old will do. */
  readonly organizations?: readonly string[]
  /** Organisations are asked again, whatever is remembered of them. */
  readonly fresh?: boolean
  readonly commitments?: readonly CommitmentPlace[]
  /** The same, where the digests are enough. */
  readonly leaves?: readonly CommitmentPlace[]
  /** Until when what stands there must be kept. */
  readonly retained?: readonly CommitmentPlace[]
  /** The newest anchored checkpoint of this server. */
  readonly checkpointOf?: string
  /** Votes for a program, by its measurement (hex). */
  readonly program?: string
  /** The answers must reflect this block. */
  readonly minHeight?: number
}

/** Endorsed answers, all of them agreed on by a quorum. */
export class Facts {
  /** Newest ledger time among the answers, Unix ms: what ends, ends by it. */
  readonly timeMs: number
  /** Time that a whole quorum has reached, Unix ms, the same or older: what begins, begins by it. */
  readonly reachedMs: number
  /** Every answer reflects at least this block. */
  readonly height: number
  readonly #patients: ReadonlyMap<string, PatientPolicy>
  readonly #organizations: ReadonlyMap<string, OrganizationPolicy>
  readonly #commitments: ReadonlyMap<string, CommitmentRecord>
  readonly #leaves: ReadonlyMap<string, CommitmentLeaf>
  readonly #retained: ReadonlyMap<string, RetainedVersion>
  /** Undefined: this server has not anchored one. */
  readonly checkpoint: CheckpointRecord | undefined
  readonly #program: ProgramRecord | undefined
  /** Votes for who holds this server's store; undefined if all of this was remembered. */
  readonly succession: SuccessionRecord | undefined

  constructor(parts: {
    readonly timeMs: number
    readonly reachedMs: number
    readonly height: number
    readonly patients?: ReadonlyMap<string, PatientPolicy>
    readonly organizations?: ReadonlyMap<string, OrganizationPolicy>
    readonly commitments?: ReadonlyMap<string, CommitmentRecord>
    readonly leaves?: ReadonlyMap<string, CommitmentLeaf>
    readonly retained?: ReadonlyMap<string, RetainedVersion>
    readonly checkpoint?: CheckpointRecord | undefined
    readonly program?: ProgramRecord | undefined
    readonly succession?: SuccessionRecord | undefined
  }) {
    this.timeMs = parts.timeMs
    this.reachedMs = parts.reachedMs
    this.height = parts.height
    this.#patients = parts.patients ?? new Map()
    this.#organizations = parts.organizations ?? new Map()
    this.#commitments = parts.commitments ?? new Map()
    this.#leaves = parts.leaves ?? new Map()
    this.#retained = parts.retained ?? new Map()
    this.checkpoint = parts.checkpoint
    this.#program = parts.program
    this.succession = parts.succession
  }

  /** @throws {TrustedApplicationError} `ACCESS_DENIED`: absence refuses. */
  policyOf(patient: string): PatientPolicy {
    const policy = this.#patients.get(patient)
    if (policy === undefined) throw new TrustedApplicationError('ACCESS_DENIED')
    return policy
  }

  hasPolicyOf(patient: string): boolean {
    return this.#patients.has(patient)
  }

  /** @throws {TrustedApplicationError} `ORGANIZATION_UNKNOWN` */
  organization(mspId: string): OrganizationPolicy {
    const policy = this.#organizations.get(mspId)
    if (policy === undefined) throw new TrustedApplicationError('ORGANIZATION_UNKNOWN')
    return policy
  }

  findOrganization(mspId: string): OrganizationPolicy | undefined {
    return this.#organizations.get(mspId)
  }

  organizations(): Iterable<OrganizationPolicy> {
    return this.#organizations.values()
  }

  findCommitment(place: CommitmentPlace): CommitmentRecord | undefined {
    return this.#commitments.get(placeName(place))
  }

  /** Votes for the program with this measurement, if it was asked for. */
  findProgram(measurement: string): ProgramRecord | undefined {
    return this.#program?.measurement === measurement ? this.#program : undefined
  }

  findLeaf(place: CommitmentPlace): CommitmentLeaf | undefined {
    return this.#leaves.get(placeName(place))
  }

  /** Undefined: it was not asked for, which is not the same as nobody having to keep it. */
  findRetained(place: CommitmentPlace): RetainedVersion | undefined {
    return this.#retained.get(placeName(place))
  }
}

export function placeName({ batchId, index }: CommitmentPlace): string {
  return `${batchId}:${index}`
}
