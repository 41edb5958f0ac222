/**
 * Signed checkpoints of the log, made when somebody needs one and then kept until the log has grown past it: one
 * signature serves all receipts and reads of a commit round. Only durable entries are ever under a checkpoint.
 * Spec: docs/protocol/06-log-and-checkpoints.md.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../../../shared/crypto/src/index.ts'
import { Frontier, nodeId, signCheckpoint, type LogProof } from '../../../../shared/tlog/src/index.ts'
import type { SqlStatement } from '../ports.ts'
import { bytesOf } from '../sql-values.ts'
import type { Store } from '../store.ts'

/** An entry with the proof of its place (docs/protocol/04-records.md §4.5). */
export interface PlacedProof extends LogProof {
  /** The entry's bytes: what the proof's leaf is made of. */
  readonly entry: Uint8Array
}

export interface SignedSize {
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Signed note. */
  readonly text: string
}

export class Checkpoints {
  readonly #crypto: Crypto
  readonly #store: Store
  #identity: SigningKey
  readonly #origin: string
  readonly #node: SqlStatement
  #newest: SignedSize | undefined

  constructor(store: Store, identity: SigningKey, origin: string) {
    this.#crypto = store.crypto
    this.#store = store
    this.#identity = identity
    this.#origin = origin
    this.#node = store.database.prepare('SELECT hash FROM log_node WHERE id = ?')
  }

  /** From here on another key signs, also what was signed before and is asked for again. */
  signBy(identity: SigningKey): void {
    this.#identity = identity
    this.#newest = undefined
  }

  /** Of everything that is durable now. */
  current(): SignedSize {
    const { log } = this.#store
    if (this.#newest?.size !== log.committedSize) this.#newest = this.#sign(log.committedSize, log.committedRoot())
    return this.#newest
  }

  /** One that covers the entry; an older one will do. */
  covering(index: number): SignedSize {
    return this.#newest !== undefined && this.#newest.size > index ? this.#newest : this.current()
  }

  /** Of an earlier size, for receipts that are asked for again. */
  at(size: number): SignedSize {
    if (size === this.#store.log.committedSize) return this.current()
    if (size === this.#newest?.size) return this.#newest
    const read = (level: number, index: number): Uint8Array => bytesOf(this.#node.get(nodeId(level, index)), 'hash')
    return this.#sign(size, Frontier.load(this.#crypto, read, size).root())
  }

  proofOf(index: number, checkpoint: SignedSize = this.covering(index)): PlacedProof {
    const { size, text } = checkpoint
    const { log } = this.#store
    const entry = log.recentEntry(index) ?? log.entry(index)
    return { index, size, entry, proof: log.inclusionProof(index, size), checkpoint: text }
  }

  #sign(size: number, root: Uint8Array): SignedSize {
    const text = signCheckpoint(this.#crypto, this.#identity, { origin: this.#origin, size, root, extensions: [] })
    return { size, root, text }
  }
}
