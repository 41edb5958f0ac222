/**
 * A trusted application on new hardware, before it has the key of the store: hospitals give it their recovery shares in
 * attested sessions, it puts the key together, and opens the copy of the store that its host has put in place.
 * Spec: docs/protocol/12-recovery-shares.md §12.4, §12.5.
 *
 * It is known by the key of its instance. Shares are in memory only: after a start in between the hospitals give theirs
 * again; the key, once it is whole, is kept under this device's own key. It hands nothing out.
 *
 * @module
 */
import { combineShares, type Crypto, type VerifyingKey } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  checkShare,
  decodeMessage,
  encodeCbor,
  findHolding,
  isRootOf,
  literal,
  openRecoverySet,
  ProtocolError,
  ROOT_BYTES,
  struct,
  uint,
  type CborValue,
  type MspId,
  type RecoverySet,
  type SignedRecoverySet,
} from '../../../../shared/protocol/src/index.ts'
import { refusalOf, StorageError, TrustedApplicationError } from '../errors.ts'
import { LedgerFacts } from '../facts/ledger-facts.ts'
import type { Facts } from '../facts/queries.ts'
import { decodeConfiguration, type Configuration } from '../keys/configuration.ts'
import { storeKeysOf } from '../keys/sealing.ts'
import type { Limits } from '../limits.ts'
import type { TrustedApplicationPorts } from '../ports.ts'
import { setKeysIn } from '../replica/approval.ts'
import { organizationFacts, SessionTable, type Now, type PendingFinish, type SessionClient } from '../sessions/index.ts'
import { Store } from '../store.ts'
import { deriveInstance } from './instance.ts'
import { hasPairing, withPairing } from './pairing.ts'
import { findShares } from './shares.ts'

/** Sets of which shares are collected at once: the newest one, and the one before it where too few had the newest. */
const MAX_SETS = 4

const giveShape = struct({
  cmd: literal('recovery.give'),
  set: bytes({ min: 1, max: 256 * 1024 }),
  signature: bytes({ length: 64 }),
  share: bytes({ length: ROOT_BYTES }),
})
type Given = { readonly set: Uint8Array; readonly signature: Uint8Array; readonly share: Uint8Array }
const numberShape = struct({ number: uint({ min: 1 }) })

/** Shares of one set, by the index of each. */
interface Collected {
  readonly set: RecoverySet
  readonly shares: Map<number, Uint8Array>
}

/** How far it is. */
export interface Progress {
  /** Number and threshold of the set with most shares; absent before the first share. */
  readonly number?: number
  readonly threshold?: number
  /** Organisations that have given their share of it. */
  readonly given: readonly MspId[]
  /** Organisations that have given a share that is not theirs. */
  readonly wrong: readonly MspId[]
  /** The key is whole. */
  readonly isComplete: boolean
}

export class Restoring {
  readonly #ports: TrustedApplicationPorts
  readonly #crypto: Crypto
  readonly #database: string
  readonly configuration: Configuration
  readonly facts: LedgerFacts
  /** 65 bytes, of the instance. */
  readonly key: Uint8Array
  readonly #sessions: SessionTable
  /** Of the server, as the ledger has them: those that may have signed a set. */
  #setKeys: readonly VerifyingKey[] = []
  readonly #collected = new Map<string, Collected>()
  readonly #wrong = new Set<MspId>()
  #isComplete: boolean

  private constructor(
    ports: TrustedApplicationPorts,
    configuration: Uint8Array,
    isComplete: boolean,
    database: string,
    limits: Limits,
  ) {
    this.#ports = ports
    this.#crypto = ports.crypto
    this.#database = database
    this.#isComplete = isComplete
    this.configuration = decodeConfiguration(ports.crypto, configuration)
    this.facts = new LedgerFacts(ports.crypto, this.configuration, limits)
    const { key } = deriveInstance(ports.crypto, ports.deviceKey)
    this.key = key.publicKey
    const { serverRef, digest, organizations } = this.configuration
    const attest = (nonce: Uint8Array): string =>
      ports.evidence.attest(nonce, {
        serverRef,
        identityKey: key.publicKey,
        configDigest: digest,
        nowMs: ports.clock.nowMs(),
      })
    this.#sessions = new SessionTable(ports.crypto, { ref: serverRef, identityKey: key, attest }, organizations, limits)
  }

  /** Makes this, a trusted application without a store, one that restores another's. */
  static prepare(
    ports: TrustedApplicationPorts,
    configuration: Uint8Array,
    database: string,
    limits: Limits,
  ): Restoring {
    const isComplete = withPairing(ports, (pairing) => {
      pairing.write('restoring', configuration)
      return pairing.find('root') !== undefined
    })
    return new Restoring(ports, configuration, isComplete, database, limits)
  }

  /** What an earlier start made of it. Undefined: it restores nothing. */
  static find(ports: TrustedApplicationPorts, database: string, limits: Limits): Restoring | undefined {
    if (!hasPairing(ports)) return undefined
    const { configuration, isComplete } = withPairing(ports, (pairing) => ({
      configuration: pairing.find('restoring'),
      isComplete: pairing.find('root') !== undefined,
    }))
    return configuration === undefined ? undefined : new Restoring(ports, configuration, isComplete, database, limits)
  }

  get progress(): Progress {
    const most = [...this.#collected.values()].reduce<Collected | undefined>(
      (best, one) => (best === undefined || one.shares.size > best.shares.size ? one : best),
      undefined,
    )
    const wrong = [...this.#wrong]
    if (most === undefined) return { given: [], wrong, isComplete: this.#isComplete }
    const { number, threshold, holders } = most.set
    const given = holders.filter((_, i) => most.shares.has(i + 1)).map(({ mspId }) => mspId)
    return { number, threshold, given, wrong, isComplete: this.#isComplete }
  }

  /** As `SessionTable.hello`. */
  hello(hello: Uint8Array, conn: number, now: Now): Uint8Array {
    return this.#sessions.hello(hello, conn, now)
  }

  /** As `SessionTable.finish`. */
  finish(finish: Uint8Array, now: Now): PendingFinish {
    return this.#sessions.finish(finish, now)
  }

  /**
   * @returns the record that confirms the session.
   * @throws {ProtocolError} `CREDENTIAL_REJECTED` @throws {TrustedApplicationError} the same: no such server.
   */
  completeFinish(pending: PendingFinish, facts: Facts, now: Now): Uint8Array {
    const keys = setKeysIn(facts, this.configuration)
    const { record } = this.#sessions.completeFinish(pending, organizationFacts(facts.organization(pending.mspId)), now)
    this.#setKeys = keys.map((key) => this.#crypto.importVerifyingKey(key))
    return record
  }

  /**
   * A share of a hospital.
   * @returns the sealed answer, for when the round is durable.
   * @throws {ProtocolError} as `SessionTable.openRecord`.
   */
  record(record: Uint8Array, now: Now): () => Uint8Array {
    const { session, seq, request } = this.#sessions.openRecord(record, now)
    let answer: CborValue
    try {
      const { given, threshold, isComplete } = this.#give(session.client, giveShape(request, 'request'))
      answer = { ok: true, given: [...given], isComplete, ...(threshold === undefined ? {} : { threshold }) }
    } catch (error) {
      const code = refusalOf(error)?.code
      if (code === undefined || error instanceof StorageError) throw error
      answer = { ok: false, code }
    }
    return () => this.#sessions.sealAnswer(session, seq, answer)
  }

  /**
   * Opens the copy of the store that the host has put in its place, once, to see that it is the one.
   * @returns the root of its keys, 32 bytes, and the number of the set that it came from.
   * @throws {TrustedApplicationError} `RECOVERY_SHARES_MISSING`, `RECOVERY_SET_OLD`
   * @throws {StorageError} `STORE_DAMAGED`, `STATE_ROLLED_BACK`: this copy is no good.
   */
  open(): { readonly root: Uint8Array; readonly number: number } {
    const { root, set } = withPairing(this.#ports, (pairing) => ({
      root: pairing.find('root'),
      set: pairing.find('set'),
    }))
    if (root === undefined || set === undefined) throw new TrustedApplicationError('RECOVERY_SHARES_MISSING')
    const number = decodeNumber(set)
    if (this.#ports.database.has?.(this.#database) !== true) {
      throw new StorageError('STORE_DAMAGED', 'there is no store')
    }
    const opened = this.#ports.database.open(this.#database, storeKeysOf(this.#crypto, root).database)
    try {
      const shares = findShares(Store.open(this.#crypto, opened))
      // A newer set is known to have been with as many hospitals as it takes: the older one was to be forgotten.
      if (shares !== undefined && shares.ready > number) {
        throw new TrustedApplicationError('RECOVERY_SET_OLD')
      }
    } finally {
      opened.close()
    }
    withPairing(this.#ports, (pairing) => pairing.write('promoted', new Uint8Array(1)))
    return { root, number }
  }

  #give({ kind, ref, mspId }: SessionClient, { set: encoded, signature, share }: Given): Progress {
    if (kind !== 'organization') throw new TrustedApplicationError('TEE_FORBIDDEN')
    const set = this.#openSet({ set: encoded, signature })
    const holding = findHolding(set, ref)
    if (holding === undefined || holding.mspId !== mspId) {
      throw new ProtocolError('RECOVERY_SET_INVALID', 'the hospital has no share in this set')
    }
    const { index } = holding
    try {
      checkShare(this.#crypto, set, index, share)
    } catch (error) {
      // So that whoever restores knows whom to ask again.
      this.#wrong.add(holding.mspId)
      throw error
    }
    this.#wrong.delete(holding.mspId)
    if (this.#isComplete) return this.progress
    const collected = this.#collect(set)
    collected.shares.set(index, share.slice())
    if (collected.shares.size >= set.threshold) this.#combine(collected)
    return this.progress
  }

  #openSet(signed: SignedRecoverySet): RecoverySet {
    let refusal: unknown = new ProtocolError('SESSION_UNKNOWN', 'there is no such session')
    for (const identityKey of this.#setKeys) {
      try {
        return openRecoverySet(this.#crypto, signed, { ref: this.configuration.serverRef, identityKey })
      } catch (error) {
        refusal = error
      }
    }
    throw refusal
  }

  #collect(set: RecoverySet): Collected {
    const name = set.id.join()
    const known = this.#collected.get(name)
    if (known !== undefined) return known
    const added = { set, shares: new Map<number, Uint8Array>() }
    this.#collected.set(name, added)
    if (this.#collected.size > MAX_SETS) {
      const oldest = [...this.#collected].reduce((old, one) => (one[1].set.number < old[1].set.number ? one : old))
      this.#collected.delete(oldest[0])
    }
    return added
  }

  #combine({ set, shares }: Collected): void {
    const root = combineShares([...shares].slice(0, set.threshold).map(([index, value]) => ({ index, value })))
    if (!isRootOf(this.#crypto, set, root))
      throw new ProtocolError('RECOVERY_SET_INVALID', 'the shares give another key')
    withPairing(this.#ports, (pairing) => {
      pairing.write('root', root)
      pairing.write('set', encodeCbor({ number: set.number }))
    })
    root.fill(0)
    for (const { shares: all } of this.#collected.values()) for (const share of all.values()) share.fill(0)
    this.#isComplete = true
  }
}

/** Number of the set of shares by which this device came by the key of its store. Undefined: it did not. */
export function restoredSet(ports: TrustedApplicationPorts): number | undefined {
  if (!hasPairing(ports)) return undefined
  const number = withPairing(ports, (pairing) => pairing.find('set'))
  return number === undefined ? undefined : decodeNumber(number)
}

function decodeNumber(encoded: Uint8Array): number {
  return decodeMessage(encoded, numberShape, 'set').number
}
