/**
 * What verified blocks say of the consortium: configurations, participants, anchored checkpoints, reports of misuse. And
 * one check more than the blocks' own: that the authors of every batch signed it with the keys that the ledger had of
 * them, whoever carried it there. Spec: docs/protocol/07-ledger.md §7.3, §7.9.
 *
 * @module
 */
import { decodeBase64url, equalBytes, type Crypto, type VerifyingKey } from '../../../../shared/crypto/src/index.ts'
import {
  batchRecordShape,
  blockInvalid,
  checkpointRecordShape,
  decodeConfiguration,
  decodeConfigurationUpdate,
  LedgerError,
  MAX_PROPOSAL_BYTES,
  misuseRecordShape,
  participantRecordShape,
  type BatchRecord,
  type BlockHeader,
  type ChannelConfiguration,
  type CheckpointRecord,
  type MisuseEntry,
  type ParticipantRecord,
  type VerifiedTransaction,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  commitmentFromJson,
  doctorTag,
  parseJson,
  verifyCommitments,
  type ServerRef,
  type Shape,
} from '../../../../shared/protocol/src/index.ts'

/** A configuration and the block that put it in force. */
export interface ConfigurationFact {
  readonly block: number
  readonly timeMs: number
  readonly configuration: ChannelConfiguration
}

export interface CheckpointFact extends CheckpointRecord {
  readonly block: number
}

export interface MisuseFact extends MisuseEntry {
  readonly block: number
  /** Absent while it is open: an administrator of the subject's organisation has not reinstated the subject since. */
  readonly settled?: { readonly block: number; readonly timeMs: number }
}

export class ChainFacts {
  readonly configurations: ConfigurationFact[] = []
  /** Everyone but patients, as the newest block has them. */
  readonly participants = new Map<string, ParticipantRecord>()
  /** Of each server, oldest first. */
  readonly checkpoints = new Map<ServerRef, CheckpointFact[]>()
  /** Oldest first. */
  readonly misuse: MisuseFact[] = []
  readonly #crypto: Crypto
  readonly #keys = new Map<string, VerifyingKey>()
  #records = 0
  #batches = 0

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  /** Versions of records. */
  get records(): number {
    return this.#records
  }

  get batches(): number {
    return this.#batches
  }

  /**
   * @param transactions of a block that was verified.
   * @param encoded the same, as they stand in the block.
   * @param isSeen this reader checked the block whole, earlier: its authors' signatures are not checked again.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID`
   */
  apply(
    block: number,
    { kind, timeMs }: BlockHeader,
    transactions: readonly VerifiedTransaction[],
    encoded: readonly Uint8Array[],
    isSeen = false,
  ): void {
    if (kind === 'config') {
      const { configuration } = decodeConfigurationUpdate(encoded[0] ?? new Uint8Array())
      this.configurations.push({ block, timeMs, configuration: decodeConfiguration(this.#crypto, configuration) })
    }
    for (const { transaction } of transactions) {
      for (const { key, value } of transaction.writes) if (value !== null) this.#write(block, key, value, isSeen)
    }
  }

  #write(block: number, key: string, value: string, isSeen: boolean): void {
    switch (key.slice(0, key.indexOf('/'))) {
      case 'participant': {
        const record = read(block, 'a participant', value, participantRecordShape)
        if (this.participants.get(record.ref)?.flagged === true && !record.flagged) this.#settle(block, record)
        this.participants.set(record.ref, record)
        return
      }
      case 'checkpoint-at': {
        const record = read(block, 'a checkpoint', value, checkpointRecordShape)
        const known = this.checkpoints.get(record.serverRef)
        if (known === undefined) this.checkpoints.set(record.serverRef, [{ ...record, block }])
        else known.push({ ...record, block })
        return
      }
      case 'misuse': {
        const entry: Shape<readonly MisuseEntry[]> = (one, where) =>
          misuseRecordShape({ ref: key.split('/')[1], flagged: true, reports: [one] }, where).reports
        for (const report of read(block, 'a report of misuse', value, entry)) this.misuse.push({ ...report, block })
        return
      }
      case 'batch':
        this.#checkBatch(block, read(block, 'a batch', value, batchRecordShape), isSeen)
    }
  }

  /** §7.2: a report flags its subject until an administrator of the subject's organisation reinstates it. */
  #settle(block: number, { ref, changedMs: timeMs }: ParticipantRecord): void {
    for (const [i, fact] of this.misuse.entries()) {
      if (fact.subject === ref && fact.settled === undefined) {
        this.misuse[i] = { ...fact, settled: { block, timeMs } }
      }
    }
  }

  /** The contract refuses a batch that its authors did not sign; whoever runs the contract could leave that out. */
  #checkBatch(block: number, { groups }: BatchRecord, isSeen: boolean): void {
    const crypto = this.#crypto
    this.#batches++
    for (const { author, signature, items } of groups) {
      this.#records += items.length
      if (isSeen) continue
      const registered = this.participants.get(author)
      if (registered === undefined) throw blockInvalid(block, 'a batch is of an author who is not registered')
      const commitments = items.map(commitmentFromJson)
      const isTagged = commitments.every(({ patientTag, doctorTag: tag }) =>
        equalBytes(doctorTag(crypto, author, patientTag), tag),
      )
      if (!isTagged) throw blockInvalid(block, 'a batch has a tag that is not its author’s')
      const key = this.#key(registered.publicKey)
      if (!verifyCommitments(crypto, key, author, commitments, decodeBase64url(signature))) {
        throw blockInvalid(block, 'a batch is not signed by its author')
      }
    }
  }

  #key(publicKey: string): VerifyingKey {
    const known = this.#keys.get(publicKey)
    if (known !== undefined) return known
    const key = this.#crypto.importVerifyingKey(decodeBase64url(publicKey))
    this.#keys.set(publicKey, key)
    return key
  }
}

function read<T>(block: number, what: string, value: string, shape: Shape<T>): T {
  try {
    return shape(parseJson(value, { maxBytes: 4 * MAX_PROPOSAL_BYTES }), what)
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', `block ${block}: it wrote ${what} in another form`, { block, cause })
  }
}
