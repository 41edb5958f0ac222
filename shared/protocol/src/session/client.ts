/**
 * The client's side of the handshake, one class for each phase, so that nothing can be asked of a server that has not
 * proven itself: PendingClient → CheckedServer → UnconfirmedClient → ClientSession. No I/O and no clock.
 * Spec: docs/protocol/05-sessions.md §5.1 to §5.6.
 *
 * The phase between checking the server and finishing is one of its own because browsers sign asynchronously; who can
 * sign at once calls `complete`. Every step may be taken once: ephemeral keys and the nonce of the finish are used once.
 *
 * @module
 */
import { equalBytes, type AgreementKey, type Crypto, type KemKey } from '../../../crypto/src/index.ts'
import { decodeCbor } from '../cbor.ts'
import { ProtocolError } from '../errors.ts'
import { verifyEvidence, type AttestationPolicy, type EvidenceResult, type ServerRegistration } from '../evidence.ts'
import type { ServerRef } from '../ids.ts'
import { literal, optional, struct, uint } from '../shape.ts'
import { ClientSession, FINISH_SEQ, startCipher } from './client-session.ts'
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
import {
  decodeCore,
  decodeReply,
  encodeCredential,
  encodeFinish,
  encodeFinishContent,
  encodeHello,
  type ClientCredential,
  type ClientRef,
  type ReplicaCredential,
} from './messages.ts'
import { MAX_RECORD_BYTES, peekRecord, recordRejected } from './record-layer.ts'

/** What the client accepts as its server. */
export interface ServerCheck {
  /** From the ledger, never from the server. */
  readonly server: ServerRegistration
  readonly policy: AttestationPolicy
}

/** Who the client is; its key stays with it. */
export interface ClientIdentity {
  readonly ref: ClientRef
  readonly credential: ClientCredential
}

/** A replica of the server (docs/protocol/11-replica.md §11.3). */
export interface ReplicaIdentity {
  readonly ref: ServerRef
  readonly credential: ReplicaCredential
}

interface Signing {
  /** ECDSA P-256 with SHA-256 by the key of the credential, 64 bytes r ‖ s. */
  sign(message: Uint8Array): Uint8Array
}

export interface SigningClientIdentity extends ClientIdentity, Signing {}

/** Starts a handshake: makes fresh X25519 and ML-KEM-768 keys. */
export function startHandshake(crypto: Crypto): PendingClient {
  return new PendingClient(crypto)
}

/** The hello is made; the server has not answered. */
export class PendingClient {
  /** To send first. Names nobody. */
  readonly hello: Uint8Array
  readonly #crypto: Crypto
  readonly #agreementKey: AgreementKey
  readonly #kemKey: KemKey
  readonly #once = once()

  /** @internal Use `startHandshake`. */
  constructor(crypto: Crypto) {
    this.#crypto = crypto
    this.#agreementKey = crypto.generateAgreementKey()
    this.#kemKey = crypto.generateKemKey()
    this.hello = encodeHello({
      v: 1,
      x: this.#agreementKey.publicKey,
      kem: this.#kemKey.publicKey,
      nonce: crypto.randomBytes(32),
    })
  }

  /**
   * Checks the server's reply in the order of §5.4.
   *
   * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `SESSION_WEAK_SHARED_SECRET`,
   * `SESSION_SERVER_SIGNATURE` (also for a reply in another server's name), `SESSION_SERVER_CONFIRMATION`,
   * `ATTESTATION_*`.
   */
  checkServer(replyBytes: Uint8Array, check: ServerCheck, identity: ClientIdentity | ReplicaIdentity): CheckedServer {
    this.#once()
    const crypto = this.#crypto
    const reply = decodeReply(replyBytes)
    const core = decodeCore(reply.core)
    if (core.server !== check.server.serverRef) throw serverSignature()
    const t1 = transcriptOfShares(crypto, this.hello, reply.core)
    const identityKey = crypto.importVerifyingKey(check.server.identityKey)
    // Before the key agreement: a stranger's shares are not worth the work.
    if (!crypto.verify(identityKey, serverSigningInput(crypto, t1, reply.evidence), reply.sig)) throw serverSignature()
    const keys = deriveSessionKeys(
      crypto,
      t1,
      agreeOrRefuse(() => crypto.agree(this.#agreementKey, core.x)),
      crypto.decapsulate(this.#kemKey, core.ct),
    )
    if (!equalBytes(serverConfirmation(crypto, keys, t1, core.server), reply.mac)) {
      throw new ProtocolError('SESSION_SERVER_CONFIRMATION', 'the server does not hold the session keys')
    }
    const evidence = verifyEvidence(crypto, reply.evidence, {
      expectedNonce: t1,
      registration: check.server,
      policy: check.policy,
    })
    const t2 = transcriptOfServer(crypto, t1, reply.sig, reply.evidence)
    return new CheckedServer(crypto, core.sid, keys, t2, identity, evidence)
  }

  /** `checkServer` and `finishWith` in one, for keys that sign at once. */
  complete(
    replyBytes: Uint8Array,
    check: ServerCheck,
    identity: (ClientIdentity | ReplicaIdentity) & Signing,
  ): UnconfirmedClient {
    const checked = this.checkServer(replyBytes, check, identity)
    return checked.finishWith(identity.sign(checked.toBeSigned))
  }
}

/** The server has proven its identity, its keys and what it runs; now the client proves its own. */
export class CheckedServer {
  /** What the client's key signs: ECDSA P-256 with SHA-256 over these bytes. */
  readonly toBeSigned: Uint8Array
  /** What the evidence said, for showing it. */
  readonly evidence: EvidenceResult
  readonly #crypto: Crypto
  readonly #sid: Uint8Array
  readonly #keys: SessionKeys
  readonly #t2: Uint8Array
  readonly #identity: ClientIdentity | ReplicaIdentity
  readonly #once = once()

  /** @internal Made by `PendingClient.checkServer`. */
  constructor(
    crypto: Crypto,
    sid: Uint8Array,
    keys: SessionKeys,
    t2: Uint8Array,
    identity: ClientIdentity | ReplicaIdentity,
    evidence: EvidenceResult,
  ) {
    this.#crypto = crypto
    this.#sid = sid
    this.#keys = keys
    this.#t2 = t2
    this.#identity = identity
    this.evidence = evidence
    this.toBeSigned = clientSigningInput(crypto, t2, encodeCredential(identity.credential))
  }

  /** @param signature 64 bytes, r ‖ s, of the credential's key over `toBeSigned`. */
  finishWith(signature: Uint8Array): UnconfirmedClient {
    // The box has one key and one nonce: a second finish, perhaps with another signature, would reuse them.
    this.#once()
    if (signature.length !== 64) throw new RangeError('signature must have 64 bytes')
    const crypto = this.#crypto
    const { ref, credential } = this.#identity
    const content = encodeFinishContent({
      client: ref,
      credential,
      sig: signature,
      mac: clientConfirmation(crypto, this.#keys, this.#t2, ref),
    })
    const { key, iv } = this.#keys.finish
    const box = crypto.encrypt(key, iv, finishAad(this.#sid), content)
    return new UnconfirmedClient(crypto, this.#sid, this.#keys, encodeFinish({ sid: this.#sid, box }), this.evidence)
  }
}

const confirmationShape = struct({
  ok: literal(true),
  expiresMs: uint(),
  maxRecordBytes: optional(uint({ min: 4_096, max: MAX_RECORD_BYTES })),
})

/** The finish is made; the server has not accepted it. */
export class UnconfirmedClient {
  /** To send second. */
  readonly finish: Uint8Array
  readonly evidence: EvidenceResult
  readonly #crypto: Crypto
  readonly #sid: Uint8Array
  readonly #keys: SessionKeys
  readonly #once = once()

  /** @internal Made by `CheckedServer.finishWith`. */
  constructor(crypto: Crypto, sid: Uint8Array, keys: SessionKeys, finish: Uint8Array, evidence: EvidenceResult) {
    this.#crypto = crypto
    this.#sid = sid
    this.#keys = keys
    this.finish = finish
    this.evidence = evidence
  }

  /**
   * Opens the session with the answer to the finish.
   * @param monotonicMs the caller's monotonic clock; the session's hour starts here.
   * @throws {ProtocolError} `SESSION_RECORD_REJECTED`, `MESSAGE_MALFORMED`
   */
  confirm(record: Uint8Array, monotonicMs: number): ClientSession {
    this.#once()
    const [cipher, waiting] = startCipher(this.#crypto, this.#sid, this.#keys)
    if (peekRecord(record).seq !== FINISH_SEQ) throw recordRejected()
    const said = confirmationShape(decodeCbor(cipher.open(record).plaintext), 'answer to the finish')
    const { maxRecordBytes = MAX_RECORD_BYTES } = said
    return new ClientSession({ sid: this.#sid, keys: this.#keys, monotonicMs, maxRecordBytes }, cipher, waiting)
  }
}

function serverSignature(): ProtocolError {
  return new ProtocolError('SESSION_SERVER_SIGNATURE', 'the server did not prove its identity')
}

/** A step that may be taken once; again is the caller's bug. */
function once(): () => void {
  let taken = false
  return () => {
    if (taken) throw new TypeError('this step of the handshake was taken before')
    taken = true
  }
}
