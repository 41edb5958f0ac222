/**
 * Who a client is: a reference, a signing key, a seal key and what proves them. Keys are made on the participant's
 * own device. The signer is a port, because a browser's or a card's key signs asynchronously and cannot be copied.
 *
 * @module
 */
import {
  decodeBase64url,
  encodeBase64url,
  type AgreementKey,
  type Crypto,
  type SigningKey,
} from '../../../shared/crypto/src/index.ts'
import {
  kidOf,
  list,
  literal,
  mspIdShape,
  oneOf,
  optional,
  parseJson,
  prepareStatement,
  struct,
  text,
  type Kid,
  type MspId,
  type StatementType,
} from '../../../shared/protocol/src/index.ts'
import type { ClientCredential, ClientRef } from '../../../shared/protocol/src/session/index.ts'
import { ClientError } from './errors.ts'

/** Signs with ECDSA P-256 and SHA-256; the private key stays inside. */
export interface Signer {
  /** 65 bytes. */
  readonly publicKey: Uint8Array
  readonly kid: Kid
  /** 64 bytes, r ‖ s. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

export type ParticipantKind = 'patient' | 'practitioner' | 'organization' | 'auditor'

export interface Identity {
  readonly kind: ParticipantKind
  readonly ref: ClientRef
  /** The organisation; of a patient: of the hospital that registered the patient. */
  readonly mspId: MspId
  readonly signer: Signer
  /** X25519, for everything that is sealed to this participant. */
  readonly sealKey: AgreementKey
  readonly credential: ClientCredential
}

/** Keys of a participant who is not registered yet. */
export interface NewKeys {
  readonly signingKey: SigningKey
  readonly sealKey: AgreementKey
}

export function createKeys(crypto: Crypto): NewKeys {
  return { signingKey: crypto.generateSigningKey(), sealKey: crypto.generateAgreementKey() }
}

/** A signer over a key that this process holds. */
export function signerOf(crypto: Crypto, key: SigningKey): Signer {
  return {
    publicKey: key.publicKey,
    kid: kidOf(crypto, key.publicKey),
    sign: (message) => Promise.resolve(crypto.sign(key, message)),
  }
}

/** A statement signed by `signer`. */
export async function signWith(signer: Signer, typ: StatementType, payload: object): Promise<string> {
  const unsigned = prepareStatement(signer.kid, typ, payload)
  return unsigned.withSignature(await signer.sign(unsigned.signingInput))
}

/** Private keys in it: for a file that only its owner may read. */
export interface IdentityFile {
  readonly identity: Identity
  readonly name: string
  /** Reference and address of the hospital service that registered the participant. */
  readonly hospital?: { readonly ref: string; readonly url: string }
}

const fileShape = struct({
  v: literal(1),
  name: text({ max: 128 }),
  kind: oneOf('patient', 'practitioner', 'organization', 'auditor'),
  ref: text({ max: 34, pattern: /^[pdha]-[0-9a-f]{32}$/ }),
  mspId: mspIdShape,
  signingKey: text({ max: 43 }),
  sealKey: text({ max: 43 }),
  chain: optional(list(text({ max: 11_000 }), { min: 1, max: 3 })),
  credential: optional(text({ max: 16_384 })),
  hospital: optional(struct({ ref: text({ max: 34 }), url: text({ max: 2_048 }) })),
})

/** Text of an identity file, JSON. */
export function formatIdentityFile(crypto: Crypto, keys: NewKeys, file: IdentityFile): string {
  const { kind, ref, mspId, credential } = file.identity
  return `${JSON.stringify(
    {
      v: 1,
      name: file.name,
      kind,
      ref,
      mspId,
      signingKey: encodeBase64url(crypto.exportSigningKey(keys.signingKey)),
      sealKey: encodeBase64url(crypto.exportAgreementKey(keys.sealKey)),
      ...(credential.kind === 'x509'
        ? { chain: credential.chain.map(encodeBase64url) }
        : { credential: credential.jws }),
      ...(file.hospital === undefined ? {} : { hospital: file.hospital }),
    },
    null,
    2,
  )}\n`
}

/** @throws {ClientError} `CLIENT_NO_IDENTITY` if the text is not a whole identity file. */
export function parseIdentityFile(crypto: Crypto, fileText: string): IdentityFile & { readonly keys: NewKeys } {
  try {
    const file = fileShape(parseJson(fileText, { maxBytes: 65_536 }), 'identity file')
    const keys: NewKeys = {
      signingKey: crypto.importSigningKey(decodeBase64url(file.signingKey)),
      sealKey: crypto.importAgreementKey(decodeBase64url(file.sealKey)),
    }
    const identity: Identity = {
      kind: file.kind,
      ref: file.ref as ClientRef,
      mspId: file.mspId,
      signer: signerOf(crypto, keys.signingKey),
      sealKey: keys.sealKey,
      credential: credentialOf(file.chain, file.credential),
    }
    return { identity, name: file.name, keys, ...(file.hospital === undefined ? {} : { hospital: file.hospital }) }
  } catch (cause) {
    throw new ClientError('CLIENT_NO_IDENTITY', { cause, detail: 'the identity file is damaged' })
  }
}

function credentialOf(chain: readonly string[] | undefined, jws: string | undefined): ClientCredential {
  if (chain !== undefined && jws === undefined) return { kind: 'x509', chain: chain.map(decodeBase64url) }
  if (jws !== undefined && chain === undefined) return { kind: 'patient', jws }
  throw new ClientError('CLIENT_NO_IDENTITY')
}
