/**
 * All sessions of the trusted application, half-open and open, with bounds on both. Synchronous and without a clock.
 * Spec: docs/protocol/05-sessions.md.
 *
 *   hello  → reply                 the table keeps a half-open session for a while (§5.8)
 *   finish → PendingFinish         identity proven; what the ledger says of it is still missing
 *          → session and record    `completeFinish`, with the endorsed policy of the organisation
 *   record → request, then answer  any number, any order
 *
 * @module
 */
import { encodeHex, equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import type { CborValue } from '../../../../shared/protocol/src/cbor.ts'
import { decodeFinish, decodeFinishContent } from '../../../../shared/protocol/src/session/messages.ts'
import {
  MAX_RECORD_BYTES,
  peekRecord,
  recordTooLarge,
  sessionExpired,
  SESSION_LIFETIME_MS,
} from '../../../../shared/protocol/src/session/record-layer.ts'
import {
  answerHello,
  checkFinish,
  openFinish,
  type HalfOpenSession,
  type ServerIdentity,
} from '../../../../shared/protocol/src/session/server.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'
import { CertificateChains, credentialRejected, type OrganizationRoots } from './chains.ts'
import type { OrganizationFacts, SessionClient } from './client.ts'
import { checkCredential, type CheckedCredential } from './credentials.ts'
import { HalfOpenSessions, sessionUnknown } from './half-open.ts'
import { Session } from './session.ts'

/** What of the limits is about sessions. */
export type SessionLimits = Pick<Limits, 'recordBytes' | 'sessions' | 'halfOpen' | 'halfOpenMs'>

/** Both clocks of the trusted application (ClockPort). */
export interface Now {
  readonly monotonicMs: number
  readonly unixMs: number
}

/** A client that proved its identity; whether the ledger still knows it is to be seen. */
export interface PendingFinish {
  /** Whose endorsed `organizationPolicy` decides. */
  readonly mspId: string
  readonly client: SessionClient
  /** @internal */
  readonly halfOpen: HalfOpenSession
  /** @internal */
  readonly credential: CheckedCredential
  /** @internal */
  readonly chains: CertificateChains
}

export class SessionTable {
  readonly #crypto: Crypto
  readonly #server: ServerIdentity
  #chains: CertificateChains
  readonly #limits: SessionLimits
  readonly #halfOpen: HalfOpenSessions
  /** Finishes that wait for the ledger; who forgets one takes its keys with it. */
  readonly #pending = new WeakSet<PendingFinish>()
  /** By id, least recently used first. */
  readonly #open = new Map<string, Session>()

  constructor(
    crypto: Crypto,
    server: ServerIdentity,
    organizations: readonly OrganizationRoots[],
    limits: SessionLimits = DEFAULT_LIMITS,
  ) {
    this.#crypto = crypto
    this.#limits = limits
    this.#halfOpen = new HalfOpenSessions(limits)
    this.#server = server
    this.#chains = new CertificateChains(crypto, organizations)
  }

  /** Open sessions. */
  get size(): number {
    return this.#open.size
  }
  get halfOpenSize(): number {
    return this.#halfOpen.size
  }

  /**
   * Answers a hello.
   * @param conn the host's number for the connection; only fairness among connections depends on it.
   * @throws {ProtocolError} `SESSION_TOO_MANY_HALF_OPEN`, and those of `answerHello`.
   */
  hello(hello: Uint8Array, conn: number, { monotonicMs }: Now): Uint8Array {
    this.#halfOpen.makeRoom(conn, monotonicMs)
    const { reply, halfOpen } = answerHello(this.#crypto, hello, this.#server)
    this.#halfOpen.add(halfOpen, conn, monotonicMs)
    return reply
  }

  /**
   * Takes a finish and checks everything that needs no ledger: box, credential, signature, key confirmation.
   * A box that does not open leaves the half-open session as it was, so that nobody else can end it; one that opens
   * uses it up, whatever it contains.
   *
   * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `SESSION_UNKNOWN`, `SESSION_FINISH_REJECTED`,
   * `CREDENTIAL_REJECTED`, `SESSION_CLIENT_SIGNATURE`
   */
  finish(finish: Uint8Array, now: Now): PendingFinish {
    const { sid, box } = decodeFinish(finish)
    const halfOpen = this.#halfOpen.get(sid, now.monotonicMs)
    const opened = openFinish(this.#crypto, halfOpen, box)
    this.#halfOpen.remove(sid)
    const content = decodeFinishContent(opened)
    const credential = checkCredential(this.#crypto, this.#chains, content, now.unixMs)
    checkFinish(this.#crypto, halfOpen, content, credential.key)
    const pending = {
      mspId: credential.client.mspId,
      client: credential.client,
      halfOpen,
      credential,
      chains: this.#chains,
    }
    this.#pending.add(pending)
    return pending
  }

  /**
   * Opens the session if the ledger knows the client (of a patient: its hospital) as active under the key of the
   * certificate, and none of the certificates is revoked. The record is the answer to the finish.
   *
   * @param facts of organisation `pending.mspId`, from an endorsed read.
   * @throws {ProtocolError} `CREDENTIAL_REJECTED`
   * @throws {TypeError} for a second call, or facts of another organisation.
   */
  completeFinish(
    pending: PendingFinish,
    facts: OrganizationFacts,
    now: Now,
  ): { readonly session: Session; readonly record: Uint8Array } {
    const { credential, halfOpen, client } = pending
    // Once, whatever comes of it: a second session under the same keys would reuse nonces.
    if (!this.#pending.delete(pending)) throw new TypeError('this finish was completed before')
    if (facts.mspId !== pending.mspId) throw new TypeError('facts of another organisation')
    if (!pending.chains.hasSameRoots(this.#chains, pending.mspId)) throw credentialRejected()
    const participant = facts.findParticipant(credential.participant)
    if (participant === undefined || !participant.isActive) throw credentialRejected()
    if (!equalBytes(participant.publicKey, credential.participantKey)) throw credentialRejected()
    if (credential.serials.some((serial) => facts.revokedSerials.has(serial))) throw credentialRejected()
    const lifetimeMs = Math.min(SESSION_LIFETIME_MS, credential.endsMs - now.unixMs)
    if (lifetimeMs <= 0) throw credentialRejected()
    const session = new Session(this.#crypto, halfOpen, client, now.monotonicMs + lifetimeMs)
    this.#makeRoom(now.monotonicMs)
    const { recordBytes } = this.#limits
    const record = session.seal(0, {
      ok: true,
      expiresMs: now.unixMs + lifetimeMs,
      // Said where it is less than the protocol's.
      ...(recordBytes < MAX_RECORD_BYTES ? { maxRecordBytes: recordBytes } : {}),
    })
    this.#open.set(session.id, session)
    return { session, record }
  }

  /**
   * Opens a request.
   * @throws {ProtocolError} `RECORD_TOO_LARGE`, `SESSION_RECORD_REJECTED` for what is no record, `SESSION_UNKNOWN`,
   * `SESSION_EXPIRED`, and those of `Session.open`.
   */
  openRecord(
    frame: Uint8Array,
    { monotonicMs }: Now,
  ): { readonly session: Session; readonly seq: number; readonly request: CborValue } {
    if (frame.length > this.#limits.recordBytes) throw recordTooLarge()
    const id = encodeHex(peekRecord(frame).sid)
    const session = this.#open.get(id)
    if (session === undefined) throw sessionUnknown()
    if (monotonicMs >= session.expiresMs) {
      this.#open.delete(id)
      throw sessionExpired()
    }
    const { seq, request } = session.open(frame)
    // Only what was authenticated counts as use.
    this.#open.delete(id)
    this.#open.set(id, session)
    return { session, seq, request }
  }

  /** Seals the answer to a request, once; errors as `Session.seal`. */
  sealAnswer(session: Session, seq: number, answer: CborValue): Uint8Array {
    return session.seal(seq, answer)
  }

  /** Other organisations from now on. Sessions of those that left or have other roots end. @returns how many. */
  reconfigure(organizations: readonly OrganizationRoots[]): number {
    const before = this.#chains
    this.#chains = new CertificateChains(this.#crypto, organizations)
    return this.close(({ mspId }) => !before.hasSameRoots(this.#chains, mspId))
  }

  /** Ends the sessions of clients that `isEnded` names, as when a participant is suspended. @returns how many. */
  close(isEnded: (client: SessionClient) => boolean): number {
    let closed = 0
    for (const [id, session] of this.#open) {
      if (isEnded(session.client) && this.#open.delete(id)) closed++
    }
    return closed
  }

  #makeRoom(monotonicMs: number): void {
    for (const [id, session] of this.#open) {
      if (session.expiresMs > monotonicMs && this.#open.size < this.#limits.sessions) return
      this.#open.delete(id)
    }
  }
}
