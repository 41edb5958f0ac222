/**
 * The identity of the hospital service: signs credentials, commitments of earlier records and its own requests.
 * Kept in the form of every participant's identity file. Spec: docs/protocol/02-registration.md §2.1.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBase64url, parseCertificate, type Crypto } from '../../shared/crypto/src/index.ts'
import type { ParticipantRegistration } from '../../shared/ledger-model/src/index.ts'
import { newRef, type HospitalRef } from '../../shared/protocol/src/index.ts'
import {
  createKeys,
  formatIdentityFile,
  parseIdentityFile,
  signerOf,
  type Identity,
  type NewKeys,
} from '../../clients/sdk/src/identity.ts'
import type { Organization } from './organization.ts'
import { writePrivateFile } from './private-file.ts'

/**
 * Twice as long before the end as its patients and doctors ask: the credential of a patient ends with the certificate that
 * it was issued under, so who asks must get one of the next.
 */
const RENEW_BEFORE_MS = 60 * 86_400_000

export interface ServiceIdentity {
  readonly name: string
  readonly ref: HospitalRef
  readonly identity: Identity
  readonly keys: NewKeys
  /** DER, leaf first, without root. */
  readonly chain: readonly Uint8Array[]
}

export function serviceIdentityPath(folder: string): string {
  return join(folder, 'service.json')
}

/**
 * Opens the identity in `folder`, or makes it; renews its certificate, with the same key, when it is about to end.
 * @throws {ClientError} `CLIENT_NO_IDENTITY` if the file is damaged.
 */
export async function openServiceIdentity(
  folder: string,
  name: string,
  organization: Organization,
  crypto: Crypto,
  nowMs: () => number,
): Promise<ServiceIdentity> {
  const path = serviceIdentityPath(folder)
  if (!existsSync(path)) {
    return await writeIdentity(path, name, organization, crypto, newRef(crypto, 'h'), createKeys(crypto))
  }
  const { identity, keys } = parseIdentityFile(crypto, readFileSync(path, 'utf8'))
  const ref = identity.ref as HospitalRef
  const { credential } = identity
  const chain = credential.kind === 'x509' ? credential.chain : []
  const [leaf] = chain
  if (leaf === undefined || parseCertificate(leaf).notAfterMs - nowMs() < RENEW_BEFORE_MS) {
    return await writeIdentity(path, name, organization, crypto, ref, keys)
  }
  return { name, ref, identity, keys, chain }
}

/** What the ledger gets to know of the service. */
export function registrationOf({ ref, keys, chain }: ServiceIdentity): ParticipantRegistration {
  return {
    ref,
    kind: 'hospital',
    publicKey: encodeBase64url(keys.signingKey.publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    certSerial: parseCertificate(chain[0] as Uint8Array).serialHex,
    attributes: {},
  }
}

async function writeIdentity(
  path: string,
  name: string,
  { authority, mspId }: Organization,
  crypto: Crypto,
  ref: HospitalRef,
  keys: NewKeys,
): Promise<ServiceIdentity> {
  const { chain } = await authority.issue({ role: 'hospital', ref, publicKey: keys.signingKey.publicKey })
  const identity: Identity = {
    kind: 'organization',
    ref,
    mspId,
    signer: signerOf(crypto, keys.signingKey),
    sealKey: keys.sealKey,
    credential: { kind: 'x509', chain },
  }
  writePrivateFile(path, formatIdentityFile(crypto, keys, { identity, name }))
  return { name, ref, identity, keys, chain }
}
