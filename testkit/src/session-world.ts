/**
 * Everything two sides of a session need, made by the real code: an organisation with its root, certificates, patient
 * credentials, a server with registration and evidence, and what the ledger says of all of them.
 *
 * @module
 */
import { encodeBase64url, encodeHex, type Crypto, type SigningKey } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { issueCredential, type PatientCredentialClaims } from '../../shared/protocol/src/credential.ts'
import {
  issueEvidence,
  type AttestationPolicy,
  type EvidenceClaims,
  type ServerRegistration,
} from '../../shared/protocol/src/evidence.ts'
import { newRef, type HospitalRef, type PatientRef, type Sha256Hex } from '../../shared/protocol/src/ids.ts'
import type { SigningClientIdentity } from '../../shared/protocol/src/session/client.ts'
import type { ServerCheck } from '../../shared/protocol/src/session/client.ts'
import type { ClientRef } from '../../shared/protocol/src/session/messages.ts'
import type { ServerIdentity } from '../../shared/protocol/src/session/server.ts'
import type { OrganizationRoots } from '../../secure/core/src/sessions/chains.ts'
import type { OrganizationFacts } from '../../secure/core/src/sessions/client.ts'
import type { Now } from '../../secure/core/src/sessions/table.ts'
import { buildTestCertificate, type TestCertificateOptions } from './certificates.ts'

export const WORLD_TIME_MS = Date.UTC(2030, 0, 1)
export const NOW: Now = { monotonicMs: 5_000_000, unixMs: WORLD_TIME_MS }

export interface TestOrganization extends OrganizationRoots {
  readonly rootKey: SigningKey
}

export interface TestParticipant {
  readonly ref: ClientRef
  readonly key: SigningKey
  readonly certificate: Uint8Array
  readonly serialHex: string
  readonly identity: SigningClientIdentity
}

/** One server and the organisations it was provisioned with. */
export interface SessionWorld {
  readonly crypto: Crypto
  readonly server: ServerIdentity
  readonly check: ServerCheck
  readonly organizations: readonly [TestOrganization, TestOrganization]
  readonly deviceKey: SigningKey
  readonly claims: Omit<EvidenceClaims, 'nonce'>
  /** A participant with a certificate that `change` makes wrong, if at all. */
  participant(role: string, change?: ParticipantChange): TestParticipant
  /** A patient with a credential of `hospital`. */
  patient(hospital: TestParticipant, change?: PatientChange): TestPatient
  /** What the ledger says: these participants are active, under these keys. */
  facts(participants: readonly TestParticipant[], change?: Partial<OrganizationFacts>): OrganizationFacts
}

export interface ParticipantChange extends Partial<TestCertificateOptions> {
  readonly organization?: TestOrganization
  readonly ref?: ClientRef
  readonly key?: SigningKey
}

export interface TestPatient {
  readonly ref: PatientRef
  readonly key: SigningKey
  readonly identity: SigningClientIdentity
}

export interface PatientChange {
  readonly ref?: PatientRef
  readonly claims?: Partial<PatientCredentialClaims>
}

const LETTER: Readonly<Record<string, 'd' | 'h' | 'a' | 's'>> = {
  doctor: 'd',
  hospital: 'h',
  auditor: 'a',
  server: 's',
  admin: 'd',
}

export function makeOrganization(crypto: Crypto, mspId: string): TestOrganization {
  const rootKey = crypto.generateSigningKey()
  const root = buildTestCertificate(crypto, { issuerKey: rootKey, subject: `${mspId} root`, ca: {} })
  return { mspId, roots: [root], rootKey }
}

export function openSessionWorld(crypto: Crypto = createNodeCrypto()): SessionWorld {
  const organizations = [makeOrganization(crypto, 'HospitalA'), makeOrganization(crypto, 'HospitalB')] as const
  const identityKey = crypto.generateSigningKey()
  const deviceKey = crypto.generateSigningKey()
  const serverRef = newRef(crypto, 's')
  const digest = (text: number): Sha256Hex => encodeHex(new Uint8Array(32).fill(text)) as Sha256Hex
  const claims: Omit<EvidenceClaims, 'nonce'> = {
    iat: WORLD_TIME_MS / 1_000,
    tee: 'process',
    simulated: true,
    debug: false,
    measurement: digest(1),
    runtime: digest(2),
    securityVersion: 3,
    serverRef,
    identityKey: identityKey.publicKey,
    configDigest: digest(4),
    isolation: ['own-process'],
  }
  const registration: ServerRegistration = {
    serverRef,
    identityKey: identityKey.publicKey,
    teeKind: 'process',
    measurements: [claims.measurement],
    configDigest: claims.configDigest,
    attestationKeys: [deviceKey.publicKey],
  }
  const policy: AttestationPolicy = { teeKinds: ['process'], minSecurityVersion: 3, allowSimulated: true }
  let serial = 10
  return {
    crypto,
    organizations,
    deviceKey,
    claims,
    server: {
      ref: serverRef,
      identityKey,
      attest: (nonce) => issueEvidence(crypto, deviceKey, { ...claims, nonce }),
    },
    check: { server: registration, policy },
    participant(role, change = {}) {
      const { organization = organizations[0], ...certificateChange } = change
      const key = change.key ?? crypto.generateSigningKey()
      const ref = change.ref ?? (newRef(crypto, LETTER[role] ?? 'd') as ClientRef)
      const serialBytes = Uint8Array.of(1, serial++)
      const certificate = buildTestCertificate(crypto, {
        issuerKey: organization.rootKey,
        issuer: `${organization.mspId} root`,
        subject: role,
        publicKey: key.publicKey,
        serial: serialBytes,
        attributes: { 'trusthealth.role': role, 'trusthealth.ref': ref },
        ...certificateChange,
      })
      return {
        ref,
        key,
        certificate,
        serialHex: encodeHex(serialBytes),
        identity: {
          ref,
          credential: { kind: 'x509', chain: [certificate] },
          sign: (message) => crypto.sign(key, message),
        },
      }
    },
    patient(hospital, change = {}) {
      const key = crypto.generateSigningKey()
      const ref = change.ref ?? newRef(crypto, 'p')
      const jws = issueCredential(crypto, hospital.key, [hospital.certificate], {
        iss: hospital.ref as HospitalRef,
        sub: ref,
        publicKey: encodeBase64url(key.publicKey),
        sealKey: encodeBase64url(crypto.generateAgreementKey().publicKey),
        iat: WORLD_TIME_MS / 1_000,
        exp: WORLD_TIME_MS / 1_000 + 86_400,
        ...change.claims,
      })
      return {
        ref,
        key,
        identity: { ref, credential: { kind: 'patient', jws }, sign: (message) => crypto.sign(key, message) },
      }
    },
    facts(participants, change = {}) {
      return {
        mspId: 'HospitalA',
        findParticipant(ref) {
          const found = participants.find((participant) => participant.ref === ref)
          return found === undefined ? undefined : { isActive: true, publicKey: found.key.publicKey }
        },
        revokedSerials: new Set(),
        ...change,
      }
    },
  }
}
