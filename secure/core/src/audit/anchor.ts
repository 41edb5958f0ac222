/**
 * Anchoring: the newest checkpoint goes to the ledger under an epoch, one at a time; when it is there and the log has
 * grown, the next one follows. Spec: docs/protocol/10-tee-abi.md §10.3, §10.5, 07-ledger.md §7.12.
 *
 * The epoch is durable before a statement leaves, so the ledger never knows a newer one than the store: if it does, this
 * store is not the newest.
 *
 * @module
 */
import { decodeHex, type Crypto, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { signAnchorStatement, type CheckpointRecord } from '../../../../shared/ledger-model/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  struct,
  uint,
  type ErrorCode,
  type ServerRef,
} from '../../../../shared/protocol/src/index.ts'
import type { EffectOf } from '../../../../shared/tee-abi/src/index.ts'
import { StorageError } from '../errors.ts'
import type { GivenUp } from '../recovery/holder.ts'
import type { Store } from '../store.ts'
import type { Checkpoints, SignedSize } from './checkpoints.ts'

export interface AnchoringIdentity {
  readonly serverRef: ServerRef
  readonly key: SigningKey
}

const META = 'anchor'
/** After this time without an answer the ledger is asked what it has. */
const ANSWER_TIMEOUT_MS = 60_000
/** Between two statements, so that every lone read does not become a ledger transaction; `request` does not wait. */
const INTERVAL_MS = 200
/** After a refusal the next try waits this long. */
const RETRY_MS = 1_000

const metaShape = struct({ epoch: uint(), anchoredEpoch: uint(), size: uint(), root: bytes({ length: 32 }) })

interface UnderWay {
  readonly epoch: number
  readonly checkpoint: SignedSize
  readonly sinceMs: number
}

export class Anchor {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #checkpoints: Checkpoints
  #identity: AnchoringIdentity | undefined
  /** Last epoch that was given to a statement. */
  #epoch = 0
  #anchored: { readonly epoch: number; readonly size: number; readonly root: Uint8Array } | undefined
  #underWay: UnderWay | undefined
  /** An epoch is reserved in this round; the statement follows when the round is durable. */
  #isReserved = false
  #isDisputed = false
  #notBeforeMs = 0

  constructor(store: Store, checkpoints: Checkpoints) {
    this.#crypto = store.crypto
    this.#store = store
    this.#checkpoints = checkpoints
    const stored = store.findMeta(META)
    if (stored === undefined) return
    const { epoch, anchoredEpoch, size, root } = decodeMessage(stored, metaShape, 'anchor')
    this.#epoch = epoch
    if (anchoredEpoch > 0) this.#anchored = { epoch: anchoredEpoch, size, root }
  }

  /** Epoch of the newest statement. */
  get epoch(): number {
    return this.#epoch
  }

  /** What the ledger has, as far as we were told. */
  get anchored(): { readonly epoch: number; readonly size: number; readonly root: Uint8Array } | undefined {
    return this.#anchored
  }

  /** Whether a statement will follow by itself after some time. */
  get isDue(): boolean {
    return this.#identity !== undefined && this.#store.log.size > (this.#anchored?.size ?? 0)
  }

  /** Whether the ledger must be asked for its newest checkpoint before the next statement. */
  get isDisputed(): boolean {
    return this.#isDisputed
  }

  /** From now on this server is certified, and the store is known to be the newest. */
  start(identity: AnchoringIdentity): void {
    this.#identity = identity
  }

  /**
   * Compares the store with the newest checkpoint on the ledger.
   *
   * @param record from an endorsed read; undefined if the ledger has none.
   * @param givenUp the state with which the store goes on in place of the checkpoint of that epoch, with the
   * organisations' leave (docs/protocol/10-tee-abi.md §10.9). After the next checkpoint it means nothing any more.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the ledger knows more than this store.
   * @throws {TrustedApplicationError} `CHECKPOINT_FORKED`
   */
  reconcile(record: CheckpointRecord | undefined, monotonicMs: number, givenUp?: GivenUp): void {
    this.#isDisputed = false
    this.#underWay = undefined
    this.#notBeforeMs = monotonicMs
    if (record === undefined) {
      this.#anchored = undefined
      this.#epoch = 0
      return
    }
    if (record.epoch === givenUp?.epoch) {
      const { epoch, size, root } = givenUp
      this.#store.log.checkExtends({ size, root })
      this.#anchored = { epoch, size, root }
      this.#epoch = epoch
      return
    }
    const root = decodeHex(record.root)
    if (record.epoch > this.#epoch) {
      throw new StorageError('STATE_ROLLED_BACK', 'the ledger has a checkpoint of a newer store')
    }
    this.#store.log.checkExtends({ size: record.size, root })
    this.#anchored = { epoch: record.epoch, size: record.size, root }
    this.#epoch = record.epoch
  }

  /** Whether the ledger has a checkpoint of a later moment than this store: served again only as agreed on (§10.9). */
  isBelow({ epoch, size }: CheckpointRecord): boolean {
    return epoch > this.#epoch || size > this.#store.log.size
  }

  /** Asks for a statement in this round. @returns the epoch that will cover everything that is in the log. */
  request(monotonicMs: number): number {
    this.#notBeforeMs = Math.min(this.#notBeforeMs, monotonicMs)
    const covered = this.#underWay?.checkpoint.size ?? this.#anchored?.size ?? 0
    return covered >= this.#store.log.size ? this.#epoch : this.#epoch + 1
  }

  /** Before the round is made durable: reserves an epoch if a statement is due. */
  reserve(monotonicMs: number): void {
    if (this.#underWay !== undefined && monotonicMs - this.#underWay.sinceMs > ANSWER_TIMEOUT_MS) {
      this.#isDisputed = true
      this.#underWay = undefined
    }
    if (this.#identity === undefined || this.#underWay !== undefined || this.#isDisputed) return
    if (monotonicMs < this.#notBeforeMs || this.#store.log.size <= (this.#anchored?.size ?? 0)) return
    this.#epoch++
    this.#isReserved = true
    this.#write()
  }

  /** After the round is durable: the statement for the reserved epoch. */
  state(monotonicMs: number): EffectOf<'anchor'> | undefined {
    if (!this.#isReserved || this.#identity === undefined) return undefined
    this.#isReserved = false
    const { serverRef, key } = this.#identity
    const checkpoint = this.#checkpoints.current()
    const epoch = this.#epoch
    this.#underWay = { epoch, checkpoint, sinceMs: monotonicMs }
    const statement = { serverRef, epoch, checkpoint: checkpoint.text }
    return { fx: 'anchor', ...statement, signature: signAnchorStatement(this.#crypto, key, statement) }
  }

  /** What the host says became of a statement. Its word is enough to go on, never to trust the store. */
  settled(epoch: number, code: ErrorCode | undefined, monotonicMs: number): void {
    const { checkpoint } = this.#underWay?.epoch === epoch ? this.#underWay : { checkpoint: undefined }
    if (checkpoint === undefined) return
    this.#underWay = undefined
    if (code !== undefined) {
      this.#isDisputed = true
      this.#notBeforeMs = monotonicMs + RETRY_MS
      return
    }
    this.#anchored = { epoch, size: checkpoint.size, root: checkpoint.root }
    this.#notBeforeMs = monotonicMs + INTERVAL_MS
  }

  #write(): void {
    const { epoch, size, root } = this.#anchored ?? { epoch: 0, size: 0, root: new Uint8Array(32) }
    this.#store.setMeta(META, encodeCbor({ epoch: this.#epoch, anchoredEpoch: epoch, size, root }))
  }
}
