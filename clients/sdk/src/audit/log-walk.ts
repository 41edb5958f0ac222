/**
 * One record server's log, checked by its checkpoints: every one that it ever anchored continues the one before, with
 * epochs without a gap, and what it shows now continues the newest. Needs no entry of the log.
 *
 * Where the organisations agreed by votes that the server goes on from a state below a checkpoint, because its newer
 * entries were lost, the log must continue that very state; what was given up is told (`givenUp`).
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.3, §6.4, 07-ledger.md §7.16.
 *
 * @module
 */
import { decodeHex, equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  logOriginOf,
  serverNoteKeys,
  type ApprovedStart,
  type CheckpointRecord,
  type ParticipantRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../../../shared/protocol/src/index.ts'
import { openCheckpoint, verifyConsistency, type Checkpoint, type NoteKey } from '../../../../shared/tlog/src/index.ts'
import { ClientError, codeOf } from '../errors.ts'

/** Hashes of a consistency proof between two sizes of the log; not believed. */
export type FetchConsistency = (from: number, to: number) => Promise<readonly Uint8Array[]>

export interface LogWalkOptions {
  readonly crypto: Crypto
  /** The server's registration, from the ledger. */
  readonly server: Pick<ParticipantRecord, 'ref' | 'publicKey' | 'earlierKeys'>
  readonly fetchConsistency: FetchConsistency
  /** What the organisations agreed on, from the ledger's votes (`approvedStarts`); default: nothing was. */
  readonly starts?: readonly ApprovedStart[]
}

/** Entries that were anchored and are lost, with the leave of more than half of the organisations. */
export interface GivenUpEntries {
  /** Of the votes. */
  readonly term: number
  /** Newest epoch whose checkpoint was given up. */
  readonly epoch: number
  /** The log went on with so many entries. */
  readonly size: number
  /** It had at least so many before. */
  readonly anchoredSize: number
}

/** How a log that is not the one of a checkpoint shows. */
const ANOTHER_LOG: ReadonlySet<unknown> = new Set([
  'CHECKPOINT_SMALLER',
  'LOG_NOT_CONSISTENT',
  'LOG_PROOF_INVALID',
  'LOG_SIZE_INVALID',
])

export class LogWalk {
  readonly #options: LogWalkOptions
  readonly #keys: readonly NoteKey[]
  #newest: Checkpoint | undefined
  #epoch = 0
  /** Checkpoints that the log has no more, until the start comes that gave them up: the largest size, and why. */
  #lost: { readonly size: number; readonly error: unknown } | undefined
  readonly #givenUp: GivenUpEntries[] = []

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

  /** What was lost with the organisations' leave, oldest first; whoever shows the result of the walk shows this. */
  get givenUp(): readonly GivenUpEntries[] {
    return this.#givenUp
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
    await this.#followUnlessGivenUp(record.epoch, checkpoint)
    this.#epoch = record.epoch
    const start = this.#starts.find(({ epoch }) => epoch === record.epoch)
    if (start === undefined || this.#lost === undefined) return
    const anchoredSize = this.#lost.size
    this.#lost = undefined
    const { term, epoch, size, root } = start
    await this.#followUnlessGivenUp(epoch + 1, { origin: this.#origin, size, root: decodeHex(root), extensions: [] })
    this.#givenUp.push({ term, epoch, size, anchoredSize })
  }

  /** @param epoch from which on a start counts that gave it up. */
  async #followUnlessGivenUp(epoch: number, checkpoint: Checkpoint): Promise<void> {
    try {
      await this.#follow(checkpoint)
      this.#newest = checkpoint
    } catch (error) {
      const isGivenUp = this.#starts.some((start) => start.epoch >= epoch && start.size < checkpoint.size)
      if (!isGivenUp || !ANOTHER_LOG.has(codeOf(error))) throw error
      this.#lost = { size: Math.max(this.#lost?.size ?? 0, checkpoint.size), error }
    }
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

  get #starts(): readonly ApprovedStart[] {
    return this.#options.starts ?? []
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
    // Only the start that gave them up ends a row of lost ones.
    if (this.#lost !== undefined) throw this.#lost.error
    if (next.size < before.size) throw new ClientError('CHECKPOINT_SMALLER')
    if (before.size === 0) return
    const { crypto, fetchConsistency } = this.#options
    const proof = next.size === before.size ? [] : await fetchConsistency(before.size, next.size)
    verifyConsistency(crypto, before.size, next.size, before.root, next.root, proof)
  }
}
