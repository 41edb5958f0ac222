/**
 * The auditor: checks the whole history alone, without believing the ledger's node or the record server, and holds no
 * contents. Spec: docs/protocol/06-log-and-checkpoints.md, 07-ledger.md.
 *
 * @module
 */
import { decodeBase64url, encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  ChainVerifier,
  checkpointPageShape,
  misuseRecordShape,
  participantRecordShape,
  type ChannelConfiguration,
  type CheckpointRecord,
  type EncodedBlock,
  type MisuseRecord,
} from '../../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../../shared/protocol/src/index.ts'
import { logOrigin, openCheckpoint, verifyConsistency } from '../../../shared/tlog/src/index.ts'
import { ClientError } from './errors.ts'
import { readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'

export interface AuditorOptions {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  /** Blocks from number 0 on, in order; where they come from is not believed. */
  readonly blocks: () => AsyncIterable<EncodedBlock>
  /** Consistency proof between two sizes of a server's log; not believed either. */
  readonly consistencyProof: (from: number, to: number) => Promise<readonly Uint8Array[]>
  /** What block 0 must be; absent: it is taken as it is. */
  readonly genesis?: ChannelConfiguration
}

export interface LedgerAudit {
  readonly blocks: number
  readonly transactions: number
  /** Hex, of the newest block: compare it with somebody else's. */
  readonly headHash: string
}

export interface LogAudit {
  /** Checkpoints that the ledger has of this server, all consistent with each other. */
  readonly checkpoints: number
  readonly size: number
  readonly epoch: number
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

  /**
   * Checks every block from the first one: hash chain, roots, signatures of the nodes and of every writer.
   * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the first block at fault; everything before it is consistent.
   */
  async verifyLedger(onProgress: (block: number) => void = () => undefined): Promise<LedgerAudit> {
    const { crypto, genesis, blocks } = this.#options
    const verifier = new ChainVerifier(crypto, genesis)
    let transactions = 0
    for await (const block of blocks()) {
      const { header, transactions: verified } = verifier.next(block)
      transactions += verified.length
      onProgress(header.number)
    }
    const { head } = verifier
    if (head === undefined) throw new ClientError('LEDGER_BLOCK_INVALID', { detail: 'There is no block.' })
    return { blocks: head.number + 1, transactions, headHash: encodeHex(head.hash) }
  }

  /**
   * Checks that every checkpoint that a server anchored continues the one before: one history, epochs without a gap.
   * @throws {ClientError | LogError} `CHECKPOINT_*`, `LOG_*`
   */
  async verifyLog(serverRef: ServerRef): Promise<LogAudit> {
    const { crypto, ledger, consistencyProof } = this.#options
    const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
    const origin = logOrigin(serverRef)
    const key = { name: origin, key: crypto.importVerifyingKey(decodeBase64url(server.publicKey)) }
    const anchored = (await this.checkpoints(serverRef)).toSorted((a, b) => a.epoch - b.epoch)
    let previous: { readonly size: number; readonly root: Uint8Array; readonly epoch: number } | undefined
    for (const { checkpoint, epoch } of anchored) {
      const { size, root } = openCheckpoint(crypto, checkpoint, origin, [key]).checkpoint
      if (epoch !== (previous?.epoch ?? 0) + 1) throw new ClientError('CHECKPOINT_EPOCH')
      if (previous !== undefined && size < previous.size) throw new ClientError('CHECKPOINT_SMALLER')
      if (previous !== undefined && previous.size > 0) {
        const proof = size === previous.size ? [] : await consistencyProof(previous.size, size)
        verifyConsistency(crypto, previous.size, size, previous.root, root, proof)
      }
      previous = { size, root, epoch }
    }
    if (previous === undefined) throw new ClientError('CHECKPOINT_NOT_FOUND')
    return { checkpoints: anchored.length, size: previous.size, epoch: previous.epoch }
  }

  /** Every checkpoint of a server on the ledger. */
  async checkpoints(serverRef: ServerRef): Promise<readonly CheckpointRecord[]> {
    const items: CheckpointRecord[] = []
    let bookmark = ''
    do {
      const { value } = await readLedger(
        this.#options.ledger,
        'checkpointHistory',
        [serverRef, bookmark],
        checkpointPageShape,
      )
      items.push(...value.items)
      bookmark = value.bookmark
    } while (bookmark !== '')
    return items
  }

  /** Reports of misuse by one participant. */
  async misuse(ref: string): Promise<MisuseRecord> {
    return (await readLedger(this.#options.ledger, 'misuseOf', [ref], misuseRecordShape)).value
  }
}
