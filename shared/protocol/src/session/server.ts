/**
 * The server's steps of the handshake as functions; which sessions exist is the trusted application's business
 * (secure/core/src/sessions). Spec: docs/protocol/05-sessions.md §5.2, §5.3, §5.5, §5.6.
 *
 * @module
 */
import { equalBytes, type Crypto, type SigningKey, type VerifyingKey } from '../../../crypto/src/index.ts'
import { ProtocolError } from '../errors.ts'
import type { ServerRef } from '../ids.ts'
import {
  agreeOrRefuse,
  clientConfirmation,
  clientSigningInput,
  deriveSessionKeys,
  finishAad,
  serverConfirmation,
  serverSigningInput,
  transcriptOfServer,
  transcriptOfShares,
  type SessionKeys,
} from './key-schedule.ts'
import { decodeHello, encodeCore, encodeCredential, encodeReply, type FinishContent } from './messages.ts'
import { SID_BYTES } from './record-layer.ts'

/** What speaks for the server. */
export interface ServerIdentity {
  readonly ref: ServerRef
  readonly identityKey: SigningKey
  /** Evidence (compact JWS) whose `eat_nonce` is the argument, 32 bytes. */
  attest(nonce: Uint8Array): string
}

/** A hello was answered; the client has not proven who it is. */
export interface HalfOpenSession {
  /** 16 bytes. */
  readonly sid: Uint8Array
  readonly keys: SessionKeys
  /** 32 bytes. */
  readonly t2: Uint8Array
}

/**
 * Answers a hello with fresh shares, evidence, signature and key confirmation.
 *
 * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `SESSION_WEAK_SHARED_SECRET`
 * @throws {CryptoError} `CRYPTO_BAD_KEY` for an ML-KEM key that is not one (FIPS 203 §7.2).
 */
export function answerHello(
  crypto: Crypto,
  hello: Uint8Array,
  server: ServerIdentity,
): { readonly reply: Uint8Array; readonly halfOpen: HalfOpenSession } {
  const { x, kem } = decodeHello(hello)
  const agreementKey = crypto.generateAgreementKey()
  const agreed = agreeOrRefuse(() => crypto.agree(agreementKey, x))
  const { ciphertext, sharedSecret } = crypto.encapsulate(kem)
  const sid = crypto.randomBytes(SID_BYTES)
  const core = encodeCore({
    v: 1,
    sid,
    server: server.ref,
    x: agreementKey.publicKey,
    ct: ciphertext,
    nonce: crypto.randomBytes(32),
  })
  const t1 = transcriptOfShares(crypto, hello, core)
  const keys = deriveSessionKeys(crypto, t1, agreed, sharedSecret)
  const evidence = server.attest(t1)
  const sig = crypto.sign(server.identityKey, serverSigningInput(crypto, t1, evidence))
  const mac = serverConfirmation(crypto, keys, t1, server.ref)
  return {
    reply: encodeReply({ core, evidence, sig, mac }),
    halfOpen: { sid, keys, t2: transcriptOfServer(crypto, t1, sig, evidence) },
  }
}

/**
 * Decrypts the box of a finish: the bytes of a `FinishContent`. Who made a box that opens holds the handshake's keys,
 * so it is the sender of the hello.
 * @throws {ProtocolError} `SESSION_FINISH_REJECTED`
 */
export function openFinish(crypto: Crypto, halfOpen: HalfOpenSession, box: Uint8Array): Uint8Array {
  const { key, iv } = halfOpen.keys.finish
  try {
    return crypto.decrypt(key, iv, finishAad(halfOpen.sid), box)
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'CRYPTO_DECRYPTION_FAILED') throw cause
    throw new ProtocolError('SESSION_FINISH_REJECTED', 'the finish was altered or is of another session')
  }
}

/**
 * Checks that the holder of the credential's key, and nobody else, made this finish for this session.
 * @param clientKey the key of the credential, which the caller has checked.
 * @throws {ProtocolError} `SESSION_CLIENT_SIGNATURE`, the same for the signature and the key confirmation.
 */
export function checkFinish(
  crypto: Crypto,
  halfOpen: HalfOpenSession,
  content: FinishContent,
  clientKey: VerifyingKey,
): void {
  const { client, credential, sig, mac } = content
  const isSigned = crypto.verify(clientKey, clientSigningInput(crypto, halfOpen.t2, encodeCredential(credential)), sig)
  const isConfirmed = equalBytes(clientConfirmation(crypto, halfOpen.keys, halfOpen.t2, client), mac)
  if (!isSigned || !isConfirmed) {
    throw new ProtocolError('SESSION_CLIENT_SIGNATURE', 'the client did not prove its identity')
  }
}
