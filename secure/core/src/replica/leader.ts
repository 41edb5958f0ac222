/**
 * The side that is followed: lets one replica in, hands it the key of the store, gives it each commit, and knows how far it
 * is. Spec: docs/protocol/11-replica.md §11.3 to §11.6.
 *
 * Limits: one replica; changes that it has not acknowledged are kept up to 64 MiB, then it needs a new copy.
 *
 * @module
 */
import { encodeHex, equalBytes, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeCbor,
  decodeMessage,
  encodeCbor,
  instanceDigest,
  literal,
  oneOf,
  optional,
  ProtocolError,
  struct,
  uint,
  variant,
  verifyEvidence,
  type CborValue,
  type ErrorCode,
} from '../../../../shared/protocol/src/index.ts'
import {
  decodeFinish,
  decodeFinishContent,
  decodeReply,
  type FinishContent,
  type ReplicaCredential,
} from '../../../../shared/protocol/src/session/messages.ts'
import { replicaNonce, transcriptOfShares } from '../../../../shared/protocol/src/session/key-schedule.ts'
import {
  RecordCipher,
  SESSION_LIFETIME_MS,
  sessionExpired,
} from '../../../../shared/protocol/src/session/record-layer.ts'
import { ReplayWindow } from '../../../../shared/protocol/src/session/replay-window.ts'
import {
  answerHello,
  checkFinish,
  openFinish,
  type HalfOpenSession,
} from '../../../../shared/protocol/src/session/server.ts'
import { REPLICATION_MODES, type ReplicationMode } from '../../../../shared/tee-abi/src/index.ts'
import { refusalOf, StorageError, TrustedApplicationError } from '../errors.ts'
import type { Facts } from '../facts/queries.ts'
import type { Now } from '../sessions/index.ts'
import type { Store } from '../store.ts'
import type { Vault } from '../vault.ts'
import { checkReplicaApproved, policyLike, registrationIn } from './approval.ts'
import { encodeChange, type Change } from './change.ts'
import type { Reached } from './follower.ts'

/** The store's row of the pair. */
const META = 'replication'
const KIND = 'replication'
const ID = 'current'
const ROW = label('ta-replication')
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** A replica that waits hears at least this often that there is nothing. */
const SILENCE_MS = 5_000

const metaShape = struct({ mode: oneOf(...REPLICATION_MODES), key: optional(bytes({ length: 65 })) })
const requestShape = variant('cmd', {
  join: struct({ cmd: literal('join') }),
  follow: struct({
    cmd: literal('follow'),
    position: uint(),
    size: uint(),
    root: bytes({ length: 32 }),
    received: uint(),
  }),
})

/** A sealed answer, made when the round is durable. */
export type LinkAnswer = () => { readonly record: Uint8Array } | { readonly code: ErrorCode }

/** A replica that has proven its key; whether the organisations want it is to be seen. */
export interface PendingReplica {
  /** 32 bytes. */
  readonly instance: Uint8Array
  readonly content: FinishContent
  readonly credential: ReplicaCredential
  readonly halfOpen: HalfOpenSession
  readonly nonce: Uint8Array
}

interface Link {
  readonly cipher: RecordCipher
  readonly expiresMs: number
}

interface Kept extends Reached {
  readonly encoded: Uint8Array
}

interface Poll {
  readonly seq: number
  readonly link: Link
  readonly received: number
  readonly sinceMs: number
  readonly answer: (sealed: LinkAnswer) => void
}

export class Leader {
  readonly #vault: Vault
  readonly #crypto: Crypto
  readonly #root: Uint8Array
  #mode: ReplicationMode = 'off'
  #key: Uint8Array | undefined
  #halfOpen: { readonly halfOpen: HalfOpenSession; readonly nonce: Uint8Array; readonly untilMs: number } | undefined
  #link: Link | undefined
  #poll: Poll | undefined
  /** Where the kept changes begin; undefined: some are lost, a new copy is needed. */
  #mark: Reached | undefined
  #kept: Kept[] = []
  #keptBytes = 0
  #acknowledged = 0
  #heardMs: number | undefined

  /**
   * @param root 32 bytes, of the keys of the store: what a replica is given.
   * @throws {StorageError} `STATE_ROLLED_BACK` for a mode that was left.
   */
  constructor(vault: Vault, root: Uint8Array) {
    this.#vault = vault
    this.#crypto = vault.crypto
    this.#root = root
    const stored = findRow(vault.store)
    if (stored !== undefined) {
      const { mode, key } = decodeMessage(stored, metaShape, 'replication')
      this.#mode = mode
      this.#key = key
    }
    this.#listen()
  }

  get mode(): ReplicationMode {
    return this.#mode
  }

  /** Everything up to here is durable at the replica, as far as this run heard. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Unix ms of the replica's last word. */
  get heardMs(): number | undefined {
    return this.#heardMs
  }

  /** Whether this is the replica's key. */
  isFollowedBy(key: Uint8Array): boolean {
    return this.#key !== undefined && equalBytes(this.#key, key)
  }

  /** Whether there may be something to say although nothing arrives. */
  get isDue(): boolean {
    return this.#poll !== undefined
  }

  /**
   * In force from the next round on. The key names the replica; it stays when it is not given.
   * @throws {TrustedApplicationError} `REPLICA_UNKNOWN` without a key; `REPLICA_BEHIND`: synchronous is for a replica that
   * follows, or nobody would be answered from here on.
   */
  setMode(mode: ReplicationMode, key = this.#key): void {
    const { store, configuration } = this.#vault
    if (mode !== 'off' && key === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
    const isOther = key !== undefined && (this.#key === undefined || !equalBytes(key, this.#key))
    if (mode === 'synchronous' && (isOther || this.#link === undefined || this.#mark === undefined)) {
      throw new TrustedApplicationError('REPLICA_BEHIND')
    }
    if (isOther || mode === 'off') this.#forget()
    const wasOff = this.#mode === 'off'
    this.#mode = mode
    this.#key = mode === 'off' ? undefined : key
    const row = encodeCbor({ mode, ...(this.#key === undefined ? {} : { key: this.#key }) })
    store.setMeta(META, row)
    store.state.set(KIND, ID, this.#crypto.sha256(ROW, row))
    this.#vault.log({
      t: 'replica',
      timeMs: this.#vault.now().unixMs,
      actor: configuration.serverRef,
      code: mode,
      ...(this.#key === undefined ? {} : { digest: instanceDigest(this.#crypto, this.#key) }),
    })
    if (wasOff !== (mode === 'off')) this.#listen()
  }

  /** @throws {TrustedApplicationError} `REPLICA_UNKNOWN`, and those of `answerHello`. */
  hello(hello: Uint8Array, { monotonicMs }: Now): Uint8Array {
    this.#checkOn()
    const { reply, halfOpen } = answerHello(this.#crypto, hello, this.#vault.serverIdentity)
    const t1 = transcriptOfShares(this.#crypto, hello, decodeReply(reply).core)
    const untilMs = monotonicMs + this.#vault.limits.halfOpenMs
    this.#halfOpen = { halfOpen, nonce: replicaNonce(this.#crypto, t1), untilMs }
    return reply
  }

  /**
   * All that can be checked without the ledger.
   * @throws {ProtocolError} `SESSION_UNKNOWN`, `SESSION_FINISH_REJECTED`, `SESSION_CLIENT_SIGNATURE`
   * @throws {TrustedApplicationError} `CREDENTIAL_REJECTED`; `REPLICA_UNKNOWN`: another one than was added.
   */
  finish(finish: Uint8Array, { monotonicMs }: Now): PendingReplica {
    this.#checkOn()
    const { sid, box } = decodeFinish(finish)
    const open = this.#halfOpen
    if (open === undefined || monotonicMs >= open.untilMs || encodeHex(open.halfOpen.sid) !== encodeHex(sid)) {
      throw new ProtocolError('SESSION_UNKNOWN', 'there is no such session')
    }
    const { halfOpen, nonce } = open
    const opened = openFinish(this.#crypto, halfOpen, box)
    this.#halfOpen = undefined
    const content = decodeFinishContent(opened)
    const { client, credential } = content
    const { serverRef } = this.#vault.configuration
    if (credential.kind !== 'replica' || client !== serverRef) throw new TrustedApplicationError('CREDENTIAL_REJECTED')
    checkFinish(this.#crypto, halfOpen, content, this.#crypto.importVerifyingKey(credential.key))
    if (this.#key === undefined || !equalBytes(credential.key, this.#key)) {
      throw new TrustedApplicationError('REPLICA_UNKNOWN')
    }
    return { instance: instanceDigest(this.#crypto, credential.key), content, credential, halfOpen, nonce }
  }

  /**
   * What the ledger says of it decides; from here on it is the one that follows.
   * @returns the record that confirms the session.
   * @throws {TrustedApplicationError} `REPLICA_NOT_APPROVED`, `CREDENTIAL_REJECTED` @throws {ProtocolError} `ATTESTATION_*`
   */
  completeFinish(pending: PendingReplica, facts: Facts, now: Now): Uint8Array {
    const { instance, credential, halfOpen, nonce } = pending
    const { configuration, serverIdentity } = this.#vault
    checkReplicaApproved(facts, configuration, instance)
    verifyEvidence(this.#crypto, credential.evidence, {
      expectedNonce: nonce,
      // Its own key instead of the server's, which it does not have yet.
      registration: { ...registrationIn(facts, configuration), identityKey: credential.key },
      policy: policyLike(serverIdentity.attest(nonce)),
    })
    this.#drop('SESSION_EXPIRED')
    const window = new ReplayWindow()
    window.mark(0)
    const cipher = RecordCipher.ofServer(this.#crypto, halfOpen.sid, halfOpen.keys, window)
    this.#link = { cipher, expiresMs: now.monotonicMs + SESSION_LIFETIME_MS }
    return cipher.seal(0, encodeCbor({ ok: true, expiresMs: now.unixMs + SESSION_LIFETIME_MS }))
  }

  /**
   * A request of the replica: its word of what it has, and the wish for more. Answered when there is more.
   * @throws {ProtocolError} `SESSION_UNKNOWN`, `SESSION_EXPIRED`, `SESSION_REPLAY`, `SESSION_RECORD_REJECTED`
   * @throws {StorageError} `STATE_ROLLED_BACK`: the replica has more than this store, which was put back.
   */
  record(record: Uint8Array, now: Now, answer: (sealed: LinkAnswer) => void): void {
    const link = this.#link
    if (link === undefined) throw new ProtocolError('SESSION_UNKNOWN', 'there is no such session')
    if (now.monotonicMs >= link.expiresMs) throw sessionExpired()
    const { seq, plaintext } = link.cipher.open(record)
    this.#heardMs = now.unixMs
    const seal = (message: CborValue) => () => ({ record: link.cipher.seal(seq, encodeCbor(message)) })
    try {
      const request = requestShape(decodeCbor(plaintext), 'request')
      if (request.cmd === 'join') {
        answer(seal({ ok: true, root: this.#root }))
        return
      }
      this.#settle(request)
      this.#endPoll('TEE_BUSY')
      this.#poll = { seq, link, received: request.received, sinceMs: now.monotonicMs, answer }
    } catch (error) {
      const code = refusalOf(error)?.code
      if (code === undefined || error instanceof StorageError) throw error
      answer(seal({ ok: false, code }))
    }
  }

  /** After the round is durable: what it changed goes to the replica that waits. */
  step({ monotonicMs }: Now): void {
    const poll = this.#poll
    if (poll === undefined) return
    if (this.#mark === undefined) {
      this.#answer(poll, { ok: false, code: 'REPLICA_BEHIND' })
      return
    }
    const piece = this.#piece(poll.received)
    if (piece.length > 0 || monotonicMs - poll.sinceMs >= SILENCE_MS) this.#answer(poll, { ok: true, bytes: piece })
  }

  #answer(poll: Poll, message: CborValue): void {
    this.#poll = undefined
    poll.answer(() => ({ record: poll.link.cipher.seal(poll.seq, encodeCbor(message)) }))
  }

  /** Of the kept changes as one stream, from an offset. */
  #piece(from: number): Uint8Array {
    const parts: Uint8Array[] = []
    let skip = from
    let room = MAX_ANSWER_BYTES
    for (const { encoded } of this.#kept) {
      if (room === 0) break
      if (skip >= encoded.length) {
        skip -= encoded.length
        continue
      }
      const part = encoded.subarray(skip, skip + room)
      skip = 0
      room -= part.length
      parts.push(part)
    }
    const piece = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      piece.set(part, at)
      at += part.length
    }
    return piece
  }

  /** What the replica has need not be kept; what it cannot have is a contradiction. */
  #settle({ position, size, root }: Reached): void {
    const { store } = this.#vault
    // Signed into the session by the same program: this store was older once than it is said to be now.
    if (position > store.position) throw new StorageError('STATE_ROLLED_BACK', 'the replica has a newer store')
    const known = [...(this.#mark === undefined ? [] : [this.#mark]), ...this.#kept].find(
      (one) => one.position === position,
    )
    if (known === undefined) throw new TrustedApplicationError('REPLICA_BEHIND')
    if (known.size !== size || !equalBytes(known.root, root)) throw new TrustedApplicationError('REPLICA_DIVERGED')
    this.#mark = { position, size, root }
    this.#kept = this.#kept.filter((one) => one.position > position)
    this.#keptBytes = this.#kept.reduce((sum, { encoded }) => sum + encoded.length, 0)
    this.#acknowledged = position
  }

  #committed(change: Change): void {
    if (this.#mark === undefined) return
    const { position, size, root } = change
    const encoded = encodeChange(change)
    this.#kept.push({ position, size, root, encoded })
    this.#keptBytes += encoded.length
    if (this.#keptBytes > this.#vault.limits.keptBytes) this.#lose()
  }

  /** From now on, or no more, each commit is kept. */
  #listen(): void {
    const { store } = this.#vault
    if (this.#mode === 'off') {
      store.follow(undefined)
      return
    }
    store.follow((change) => {
      // The first one only says where a copy may begin.
      if (change.runs === undefined) this.#begin(change)
      else this.#committed({ ...change, runs: change.runs })
    })
  }

  #begin({ position, size, root }: Reached): void {
    this.#mark = { position, size, root }
    this.#kept = []
    this.#keptBytes = 0
  }

  #lose(): void {
    this.#mark = undefined
    this.#kept = []
    this.#keptBytes = 0
  }

  #forget(): void {
    this.#drop('REPLICA_UNKNOWN')
    this.#halfOpen = undefined
    this.#acknowledged = 0
    this.#heardMs = undefined
  }

  #drop(code: ErrorCode): void {
    this.#endPoll(code)
    this.#link = undefined
  }

  #endPoll(code: ErrorCode): void {
    const poll = this.#poll
    this.#poll = undefined
    poll?.answer(() => ({ code }))
  }

  #checkOn(): void {
    if (this.#mode === 'off') throw new TrustedApplicationError('REPLICA_UNKNOWN')
  }
}

function findRow(store: Store): Uint8Array | undefined {
  const row = store.findMeta(META)
  // Stores of before the rule have no head of it until the next change.
  if (store.state.get(KIND, ID) !== undefined) {
    store.state.checkRow(KIND, ID, store.crypto.sha256(ROW, row ?? new Uint8Array(0)))
  }
  return row
}
