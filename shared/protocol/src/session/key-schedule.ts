/**
 * The keys of a session and the transcript hashes that everything in it is bound to.
 * Both sides compute the same from the same messages. Spec: docs/protocol/05-sessions.md §5.2 to §5.5.
 *
 * @module
 */
import { concat, encodeUtf8, label, type AeadKey, type Crypto, type HmacKey } from '../../../crypto/src/index.ts'
import { ProtocolError } from '../errors.ts'

/** A traffic key of one direction and the mask of its nonces (12 bytes). */
export interface TrafficKey {
  readonly key: AeadKey
  readonly iv: Uint8Array
}

export interface SessionKeys {
  readonly serverConfirmationKey: HmacKey
  readonly clientConfirmationKey: HmacKey
  /** Encrypts the one `finish`. */
  readonly finish: TrafficKey
  readonly clientToServer: TrafficKey
  readonly serverToClient: TrafficKey
  /** 32 bytes both sides share and nobody else, for binding other things to the session. */
  readonly exporter: Uint8Array
}

const T1 = label('session-t1')
const T2 = label('session-t2')
const SERVER_SIGNATURE = label('session-s')
const SERVER_MAC = label('session-s-mac')
const CLIENT_SIGNATURE = label('session-c')
const CLIENT_MAC = label('session-c-mac')
const FINISH = label('session-finish')
const REPLICA = label('session-replica')
const KEY = {
  serverConfirmation: label('session-kc-s'),
  clientConfirmation: label('session-kc-c'),
  finish: label('session-hs'),
  finishIv: label('session-hs-iv'),
  clientToServer: label('session-c2s'),
  clientToServerIv: label('session-c2s-iv'),
  serverToClient: label('session-s2c'),
  serverToClientIv: label('session-s2c-iv'),
  exporter: label('session-exporter'),
}

/** T1, 32 bytes: both ephemeral shares, both nonces, the session id and the server's name, by the two messages' bytes. */
export function transcriptOfShares(crypto: Crypto, hello: Uint8Array, core: Uint8Array): Uint8Array {
  return crypto.sha256(T1, crypto.sha256(hello), crypto.sha256(core))
}

/** T2, 32 bytes: T1, the server's signature (64 bytes) and its evidence. */
export function transcriptOfServer(
  crypto: Crypto,
  t1: Uint8Array,
  serverSignature: Uint8Array,
  evidence: string,
): Uint8Array {
  return crypto.sha256(T2, t1, serverSignature, crypto.sha256(encodeUtf8(evidence)))
}

/** Nonce of a replica's evidence, 32 bytes: of this handshake, and of no server's. */
export function replicaNonce(crypto: Crypto, t1: Uint8Array): Uint8Array {
  return crypto.sha256(REPLICA, t1)
}

/** What the server's identity key signs. */
export function serverSigningInput(crypto: Crypto, t1: Uint8Array, evidence: string): Uint8Array {
  return concat(SERVER_SIGNATURE, t1, crypto.sha256(encodeUtf8(evidence)))
}

/** What the client's key signs. @param credential its encoded bytes, as they stand in the finish. */
export function clientSigningInput(crypto: Crypto, t2: Uint8Array, credential: Uint8Array): Uint8Array {
  return concat(CLIENT_SIGNATURE, t2, crypto.sha256(credential))
}

/** 32 bytes: the server holds the session keys, under its name. */
export function serverConfirmation(crypto: Crypto, keys: SessionKeys, t1: Uint8Array, server: string): Uint8Array {
  return crypto.hmac(keys.serverConfirmationKey, SERVER_MAC, t1, encodeUtf8(server))
}

/** 32 bytes: the client holds the session keys, under its name. */
export function clientConfirmation(crypto: Crypto, keys: SessionKeys, t2: Uint8Array, client: string): Uint8Array {
  return crypto.hmac(keys.clientConfirmationKey, CLIENT_MAC, t2, encodeUtf8(client))
}

/** Associated data of the finish's box. @param sid 16 bytes. */
export function finishAad(sid: Uint8Array): Uint8Array {
  return concat(FINISH, sid)
}

/**
 * The keys of §5.2, from the transcript and the two shared secrets.
 *
 * @param t1 32 bytes, `transcriptOfShares`.
 * @param agreed 32 bytes, X25519 output, already refused if all zero.
 * @param encapsulated 32 bytes, ML-KEM-768.
 */
export function deriveSessionKeys(
  crypto: Crypto,
  t1: Uint8Array,
  agreed: Uint8Array,
  encapsulated: Uint8Array,
): SessionKeys {
  const secrets = concat(agreed, encapsulated)
  const prk = crypto.hkdfExtract(t1, secrets)
  const expand = (info: Uint8Array, length: number) => crypto.hkdfExpand(prk, info, length)
  const traffic = (key: Uint8Array, iv: Uint8Array): TrafficKey => ({
    key: crypto.importAeadKey(expand(key, 32)),
    iv: expand(iv, 12),
  })
  const keys: SessionKeys = {
    serverConfirmationKey: crypto.importHmacKey(expand(KEY.serverConfirmation, 32)),
    clientConfirmationKey: crypto.importHmacKey(expand(KEY.clientConfirmation, 32)),
    finish: traffic(KEY.finish, KEY.finishIv),
    clientToServer: traffic(KEY.clientToServer, KEY.clientToServerIv),
    serverToClient: traffic(KEY.serverToClient, KEY.serverToClientIv),
    exporter: expand(KEY.exporter, 32),
  }
  // Our copies only; the engine may have made others (shared/crypto/src/node-crypto.ts).
  for (const secret of [agreed, encapsulated, secrets, prk]) secret.fill(0)
  return keys
}

/** Turns what the port says of the peer's X25519 share into the session's code. @throws {ProtocolError} */
export function agreeOrRefuse(agree: () => Uint8Array): Uint8Array {
  try {
    return agree()
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'CRYPTO_WEAK_SHARED_SECRET') throw cause
    // RFC 7748 §6.1: an all-zero result means a share of small order.
    throw new ProtocolError('SESSION_WEAK_SHARED_SECRET', 'the key agreement gave an all-zero secret')
  }
}
