/**
 * A consortium for tests: organisations with their authorities, identities of every role, the configuration of a channel,
 * and the registrations and statements that tests send. Keys are new each time; nothing here is for production.
 *
 * @module
 */
import { encodeBase64url, type AgreementKey, type SigningKey } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import type {
  ChannelConfiguration,
  ParticipantRegistration,
  PatientKeyInput,
  PatientRegistrationInput,
  RegisteredRef,
  Role,
} from '../../shared/ledger-model/src/index.ts'
import {
  kidOf,
  type MspId,
  newRef,
  type ParticipantRef,
  type PatientRef,
  type Sha256Hex,
} from '../../shared/protocol/src/index.ts'
import { type CertificateAuthority, createCertificateAuthority } from '../../hospital/src/certificate-authority.ts'
import type { LedgerIdentity } from '../../ledger/client/src/port.ts'

const crypto = createNodeCrypto()

/** Someone with a certificate. */
export interface TestIdentity<R extends ParticipantRef = ParticipantRef> extends LedgerIdentity {
  readonly role: Role | 'member'
  readonly ref: R
  /** 32 bytes, X25519. */
  readonly sealKey: Uint8Array
  /** What opens what is sealed to it. */
  readonly sealKeyPair: AgreementKey
  readonly certSerial: string
  readonly emergency: boolean
}

export interface TestOrganization {
  readonly name: string
  readonly mspId: MspId
  readonly authority: CertificateAuthority
  readonly admin: TestIdentity
  /** The service of its hospital; not registered yet. */
  readonly hospital: TestIdentity<RefOf<'hospital'>>
}

/** A patient's device. */
export interface TestPatient {
  readonly ref: PatientRef
  readonly signingKey: SigningKey
  readonly key: PatientKeyInput
}

export interface Consortium {
  readonly channel: string
  readonly organizations: readonly TestOrganization[]
  /** Key of the one ledger node; it belongs to the first organisation. */
  readonly nodeKey: SigningKey
  readonly genesis: ChannelConfiguration
  readonly nowMs: () => number
}

const LETTERS = { hospital: 'h', doctor: 'd', auditor: 'a', server: 's' } as const
type ParticipantRole = keyof typeof LETTERS
type RefOf<R extends ParticipantRole> = ReturnType<typeof newRef<(typeof LETTERS)[R]>>

export interface ConsortiumOptions {
  /** Default: HospitalA and HospitalB. */
  readonly names?: readonly string[]
  readonly channel?: string
  readonly nowMs?: () => number
}

/** Organisations with admin and hospital each, and a genesis that names them all. */
export async function createConsortium(options: ConsortiumOptions = {}): Promise<Consortium> {
  const { names = ['HospitalA', 'HospitalB'], channel = 'health', nowMs = Date.now } = options
  const organizations: TestOrganization[] = []
  for (const name of names) organizations.push(await createOrganization(name, nowMs))
  const [first] = organizations
  if (first === undefined) throw new RangeError('a consortium has an organisation')
  const nodeKey = crypto.generateSigningKey()
  const genesis: ChannelConfiguration = {
    channel,
    sequence: 0,
    organizations: organizations.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] })),
    nodes: [{ mspId: first.mspId, publicKey: nodeKey.publicKey }],
    quorum: 1,
  }
  return { channel, organizations, nodeKey, genesis, nowMs }
}

export async function createOrganization(name: string, nowMs: () => number = Date.now): Promise<TestOrganization> {
  const mspId = name as MspId
  const authority = await createCertificateAuthority({ crypto, mspId, nowMs })
  const admin = await issueCertificate(authority, 'admin')
  const hospital = await issueCertificate(authority, 'hospital')
  return { name, mspId, authority, admin, hospital }
}

export interface IssueOptions {
  readonly ref?: ParticipantRef
  readonly emergency?: boolean
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
}

/** A new key and its certificate. `member` has no role of ours. */
export async function issueCertificate<R extends ParticipantRole>(
  authority: CertificateAuthority,
  role: R,
  options?: IssueOptions,
): Promise<TestIdentity<RefOf<R>>>
export async function issueCertificate(
  authority: CertificateAuthority,
  role: 'admin' | 'member',
  options?: IssueOptions,
): Promise<TestIdentity>
export async function issueCertificate(
  authority: CertificateAuthority,
  role: ParticipantRole | 'admin' | 'member',
  options: IssueOptions = {},
): Promise<TestIdentity> {
  const { emergency = false, notBeforeMs, notAfterMs } = options
  const signingKey = crypto.generateSigningKey()
  const ref = options.ref ?? newRef(crypto, role === 'admin' || role === 'member' ? 'a' : LETTERS[role])
  const { chain, serialHex } = await authority.issue({
    // The authority issues roles of ours only; a name that nobody knows counts as none.
    role: role as Exclude<typeof role, 'member'>,
    ...(role === 'admin' || role === 'member' ? {} : { ref }),
    publicKey: signingKey.publicKey,
    emergency,
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
  })
  const sealKeyPair = crypto.generateAgreementKey()
  const sealKey = sealKeyPair.publicKey
  const mspId = authority.mspId as MspId
  return { mspId, cert: chain[0], signingKey, role, ref, sealKey, sealKeyPair, certSerial: serialHex, emergency }
}

/** What an administrator registers of a doctor, hospital, auditor or server. */
export function registrationOf(
  identity: TestIdentity,
  server: { readonly measurements?: readonly Sha256Hex[] } = {},
): ParticipantRegistration {
  const { role, signingKey, sealKey, certSerial, cert, emergency } = identity
  const ref = identity.ref as RegisteredRef
  const publicKey = encodeBase64url(signingKey.publicKey)
  if (role === 'server') {
    return {
      ref,
      kind: 'server',
      publicKey,
      certSerial,
      attributes: {},
      server: {
        certificate: encodeBase64url(cert),
        teeKind: 'process',
        measurements: server.measurements ?? [],
        configDigest: '00'.repeat(32) as Sha256Hex,
        attestationKeys: [],
      },
    }
  }
  if (role === 'admin' || role === 'member') throw new TypeError('administrators are not registered')
  const attributes = emergency ? { 'trusthealth.emergency': 'true' } : {}
  return { ref, kind: role, publicKey, sealKey: encodeBase64url(sealKey), certSerial, attributes }
}

export function createPatient(ref: PatientRef = newRef(crypto, 'p'), label = 'phone'): TestPatient {
  const { signingKey, key } = createPatientKey(label)
  return { ref, signingKey, key }
}

/** A further key of a patient. */
export function createPatientKey(label: string, kind: 'device' | 'recovery' = 'device') {
  const signingKey = crypto.generateSigningKey()
  const { publicKey } = signingKey
  const sealKey = encodeBase64url(crypto.generateAgreementKey().publicKey)
  const key = { kid: kidOf(crypto, publicKey), publicKey: encodeBase64url(publicKey), sealKey, label, kind }
  return { signingKey, key }
}

/** What a hospital registers of a patient. */
export function patientRegistrationOf(patient: TestPatient): PatientRegistrationInput {
  return { ref: patient.ref, kind: 'patient', keys: [patient.key] }
}
