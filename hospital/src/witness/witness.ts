/**
 * The hospital as a witness of a record server's log: it cosigns a checkpoint only if it is the same log that it
 * cosigned before, grown. By the rules of https://c2sp.org/tlog-witness.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.5, §6.11.
 *
 * Everything between reading what it remembers and writing it runs without a pause: two requests cannot both be signed
 * from one size.
 *
 * @module
 */
import { equalBytes, type Crypto, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { serverNoteKeys, type ParticipantRecord } from '../../../shared/ledger-model/src/index.ts'
import {
  ProtocolError,
  serverRefShape,
  type ErrorCode,
  type HospitalRef,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import {
  cosign,
  LogError,
  logOrigin,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  verifyConsistency,
  type Checkpoint,
  type NoteKey,
  type NoteSignature,
  type OpenedCheckpoint,
  type WitnessRequest,
} from '../../../shared/tlog/src/index.ts'
import type { Remembered, WitnessMemory } from './witness-memory.ts'

export interface WitnessParts {
  readonly crypto: Crypto
  /** The hospital's reference: the name it signs with. */
  readonly name: HospitalRef
  readonly key: SigningKey
  readonly memory: WitnessMemory
  readonly nowMs: () => number
  /** A record server's registration, from the ledger; undefined if it has none that is active. */
  readonly findServer: (ref: ServerRef) => Promise<Pick<ParticipantRecord, 'publicKey' | 'earlierKeys'> | undefined>
}

export class Witness {
  readonly #parts: WitnessParts

  constructor(parts: WitnessParts) {
    this.#parts = parts
  }

  remembered(log: ServerRef): Remembered {
    return this.#parts.memory.read(log)
  }

  /**
   * Cosigns a checkpoint.
   * @param isFetched the proof is from the record server itself: one that does not verify is kept. A stranger's is not,
   * two roots of one size are always.
   * @throws {ProtocolError} `WITNESS_LOG_UNKNOWN`, `WITNESS_SIZE` (`oldSize` is not what it remembers),
   * `CHECKPOINT_FORKED` (same size, other root), `STORE_DAMAGED`.
   * @throws {LogError} `LOG_CHECKPOINT_MALFORMED`, `LOG_SIGNATURE_*`, `LOG_SIZE_INVALID`, `LOG_PROOF_INVALID`,
   * `LOG_NOT_CONSISTENT`
   */
  async add(request: WitnessRequest, { isFetched = false } = {}): Promise<NoteSignature> {
    const log = findLog(request.checkpoint)
    const keys = await this.#keysOf(log)
    const { crypto, memory, key, name, nowMs } = this.#parts
    const offered = openCheckpoint(crypto, request.checkpoint, logOrigin(log), keys)
    // No pause from here on.
    this.#check(log, request, offered, isFetched)
    memory.advance(log, offered.checkpoint.size, request.checkpoint)
    return cosign(crypto, key, name, offered.note, nowMs())
  }

  /**
   * Compares a signed checkpoint from elsewhere, such as the ledger, with what is remembered, and cosigns nothing.
   * @param fetchProof consistency proof between two sizes; not believed.
   * @throws as `add`
   */
  async compare(
    log: ServerRef,
    note: string,
    fetchProof: (from: number, to: number) => Promise<readonly Uint8Array[]>,
  ): Promise<void> {
    const { crypto, memory } = this.#parts
    const keys = await this.#keysOf(log)
    const other = openCheckpoint(crypto, note, logOrigin(log), keys).checkpoint
    const seen = memory.read(log)
    if (seen.size === 0) return memory.advance(log, other.size, note)
    const own = parseCheckpoint(parseNote(seen.note).text)
    const [older, newer] = other.size < own.size ? [other, own] : [own, other]
    if (older.size === 0) return
    const proof = older.size === newer.size ? [] : await fetchProof(older.size, newer.size)
    this.#keeping(log, seen.note, note, true, () => checkExtends(crypto, older, newer, proof))
  }

  #check(
    log: ServerRef,
    { oldSize, proof, checkpoint }: WitnessRequest,
    offered: OpenedCheckpoint,
    isFetched: boolean,
  ): void {
    const { crypto, memory } = this.#parts
    const seen = memory.read(log)
    const { size } = offered.checkpoint
    if (oldSize > size) throw new LogError('LOG_SIZE_INVALID', 'the log would be smaller')
    if (oldSize !== seen.size) throw new WitnessSizeError(seen.size)
    if (seen.size === 0) {
      if (proof.length > 0) throw new LogError('LOG_PROOF_INVALID', 'there is nothing to be consistent with')
      return
    }
    const own = parseCheckpoint(parseNote(seen.note).text)
    this.#keeping(log, seen.note, checkpoint, isFetched, () => checkExtends(crypto, own, offered.checkpoint, proof))
  }

  #keeping(log: ServerRef, seen: string, offered: string, isFetched: boolean, check: () => void): void {
    const { memory, nowMs } = this.#parts
    try {
      check()
    } catch (error) {
      const code = (error as { readonly code: ErrorCode }).code
      if (isFetched || code === 'CHECKPOINT_FORKED') memory.keep(log, { timeMs: nowMs(), code, seen, offered })
      throw error
    }
  }

  async #keysOf(log: ServerRef): Promise<readonly NoteKey[]> {
    const { crypto, findServer } = this.#parts
    const server = await findServer(log)
    if (server === undefined) throw new ProtocolError('WITNESS_LOG_UNKNOWN', 'the ledger has no such record server')
    return serverNoteKeys(crypto, { ref: log, ...server })
  }
}

/** The request starts from another size than the witness remembers; it tells which. */
export class WitnessSizeError extends ProtocolError {
  /** Of the newest checkpoint that was cosigned. */
  readonly size: number
  constructor(size: number) {
    super('WITNESS_SIZE', 'the witness has seen another size')
    this.size = size
  }
}

/** @throws {ProtocolError | LogError} `CHECKPOINT_FORKED`, `LOG_PROOF_INVALID`, `LOG_NOT_CONSISTENT` */
function checkExtends(crypto: Crypto, older: Checkpoint, newer: Checkpoint, proof: readonly Uint8Array[]): void {
  if (older.size === newer.size && !equalBytes(older.root, newer.root)) {
    throw new ProtocolError('CHECKPOINT_FORKED', 'two roots of one size')
  }
  verifyConsistency(crypto, older.size, newer.size, older.root, newer.root, proof)
}

/** Whose log a note says it is of. @throws {LogError | ProtocolError} */
function findLog(note: string): ServerRef {
  const { origin } = parseCheckpoint(parseNote(note).text)
  const prefix = logOrigin('')
  try {
    if (origin.startsWith(prefix)) return serverRefShape(origin.slice(prefix.length), 'origin')
  } catch {
    // Told as below.
  }
  throw new ProtocolError('WITNESS_LOG_UNKNOWN', 'not a log of a record server')
}
