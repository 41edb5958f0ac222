/**
 * Who stands behind a session, and what the ledger must say of it.
 *
 * @module
 */

export type ClientKind = 'patient' | 'practitioner' | 'organization' | 'auditor'

/** The proven identity of a session's client. */
export interface SessionClient {
  readonly kind: ClientKind
  /** Participant reference. */
  readonly ref: string
  /** Organisation whose CA vouches for the client; of a patient, the one of the hospital that issued the credential. */
  readonly mspId: string
  /** Thumbprint of the key that signed the finish. A patient's must be active in the policy of each decision (§8.2). */
  readonly kid: string
  /** A doctor whose certificate allows emergency access (§2.1). */
  readonly emergency: boolean
  /** Of a patient: the hospital that issued the credential. */
  readonly hospital?: string
}

/** A participant as the endorsed policy of its organisation shows it (docs/protocol/07-ledger.md §7.2). */
export interface ParticipantFacts {
  readonly isActive: boolean
  /** 65 bytes, the registered key. */
  readonly publicKey: Uint8Array
}

/** What the ledger says of one organisation; from an endorsed read, never from the host alone. */
export interface OrganizationFacts {
  readonly mspId: string
  /** Undefined for who is not registered. */
  findParticipant(ref: string): ParticipantFacts | undefined
  /** Serial numbers in the form of `Certificate.serialHex`. */
  readonly revokedSerials: ReadonlySet<string>
}
