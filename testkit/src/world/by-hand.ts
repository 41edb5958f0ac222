/**
 * What honest clients never make: people whom the hospital's service did not register, uploads with a part exchanged,
 * a handshake in single steps. For tests of what is refused.
 *
 * @module
 */
import {
  Author,
  createKeys,
  DoctorClient,
  signerOf,
  VerifyingLedgerReader,
  type FetchAnswers,
  type Identity,
  type NewKeys,
  type NewRecord,
  type Participant,
  type ParticipantOptions,
  type PreparedRecord,
} from '../../../clients/sdk/src/index.ts'
import { storedShape, type Stored } from '../../../clients/sdk/src/record-answer.ts'
import type { CertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import type { LedgerIdentity } from '../../../ledger/client/src/port.ts'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import {
  batchSigningInput,
  encodeRecordUpload,
  newRecordId,
  newRef,
  SALT_BYTES,
  sealEnvelope,
  type AuthorRef,
  type EnvelopeKind,
  type ParticipantRef,
  type PatientRef,
  type RecordUpload,
} from '../../../shared/protocol/src/index.ts'
import { participantOptions } from './people.ts'
import type { HospitalName, TestWorld } from './world.ts'

const KINDS = {
  doctor: { letter: 'd', kind: 'practitioner' },
  auditor: { letter: 'a', kind: 'auditor' },
  hospital: { letter: 'h', kind: 'organization' },
  server: { letter: 's', kind: 'auditor' },
} as const

export interface Certified {
  readonly identity: Identity
  readonly keys: NewKeys
  /** The same person towards the ledger. */
  readonly ledger: LedgerIdentity
  readonly certSerial: string
}

export interface CertifyOptions {
  readonly hospital?: HospitalName
  readonly ref?: ParticipantRef
  readonly keys?: NewKeys
  readonly emergency?: boolean
  /** Unix ms. */
  readonly notAfterMs?: number
  /** Another than the organisation's own. */
  readonly authority?: CertificateAuthority
  /** Whether the administrator puts it on the ledger; default no. */
  readonly registered?: boolean
}

/** Somebody with a certificate of an organisation, whom its hospital service knows nothing of. */
export async function certify(
  world: TestWorld,
  role: keyof typeof KINDS,
  options: CertifyOptions = {},
): Promise<Certified> {
  const { crypto } = world
  const { letter, kind } = KINDS[role]
  const { hospital = 'a', keys = createKeys(crypto), ref = newRef(crypto, letter), emergency = false } = options
  const { mspId, authority } = world.organization(hospital)
  const { chain, serialHex } = await (options.authority ?? authority).issue({
    role,
    ref,
    publicKey: keys.signingKey.publicKey,
    emergency,
    ...(options.notAfterMs === undefined ? {} : { notAfterMs: options.notAfterMs }),
  })
  const signer = signerOf(crypto, keys.signingKey)
  const credential = { kind: 'x509', chain } as const
  const identity: Identity = { kind, ref: ref as Identity['ref'], mspId, signer, sealKey: keys.sealKey, credential }
  if (options.registered === true) {
    const registration = {
      ref,
      kind: role,
      publicKey: encodeBase64url(keys.signingKey.publicKey),
      sealKey: encodeBase64url(keys.sealKey.publicKey),
      certSerial: serialHex,
      attributes: emergency ? { 'trusthealth.emergency': 'true' } : {},
    }
    await world.submitAsAdmin(hospital, 'registerParticipant', [JSON.stringify(registration)])
  }
  return { identity, keys, ledger: ledgerIdentity(identity, keys), certSerial: serialHex }
}

/** How somebody with a certificate signs proposals. */
export function ledgerIdentity({ mspId, credential }: Identity, { signingKey }: NewKeys): LedgerIdentity {
  if (credential.kind !== 'x509' || credential.chain[0] === undefined) throw new TypeError('no certificate')
  return { mspId, cert: credential.chain[0], signingKey }
}

/**
 * For a client of an identity that a test made. It reads the ledger itself: the hospital's service, which relays for
 * its own people, knows nobody else.
 */
export function handmadeOptions(
  world: TestWorld,
  identity: Identity,
  changes: Partial<ParticipantOptions> = {},
): ParticipantOptions {
  const read: FetchAnswers = (queries, nonce, minHeight) =>
    world.ledger.ledger.endorsedReads({ queries, nonce, ...(minHeight === undefined ? {} : { minHeight }) })
  const ledger = new VerifyingLedgerReader(world.crypto, world.consortium, read, 'the ledger')
  return participantOptions(world.surroundings('a'), identity, { ledger, ...changes })
}

/** The world does not close it; it holds nothing that must be closed. */
export function doctorClient(world: TestWorld, identity: Identity): DoctorClient {
  return new DoctorClient(handmadeOptions(world, identity))
}

/** What travels in an upload, with parts exchanged after the honest client made it. */
export interface HandmadeUpload {
  readonly envelope: Uint8Array
  readonly upload: RecordUpload
}

/** `C_P` of a record, version 1 unless `change` says otherwise. @param key holder of the patient's treatment key. */
export async function handmadeUpload(
  key: Author,
  { patient, ehr, warrant }: NewRecord,
  change: Partial<RecordUpload> = {},
): Promise<HandmadeUpload> {
  const { crypto, clock } = key.options
  const upload: RecordUpload = {
    recordId: newRecordId(crypto, clock.nowMs()),
    version: 1,
    ehr,
    salt: crypto.randomBytes(SALT_BYTES),
    warrant,
    previous: new Uint8Array(),
    ...change,
  }
  return { envelope: await sealedBy(key, patient, encodeRecordUpload(upload)), upload }
}

/** Any bytes in an envelope of the patient's newest treatment key. */
export async function sealedBy(
  key: Participant,
  patient: PatientRef,
  plaintext: Uint8Array,
  kind: EnvelopeKind = 'record',
): Promise<Uint8Array> {
  return sealEnvelope(key.options.crypto, await key.keyring.newest(patient), patient, kind, plaintext)
}

/** Sends an envelope past the checks of the honest client. */
export async function storeEnvelope(who: Participant, envelope: Uint8Array): Promise<void> {
  await who.session.request('record.store', { envelope, kind: 'record' })
}

/**
 * As `Author.send`, but both at once and without saying where the fingerprints are: the record waits, staged, until the
 * host finds them on the ledger.
 */
export async function sendUnplaced(author: Author, prepared: PreparedRecord): Promise<Stored> {
  const { crypto, hospital, commitments } = author.options
  const ref = author.identity.ref as AuthorRef
  const items = [prepared.commitment]
  const signature = await author.identity.signer.sign(batchSigningInput(crypto, ref, items))
  const committing =
    commitments === undefined
      ? hospital.commit(author.requestSigner, signature, items)
      : commitments.commit(ref, signature, items)
  const storing = author.session.request('record.store', { envelope: prepared.envelope })
  const [committed, stored] = await Promise.allSettled([committing, storing])
  if (stored.status === 'rejected') throw stored.reason
  if (committed.status === 'rejected') throw committed.reason
  return storedShape(stored.value, 'receipt')
}
