/**
 * From the credential of a finish to a proven identity, as far as it can be told without the ledger: who vouches, who
 * is meant, with which key. Spec: docs/protocol/05-sessions.md §5.6, 02-registration.md §2.1, §2.2.
 *
 * @module
 */
import type { Certificate, Crypto, VerifyingKey } from '../../../../shared/crypto/src/index.ts'
import { EMERGENCY_ATTRIBUTE, parseRef, roleOf, type Role } from '../../../../shared/ledger-model/src/member.ts'
import {
  checkCredential as checkPatientCredential,
  parseCredential,
} from '../../../../shared/protocol/src/credential.ts'
import type { HospitalRef } from '../../../../shared/protocol/src/ids.ts'
import { kidOf } from '../../../../shared/protocol/src/jws.ts'
import type {
  FinishContent,
  PatientCredential,
  X509Credential,
} from '../../../../shared/protocol/src/session/messages.ts'
import { credentialRejected, type CertificateChains } from './chains.ts'
import type { ClientKind, SessionClient } from './client.ts'

/** A credential whose signatures are good, and what the ledger must confirm of it. */
export interface CheckedCredential {
  readonly client: SessionClient
  /** The key that must have signed the finish. */
  readonly key: VerifyingKey
  /** Who must be an active participant: the client, or the hospital that vouches for a patient. */
  readonly participant: string
  /** 65 bytes, the key under which that participant must be registered. */
  readonly participantKey: Uint8Array
  /** Serial numbers of the certificates of which none may be revoked. */
  readonly serials: readonly string[]
  /** Unix milliseconds after which the credential does not hold. */
  readonly endsMs: number
}

/** Kind of client and letter of its reference, by the certified role; roles that open no sessions are absent. */
const KIND_OF_ROLE: { readonly [R in Role]?: readonly [ClientKind, string] } = {
  hospital: ['organization', 'h'],
  doctor: ['practitioner', 'd'],
  auditor: ['auditor', 'a'],
}

/** @throws {ProtocolError} `CREDENTIAL_REJECTED` */
export function checkCredential(
  crypto: Crypto,
  chains: CertificateChains,
  content: FinishContent,
  unixMs: number,
): CheckedCredential {
  const { client, credential } = content
  // A replica is no client: it has a door of its own (docs/protocol/11-replica.md).
  if (credential.kind === 'replica') throw credentialRejected()
  return credential.kind === 'x509'
    ? checkX509(chains, client, credential, unixMs)
    : checkPatient(crypto, chains, client, credential, unixMs)
}

function checkX509(
  chains: CertificateChains,
  client: string,
  credential: X509Credential,
  unixMs: number,
): CheckedCredential {
  const { leaf, key, kid, mspId, serials } = chains.check(credential.chain, unixMs)
  const role = roleOf(leaf)
  const [kind, letter] = (role === undefined ? undefined : KIND_OF_ROLE[role]) ?? []
  if (kind === undefined || letter === undefined) throw credentialRejected()
  if (refOf(leaf, letter) !== client) throw credentialRejected()
  const emergency = kind === 'practitioner' && leaf.attributes[EMERGENCY_ATTRIBUTE] === 'true'
  return {
    client: { kind, ref: client, mspId, kid, emergency },
    key,
    participant: client,
    participantKey: leaf.publicKey,
    serials,
    endsMs: leaf.notAfterMs,
  }
}

function refOf(leaf: Certificate, letter: string): string | undefined {
  const ref = parseRef(leaf.attributes['trusthealth.ref'])
  return ref?.startsWith(`${letter}-`) === true ? ref : undefined
}

/** The hospital's chain is checked first, then its word for the patient's key. */
function checkPatient(
  crypto: Crypto,
  chains: CertificateChains,
  client: string,
  credential: PatientCredential,
  unixMs: number,
): CheckedCredential {
  const statement = parseCredential(credential.jws)
  const { leaf, mspId, serials } = chains.check(statement.header.x5c ?? [], unixMs)
  const hospital = roleOf(leaf) === 'hospital' ? refOf(leaf, 'h') : undefined
  if (hospital === undefined) throw credentialRejected()
  const issuer = { hospital: hospital as HospitalRef, publicKey: leaf.publicKey }
  const checked = checkPatientCredential(crypto, statement, issuer, unixMs)
  if (checked.patient !== client) throw credentialRejected()
  const kid = kidOf(crypto, checked.key.publicKey)
  return {
    client: { kind: 'patient', ref: client, mspId, kid, emergency: false, hospital },
    key: checked.key,
    participant: hospital,
    participantKey: leaf.publicKey,
    serials,
    endsMs: Math.min(leaf.notAfterMs, checked.expiresMs),
  }
}
