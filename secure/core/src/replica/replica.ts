/**
 * The side that follows: what it is before it holds the store. It is known by the key of its instance (recovery/instance.ts).
 * What it must know at its next start is in recovery/pairing.ts. Spec: docs/protocol/11-replica.md §11.2 to §11.5.
 *
 * @module
 */
import { equalBytes, type Crypto, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { bytes, literal, ProtocolError, struct, type CborValue } from '../../../../shared/protocol/src/index.ts'
import { isErrorCode } from '../../../../shared/protocol/src/error-table.ts'
import {
  startHandshake,
  type ClientSession,
  type PendingClient,
  type UnconfirmedClient,
} from '../../../../shared/protocol/src/session/index.ts'
import { replicaNonce, transcriptOfShares } from '../../../../shared/protocol/src/session/key-schedule.ts'
import { decodeReply } from '../../../../shared/protocol/src/session/messages.ts'
import { refusalOf, TrustedApplicationError } from '../errors.ts'
import { LedgerFacts } from '../facts/ledger-facts.ts'
import type { Facts } from '../facts/queries.ts'
import { decodeConfiguration, type Configuration } from '../keys/configuration.ts'
import { storeKeysOf } from '../keys/sealing.ts'
import { deriveInstance } from '../recovery/instance.ts'
import { hasPairing, withPairing } from '../recovery/pairing.ts'
import type { Limits } from '../limits.ts'
import type { SqlDatabase, TrustedApplicationPorts } from '../ports.ts'
import type { Now } from '../sessions/index.ts'
import { policyLike, registrationIn } from './approval.ts'
import { ChangeReader } from './change.ts'
import { Follower, type Reached } from './follower.ts'

const joinedShape = struct({ ok: literal(true), root: bytes({ length: 32 }) })
const changesShape = struct({ ok: literal(true), bytes: bytes({ max: 8 * 1024 * 1024 }) })

/** Where the conversation with the server is. */
type Phase =
  | { readonly at: 'idle' }
  | { readonly at: 'greeting'; readonly client: PendingClient }
  | { readonly at: 'finishing'; readonly client: UnconfirmedClient }
  | { readonly at: 'joining' | 'joined'; readonly session: ClientSession; readonly seq: number }
  | { readonly at: 'following'; readonly session: ClientSession; readonly seq: number }

/** A replica that is none any more. */
export interface Promoted {
  /** 32 bytes, of the keys of the store. */
  readonly root: Uint8Array
  /** 32 bytes, of the server before, if its store has another root. */
  readonly rootBefore: Uint8Array | undefined
}

/** How many bytes a root has. */
const ROOT_BYTES = 32

export class Replica {
  readonly #ports: TrustedApplicationPorts
  readonly #crypto: Crypto
  readonly #database: string
  readonly #key: SigningKey
  readonly configuration: Configuration
  readonly facts: LedgerFacts
  #root: Uint8Array | undefined
  #follower: Follower | undefined
  #reader = new ChangeReader()
  #phase: Phase = { at: 'idle' }

  private constructor(
    ports: TrustedApplicationPorts,
    parts: { readonly key: SigningKey; readonly configuration: Uint8Array; readonly root: Uint8Array | undefined },
    database: string,
    limits: Limits,
  ) {
    this.#ports = ports
    this.#crypto = ports.crypto
    this.#database = database
    this.#key = parts.key
    this.configuration = decodeConfiguration(ports.crypto, parts.configuration)
    this.facts = new LedgerFacts(ports.crypto, this.configuration, limits)
    this.#root = parts.root
  }

  /** Makes this, a server without a store, a replica; or one that goes by another configuration from now on. */
  static prepare(ports: TrustedApplicationPorts, configuration: Uint8Array, database: string, limits: Limits): Replica {
    const { crypto } = ports
    const { key } = deriveInstance(crypto, ports.deviceKey)
    withPairing(ports, (pairing) => pairing.write('configuration', configuration))
    return new Replica(ports, { key, configuration, root: undefined }, database, limits)
  }

  /**
   * What an earlier start made of it: a replica, or one that was promoted and has the key of its store.
   * Undefined: neither.
   */
  static find(ports: TrustedApplicationPorts, database: string, limits: Limits): Replica | Promoted | undefined {
    if (!hasPairing(ports)) return undefined
    const { configuration, root, own, isPromoted } = withPairing(ports, (pairing) => ({
      configuration: pairing.find('configuration'),
      root: pairing.find('root'),
      own: pairing.find('own'),
      isPromoted: pairing.find('promoted') !== undefined,
    }))
    if (isPromoted && root !== undefined) return { root: own ?? root, rootBefore: own === undefined ? undefined : root }
    // A start that was cut before it had written it: there is no replica yet.
    if (configuration === undefined) return undefined
    const { key } = deriveInstance(ports.crypto, ports.deviceKey)
    return new Replica(ports, { key, configuration, root }, database, limits)
  }

  /** 65 bytes. */
  get key(): Uint8Array {
    return this.#key.publicKey
  }

  /** Undefined while there is no copy of the store. */
  get reached(): Reached | undefined {
    return this.#follower?.reached
  }

  /** Begins a session, whatever was before. */
  hello(): Uint8Array {
    const client = startHandshake(this.#crypto)
    this.#phase = { at: 'greeting', client }
    return client.hello
  }

  /**
   * Checks the server, by what the ledger says of it, and proves what this is.
   * @throws {ProtocolError} as `PendingClient.checkServer`; `SESSION_UNKNOWN` if no hello was made.
   * @throws {TrustedApplicationError} `CREDENTIAL_REJECTED`: the ledger has no such server.
   */
  reply(reply: Uint8Array, facts: Facts): Uint8Array {
    const phase = this.#phase
    if (phase.at !== 'greeting') throw sessionUnknown()
    this.#phase = { at: 'idle' }
    const t1 = transcriptOfShares(this.#crypto, phase.client.hello, decodeReply(reply).core)
    const evidence = this.#attest(replicaNonce(this.#crypto, t1))
    const check = { server: registrationIn(facts, this.configuration), policy: policyLike(evidence) }
    const client = phase.client.complete(reply, check, {
      ref: this.configuration.serverRef,
      credential: { kind: 'replica', key: this.key, evidence },
      sign: (message) => this.#crypto.sign(this.#key, message),
    })
    this.#phase = { at: 'finishing', client }
    return client.finish
  }

  /**
   * Takes an answer of the server.
   * @returns the next request; undefined while there is no copy of the store. To send when the round is durable: it tells
   * the server what this has.
   * @throws {ProtocolError} with the code that the server refused with, and those of sessions.
   * @throws {StorageError} `STATE_ROLLED_BACK`: the copy does not become what the server has.
   */
  take(record: Uint8Array, now: Now): Uint8Array | undefined {
    const phase = this.#phase
    switch (phase.at) {
      case 'finishing': {
        this.#phase = { at: 'idle' }
        const session = phase.client.confirm(record, now.monotonicMs)
        const { seq, frame } = session.sealRequest({ cmd: 'join' }, now.monotonicMs)
        this.#phase = { at: 'joining', session, seq }
        return frame
      }
      case 'joining': {
        const { session, seq } = phase
        this.#keepRoot(joinedShape(accepted(session.openAnswer(seq, record)), 'answer').root)
        this.#phase = { ...phase, at: 'joined' }
        return this.#follower === undefined ? undefined : this.#follow(this.#follower, session, now)
      }
      case 'following': {
        const { session, seq } = phase
        const follower = this.#follower
        if (follower === undefined) throw sessionUnknown()
        const { bytes: piece } = changesShape(accepted(session.openAnswer(seq, record)), 'answer')
        for (const change of this.#reader.push(piece)) follower.apply(change)
        return this.#follow(follower, session, now)
      }
      default:
        throw sessionUnknown()
    }
  }

  /**
   * Opens the copy of the store that the host has put in its place. From then on it is under a root of this device's own,
   * which the server does not know (§11.5).
   * @throws {TrustedApplicationError} `REPLICA_UNKNOWN` before the key was handed over.
   * @throws {StorageError} `STORE_DAMAGED`, `STATE_ROLLED_BACK`
   */
  open(): Reached {
    this.close()
    const opened = this.#openCopy()
    try {
      this.#follower = new Follower(this.#crypto, opened)
    } catch (error) {
      opened.close()
      throw error
    }
    this.#reader = new ChangeReader()
    return this.#follower.reached
  }

  /** From now on this is not a replica. @throws {TrustedApplicationError} `REPLICA_UNKNOWN` without a copy. */
  promote(): Promoted {
    const root = this.#root
    if (root === undefined || this.#follower === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
    this.close()
    const own = withPairing(this.#ports, (pairing) => {
      pairing.write('promoted', new Uint8Array(1))
      return pairing.find('own')
    })
    return { root: own ?? root, rootBefore: own === undefined ? undefined : root }
  }

  /** The copy may be exchanged. */
  close(): void {
    this.#follower?.close()
    this.#follower = undefined
  }

  #openCopy(): SqlDatabase {
    const { database } = this.#ports
    if (this.#root === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
    const copied = storeKeysOf(this.#crypto, this.#root).database
    if (database.rekey === undefined) return database.open(this.#database, copied)
    const own = storeKeysOf(this.#crypto, this.#ownRoot()).database
    try {
      return database.open(this.#database, own)
    } catch (error) {
      // A copy that has just come is under the server's.
      if (refusalOf(error)?.code !== 'STORE_DAMAGED') throw error
      database.rekey(this.#database, copied, own)
      return database.open(this.#database, own)
    }
  }

  #ownRoot(): Uint8Array {
    return withPairing(this.#ports, (pairing) => {
      const known = pairing.find('own')
      if (known !== undefined) return known
      const own = this.#crypto.randomBytes(ROOT_BYTES)
      pairing.write('own', own)
      return own
    })
  }

  #keepRoot(root: Uint8Array): void {
    if (this.#root !== undefined && equalBytes(this.#root, root)) return
    // A copy under another key is of no use any more.
    this.close()
    withPairing(this.#ports, (pairing) => pairing.write('root', root))
    this.#root = root
  }

  #follow({ reached }: Follower, session: ClientSession, { monotonicMs }: Now): Uint8Array {
    const { position, size, root } = reached
    const { received } = this.#reader
    const { seq, frame } = session.sealRequest({ cmd: 'follow', position, size, root, received }, monotonicMs)
    this.#phase = { at: 'following', session, seq }
    return frame
  }

  #attest(nonce: Uint8Array): string {
    const { serverRef, digest } = this.configuration
    const claims = { serverRef, identityKey: this.key, configDigest: digest }
    return this.#ports.evidence.attest(nonce, { ...claims, nowMs: this.#ports.clock.nowMs() })
  }
}

/** @throws {ProtocolError} the refusal. */
function accepted(answer: CborValue): CborValue {
  const { ok, code } = answer as { readonly ok?: CborValue; readonly code?: CborValue }
  if (ok === false && isErrorCode(code)) throw new ProtocolError(code, 'the server refuses')
  return answer
}

function sessionUnknown(): ProtocolError {
  return new ProtocolError('SESSION_UNKNOWN', 'there is no such session')
}
