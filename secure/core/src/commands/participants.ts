/**
 * What the ledger says of a session's client at the moment of a decision.
 *
 * @module
 */
import { decodeBase64url, type Crypto } from '../../../../shared/crypto/src/index.ts'
import type { OrganizationPolicy, ParticipantRecord } from '../../../../shared/ledger-model/src/index.ts'
import { kidOf, type HospitalRef } from '../../../../shared/protocol/src/index.ts'
import type { Actor } from '../access/decide.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Facts } from '../facts/queries.ts'
import type { SessionClient } from '../sessions/index.ts'

interface OrganizationIndex {
  readonly participants: ReadonlyMap<string, ParticipantRecord>
  readonly revoked: ReadonlySet<string>
  /** Active hospitals of the organisation. */
  readonly hospitals: readonly HospitalRef[]
}

/** Made once for each answer of the ledger. */
const INDEXES = new WeakMap<OrganizationPolicy, OrganizationIndex>()
const KIDS = new WeakMap<ParticipantRecord, string>()

export function indexOf(policy: OrganizationPolicy): OrganizationIndex {
  const known = INDEXES.get(policy)
  if (known !== undefined) return known
  const index = {
    participants: new Map(policy.participants.map((participant) => [participant.ref as string, participant])),
    revoked: new Set(policy.revokedSerials),
    hospitals: policy.participants
      .filter(({ kind, status }) => kind === 'hospital' && status === 'active')
      .map(({ ref }) => ref as HospitalRef),
  }
  INDEXES.set(policy, index)
  return index
}

/**
 * The client of a session as a participant: registered, not suspended, with the key that opened the session, and its
 * certificate not revoked. A patient is checked with the patient's own policy (access/decide.ts).
 *
 * @throws {TrustedApplicationError} `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED`, `CREDENTIAL_REJECTED`
 */
export function actorOf(crypto: Crypto, client: SessionClient, facts: Facts): Actor {
  const { kind, ref, mspId, kid } = client
  if (kind === 'patient') return { kind, ref, mspId, kid, hospitals: [] }
  const { participants, revoked, hospitals } = indexOf(facts.organization(mspId))
  const participant = participants.get(ref)
  if (participant === undefined) throw new TrustedApplicationError('PARTICIPANT_UNKNOWN')
  if (participant.status !== 'active') throw new TrustedApplicationError('PARTICIPANT_SUSPENDED')
  if (revoked.has(participant.certSerial) || kidOfParticipant(crypto, participant) !== kid) {
    throw new TrustedApplicationError('CREDENTIAL_REJECTED')
  }
  return { kind, ref, mspId, kid, hospitals: kind === 'organization' ? [ref] : hospitals }
}

function kidOfParticipant(crypto: Crypto, participant: ParticipantRecord): string {
  let kid = KIDS.get(participant)
  if (kid === undefined) {
    kid = kidOf(crypto, decodeBase64url(participant.publicKey))
    KIDS.set(participant, kid)
  }
  return kid
}
