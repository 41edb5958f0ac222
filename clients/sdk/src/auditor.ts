/**
 * The auditor: checks the whole history alone, without believing the ledger's node or the record server, and holds no
 * contents. Spec: docs/protocol/06-log-and-checkpoints.md, 07-ledger.md.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  approvedStarts,
  checkpointPageShape,
  misuseRecordShape,
  participantRecordShape,
  successionRecordShape,
  type ChannelConfiguration,
  type CheckpointRecord,
  type MisuseRecord,
  type SuccessionRecord,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId, ServerRef } from '../../../shared/protocol/src/index.ts'
import { ChainWalk, type FetchBlocks } from './audit/chain-walk.ts'
import { LogWalk, type FetchConsistency, type GivenUpEntries } from './audit/log-walk.ts'
import { ClientError } from './errors.ts'
import { readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'

export interface AuditorOptions {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  /** Blocks from a number on; where they come from is not believed. */
  readonly fetchBlocks: FetchBlocks
  /** Consistency proof between two sizes of a server's log; not believed either. */
  readonly consistencyProof: FetchConsistency
  /** What block 0 must be; absent: it is taken as it is. */
  readonly genesis?: ChannelConfiguration
}

export interface LedgerAudit {
  readonly blocks: number
  readonly transactions: number
  /** Versions of records whose fingerprints their authors signed. */
  readonly records: number
  /** Hex, of the newest block: compare it with somebody else's. */
  readonly headHash: string
}

export interface LogAudit {
  /** Checkpoints that the ledger has of this server, all consistent with each other. */
  readonly checkpoints: number
  readonly size: number
  readonly epoch: number
  /** What the organisations agreed to go on without. */
  readonly givenUp: readonly GivenUpEntries[]
}

/**
 * @example
 * ```ts
 * const sam = new AuditorClient(options)
 * const { blocks, headHash } = await sam.verifyLedger((block) => console.log(block))
 * console.log(`${blocks} blocks, 0 faults, newest ${headHash}`)
 * ```
 */
export class AuditorClient {
  readonly #options: AuditorOptions

  constructor(options: AuditorOptions) {
    this.#options = options
  }

  /** A check of the ledger that can be stopped and goes on; see `ChainWalk`. */
  chainWalk(): ChainWalk {
    const { crypto, fetchBlocks, genesis } = this.#options
    return new ChainWalk({ crypto, fetchBlocks, ...(genesis === undefined ? {} : { genesis }) })
  }

  /**
   * A check of one server's log, with the keys that the ledger has of it.
   * @param members organisations of the ledger: what more than half of them gave up by votes is told, not refused.
   * @throws {ClientError} `PARTICIPANT_UNKNOWN`
   */
  async logWalk(serverRef: ServerRef, members: readonly MspId[] = []): Promise<LogWalk> {
    const { crypto, ledger, consistencyProof } = this.#options
    const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
    const starts = members.length === 0 ? [] : approvedStarts(await readVotes(ledger, serverRef), members)
    return new LogWalk({ crypto, server, fetchConsistency: consistencyProof, starts })
  }

  /**
   * Checks every block from the first one: hash chain, roots, signatures of the nodes, of every writer, and of the
   * authors of every batch.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the first block at fault; everything before it is consistent.
   */
  async verifyLedger(onProgress: (block: number) => void = () => undefined): Promise<LedgerAudit> {
    const walk = this.chainWalk()
    await walk.run({ onProgress: ({ blocks }) => onProgress(blocks - 1) })
    const { blocks, transactions, records } = walk.progress
    return { blocks, transactions, records, headHash: encodeHex(walk.head?.hash ?? new Uint8Array()) }
  }

  /**
   * Checks that every checkpoint that a server anchored continues the one before: one history, epochs without a gap.
   * @param members as of `logWalk`.
   * @throws {ClientError | LogError} `CHECKPOINT_*`, `LOG_*`
   */
  async verifyLog(serverRef: ServerRef, members: readonly MspId[] = []): Promise<LogAudit> {
    const walk = await this.logWalk(serverRef, members)
    for (const record of await this.checkpoints(serverRef)) await walk.next(record)
    if (walk.newest === undefined) throw new ClientError('CHECKPOINT_NOT_FOUND')
    return { checkpoints: walk.epoch, size: walk.newest.size, epoch: walk.epoch, givenUp: walk.givenUp }
  }

  /** Every checkpoint of a server on the ledger, oldest first. */
  checkpoints(serverRef: ServerRef): Promise<readonly CheckpointRecord[]> {
    return readCheckpoints(this.#options.ledger, serverRef)
  }

  /** Reports of misuse by one participant. */
  async misuse(ref: string): Promise<MisuseRecord> {
    return (await readLedger(this.#options.ledger, 'misuseOf', [ref], misuseRecordShape)).value
  }
}

/** What organisations voted about a server. */
export async function readVotes(ledger: LedgerReader, serverRef: ServerRef): Promise<SuccessionRecord> {
  return (await readLedger(ledger, 'succession', [serverRef], successionRecordShape)).value
}

/** Every checkpoint of a server on the ledger, oldest first. */
export async function readCheckpoints(
  ledger: LedgerReader,
  serverRef: ServerRef,
): Promise<readonly CheckpointRecord[]> {
  const items: CheckpointRecord[] = []
  let bookmark = ''
  do {
    const { value } = await readLedger(ledger, 'checkpointHistory', [serverRef, bookmark], checkpointPageShape)
    items.push(...value.items)
    bookmark = value.bookmark
  } while (bookmark !== '')
  return items
}
