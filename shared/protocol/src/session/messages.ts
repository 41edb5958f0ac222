/**
 * The messages of the session key protocol and their one encoding, deterministic CBOR.
 * Decoders check sizes first and refuse unknown members. Spec: docs/protocol/05-sessions.md §5.1 to §5.5.
 *
 * @module
 */
import { ML_KEM_768_CIPHERTEXT_BYTES, ML_KEM_768_PUBLIC_KEY_BYTES } from '../../../crypto/src/index.ts'
import { encodeCbor } from '../cbor.ts'
import { serverRefShape, type ParticipantRef, type ServerRef } from '../ids.ts'
import { MAX_STATEMENT_BYTES, MAX_STATEMENT_CERTIFICATE_BYTES, MAX_STATEMENT_CERTIFICATES } from '../jws.ts'
import { decodeMessage } from '../message.ts'
import { bytes, list, literal, struct, text, variant, type Shape } from '../shape.ts'
import { SID_BYTES } from './record-layer.ts'

/** Who may open a session: everybody but TEE servers. */
export type ClientRef = Exclude<ParticipantRef, ServerRef>

/** C → S: fresh public keys and no identity. */
export interface Hello {
  readonly v: 1
  /** 32 bytes, X25519. */
  readonly x: Uint8Array
  /** 1184 bytes, ML-KEM-768. */
  readonly kem: Uint8Array
  /** 32 bytes. */
  readonly nonce: Uint8Array
}

export interface Core {
  readonly v: 1
  /** 16 bytes, the session's id. */
  readonly sid: Uint8Array
  /** Reference of the TEE server. */
  readonly server: ServerRef
  /** 32 bytes, X25519. */
  readonly x: Uint8Array
  /** 1088 bytes, ML-KEM-768. */
  readonly ct: Uint8Array
  /** 32 bytes. */
  readonly nonce: Uint8Array
}

/** S → C. */
export interface Reply {
  /** An encoded `Core`: the transcript covers these bytes. */
  readonly core: Uint8Array
  /** Compact JWS of section 9. */
  readonly evidence: string
  /** 64 bytes. */
  readonly sig: Uint8Array
  /** 32 bytes. */
  readonly mac: Uint8Array
}

/** C → S. */
export interface Finish {
  /** 16 bytes. */
  readonly sid: Uint8Array
  /** An encrypted `FinishContent`. */
  readonly box: Uint8Array
}

export interface FinishContent {
  /** Participant reference; of a replica the server's (§11.3). */
  readonly client: ParticipantRef
  readonly credential: Credential
  /** 64 bytes. */
  readonly sig: Uint8Array
  /** 32 bytes. */
  readonly mac: Uint8Array
}

/** Certificate chain, leaf first, each DER of at most 8 KiB; without root. */
export interface X509Credential {
  readonly kind: 'x509'
  readonly chain: readonly Uint8Array[]
}

/** The hospital's statement about a patient's key (§2.2). */
export interface PatientCredential {
  readonly kind: 'patient'
  readonly jws: string
}

/** A replica of the server (docs/protocol/11-replica.md): its own key, and evidence of what runs it. */
export interface ReplicaCredential {
  readonly kind: 'replica'
  /** 65 bytes; signs the finish. */
  readonly key: Uint8Array
  /** Compact JWS of section 9, bound to this handshake. */
  readonly evidence: string
}

/** What a person or a hospital shows. */
export type ClientCredential = X509Credential | PatientCredential

export type Credential = ClientCredential | ReplicaCredential

const MAX_CERTIFICATE_BYTES = MAX_STATEMENT_CERTIFICATE_BYTES
const MAX_CHAIN = MAX_STATEMENT_CERTIFICATES
const MAX_HELLO_BYTES = 1_400
const MAX_CORE_BYTES = 1_400
const MAX_REPLY_BYTES = MAX_CORE_BYTES + MAX_STATEMENT_BYTES + 256
const MAX_CONTENT_BYTES = MAX_CHAIN * MAX_CERTIFICATE_BYTES + 1_024
const MAX_FINISH_BYTES = MAX_CONTENT_BYTES + 128

/** Compact JWS: three parts of base64url. */
const statement = text({ max: MAX_STATEMENT_BYTES, pattern: /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/ })
const clientRefShape = text({ max: 34, pattern: /^[pdhas]-[0-9a-f]{32}$/ }) as Shape<ParticipantRef>
const digest = bytes({ length: 32 })
const signature = bytes({ length: 64 })
const sid = bytes({ length: SID_BYTES })

const helloShape = struct({
  v: literal(1),
  x: bytes({ length: 32 }),
  kem: bytes({ length: ML_KEM_768_PUBLIC_KEY_BYTES }),
  nonce: bytes({ length: 32 }),
})
const coreShape = struct({
  v: literal(1),
  sid,
  server: serverRefShape,
  x: bytes({ length: 32 }),
  ct: bytes({ length: ML_KEM_768_CIPHERTEXT_BYTES }),
  nonce: bytes({ length: 32 }),
})
const replyShape = struct({
  core: bytes({ min: 1, max: MAX_CORE_BYTES }),
  evidence: statement,
  sig: signature,
  mac: digest,
})
const finishShape = struct({ sid, box: bytes({ min: 16, max: MAX_CONTENT_BYTES + 16 }) })
const credentialShape = variant('kind', {
  x509: struct({
    kind: literal('x509'),
    chain: list(bytes({ min: 1, max: MAX_CERTIFICATE_BYTES }), { min: 1, max: MAX_CHAIN }),
  }),
  patient: struct({ kind: literal('patient'), jws: statement }),
  replica: struct({ kind: literal('replica'), key: bytes({ length: 65 }), evidence: statement }),
})
const contentShape = struct({
  client: clientRefShape,
  credential: credentialShape,
  sig: signature,
  mac: digest,
})

export const encodeHello = (hello: Hello): Uint8Array => encodeCbor({ ...hello })
export const encodeCore = (core: Core): Uint8Array => encodeCbor({ ...core })
export const encodeReply = (reply: Reply): Uint8Array => encodeCbor({ ...reply })
export const encodeFinish = (finish: Finish): Uint8Array => encodeCbor({ ...finish })
export const encodeCredential = (credential: Credential): Uint8Array => encodeCbor({ ...credential })
export const encodeFinishContent = (content: FinishContent): Uint8Array =>
  encodeCbor({ ...content, credential: { ...content.credential } })

/** @throws {ProtocolError} `CBOR_MALFORMED` or `MESSAGE_MALFORMED`, as all decoders of this file. */
export const decodeHello = (message: Uint8Array): Hello => decode(message, MAX_HELLO_BYTES, helloShape, 'hello')
export const decodeCore = (message: Uint8Array): Core => decode(message, MAX_CORE_BYTES, coreShape, 'core')
export const decodeReply = (message: Uint8Array): Reply => decode(message, MAX_REPLY_BYTES, replyShape, 'reply')
export const decodeFinish = (message: Uint8Array): Finish => decode(message, MAX_FINISH_BYTES, finishShape, 'finish')
export const decodeFinishContent = (message: Uint8Array): FinishContent =>
  decode(message, MAX_CONTENT_BYTES, contentShape, 'finish content')

function decode<T>(message: Uint8Array, maxBytes: number, shape: Shape<T>, name: string): T {
  return decodeMessage(message, shape, name, { maxBytes })
}
