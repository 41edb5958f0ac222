/**
 * One record server's log, checked by its checkpoints: every one that it ever anchored continues the one before, with
 * epochs without a gap, and what it shows now continues the newest. Needs no entry of the log.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.3, §6.4.
 *
 * @module
 */
import { decodeHex, equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  logOriginOf,
  serverNoteKeys,
  type CheckpointRecord,
  type ParticipantRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../../../shared/protocol/src/index.ts'
import { openCheckpoint, verifyConsistency, type Checkpoint, type NoteKey } from '../../../../shared/tlog/src/index.ts'
import { ClientError } from '../errors.ts'

/** Hashes of a consistency proof between two sizes of the log; not believed. */
export type FetchConsistency = (from: number, to: number) => Promise<readonly Uint8Array[]>

export interface LogWalkOptions {
  readonly crypto: Crypto
  /** The server's registration, from the ledger. */
  readonly server: Pick<ParticipantRecord, 'ref' | 'publicKey' | 'earlierKeys'>
  readonly fetchConsistency: FetchConsistency
}

export class LogWalk {
  readonly #options: LogWalkOptions
  readonly #keys: readonly NoteKey[]
  #newest: Checkpoint | undefined
  #epoch = 0

  constructor(options: LogWalkOptions) {
    this.#options = options
    const { crypto, server } = options
    this.#keys = serverNoteKeys(crypto, server)
  }

  /** The newest checkpoint that was checked; undefined before the first. */
  get newest(): Checkpoint | undefined {
    return this.#newest
  }

  /** Anchored checkpoints that were checked. */
  get epoch(): number {
    return this.#epoch
  }

  /**
   * Takes the next anchored checkpoint, in the order of epochs.
   * @throws {ClientError | LogError} `CHECKPOINT_EPOCH`, `CHECKPOINT_INVALID`, `CHECKPOINT_SMALLER`, `LOG_*`
   */
  async next(record: CheckpointRecord): Promise<void> {
    if (record.epoch !== this.#epoch + 1) {
      throw new ClientError('CHECKPOINT_EPOCH', { detail: `epoch ${record.epoch} where ${this.#epoch + 1} follows` })
    }
    const checkpoint = this.#open(record.checkpoint)
    if (checkpoint.size !== record.size || !equalBytes(checkpoint.root, decodeHex(record.root))) {
      throw new ClientError('CHECKPOINT_INVALID')
    }
    await this.#follow(checkpoint)
    this.#newest = checkpoint
    this.#epoch = record.epoch
  }

  /**
   * Checks what the server shows now. @param note the signed checkpoint.
   * @throws {ClientError | LogError} `CHECKPOINT_SMALLER`, `LOG_*`
   */
  async now(note: string): Promise<Checkpoint> {
    const checkpoint = this.#open(note)
    await this.#follow(checkpoint)
    return checkpoint
  }

  get #origin(): string {
    return logOriginOf(this.#options.server.ref as ServerRef)
  }

  #open(note: string): Checkpoint {
    return openCheckpoint(this.#options.crypto, note, this.#origin, this.#keys).checkpoint
  }

  async #follow(next: Checkpoint): Promise<void> {
    const before = this.#newest
    if (before === undefined) return
    if (next.size < before.size) throw new ClientError('CHECKPOINT_SMALLER')
    if (before.size === 0) return
    const { crypto, fetchConsistency } = this.#options
    const proof = next.size === before.size ? [] : await fetchConsistency(before.size, next.size)
    verifyConsistency(crypto, before.size, next.size, before.root, next.root, proof)
  }
}
