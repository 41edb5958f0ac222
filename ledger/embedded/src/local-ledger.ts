/**
 * The Ledger port on a node in the same process: for programs that run the ledger themselves, and for tests. The same
 * signatures and checks as over HTTP, without the transport.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  decodeEndorsedContent,
  type EndorsedAnswer,
  LedgerError,
  PROPOSAL_NONCE_BYTES,
  QUERY_NONCE_BYTES,
  type SignedProposal,
  signProposal,
  signQuery,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { toLedgerBlock } from '../../client/src/embedded/decode.ts'
import type {
  CommitStatus,
  CommittedTransaction,
  EndorsedReadRequest,
  Ledger,
  LedgerBlock,
  LedgerCall,
  LedgerIdentity,
} from '../../client/src/port.ts'
import type { PlacedTransaction } from './block-writer.ts'
import type { LedgerNode } from './ledger-node.ts'

export interface LocalLedgerOptions {
  readonly crypto: Crypto
  readonly node: LedgerNode
  /** Signs queries; without it, only `prepare`, `submit` and blocks work. */
  readonly identity?: LedgerIdentity
  readonly nowMs: () => number
}

/** Closing it leaves the node open. */
export function createLocalLedger(options: LocalLedgerOptions): Ledger {
  return new LocalLedger(options)
}

class LocalLedger implements Ledger {
  readonly channel: string
  readonly #crypto: Crypto
  readonly #node: LedgerNode
  readonly #identity: LedgerIdentity | undefined
  readonly #nowMs: () => number
  readonly #closed = new AbortController()

  constructor({ crypto, node, identity, nowMs }: LocalLedgerOptions) {
    this.channel = node.configuration.channel
    this.#crypto = crypto
    this.#node = node
    this.#identity = identity
    this.#nowMs = nowMs
  }

  prepare({ mspId, cert, signingKey }: LedgerIdentity, { fn, args }: LedgerCall): Promise<SignedProposal> {
    const nonce = this.#crypto.randomBytes(PROPOSAL_NONCE_BYTES)
    const proposal = { channel: this.channel, mspId, cert, nonce, timeMs: this.#nowMs(), fn, args }
    return Promise.resolve(signProposal(this.#crypto, signingKey, proposal))
  }

  async submit(signed: SignedProposal): Promise<CommitStatus> {
    this.#requireOpen()
    const { txId, block, index, timeMs, result } = toCommitted(await this.#node.submit(signed))
    return { txId, block, index, timeMs, result }
  }

  async query(call: LedgerCall): Promise<string> {
    const nonce = this.#crypto.randomBytes(QUERY_NONCE_BYTES)
    const [answer] = await this.endorsedRead({ ...call, nonce })
    if (answer === undefined) throw new LedgerError('LEDGER_UNAVAILABLE', 'no answer')
    const { status, result } = decodeEndorsedContent(answer.answer)
    if (status !== 200) throw new LedgerError(status, 'the function refused')
    return result
  }

  async endorsedRead(request: EndorsedReadRequest & LedgerCall): Promise<readonly EndorsedAnswer[]> {
    const { fn, args, ...rest } = request
    const [answers = []] = await this.endorsedReads({ ...rest, queries: [{ fn, args }] })
    return answers
  }

  endorsedReads(
    request: EndorsedReadRequest & { readonly queries: readonly LedgerCall[] },
  ): Promise<readonly (readonly EndorsedAnswer[])[]> {
    this.#requireOpen()
    if (this.#identity === undefined) throw new TypeError('queries need an identity')
    const { mspId, cert, signingKey } = this.#identity
    const { nonce, queries } = request
    const query = { channel: this.channel, mspId, cert, timeMs: this.#nowMs(), nonce, queries }
    return this.#node.answer(signQuery(this.#crypto, signingKey, query))
  }

  height(): Promise<number> {
    return Promise.resolve(this.#node.height)
  }

  block(number: number): Promise<LedgerBlock | undefined> {
    this.#requireOpen()
    const block = this.#node.block(number)
    return Promise.resolve(block === undefined ? undefined : toLedgerBlock(this.#crypto, block))
  }

  async *blocks(from: number, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<LedgerBlock> {
    const stop = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
    for (let next = from; !stop.aborted; next++) {
      await this.#node.waitForBlock(next, stop)
      if (stop.aborted) return
      const block = await this.block(next)
      if (block === undefined) return
      yield block
    }
  }

  transaction(txId: TxId): Promise<CommittedTransaction | undefined> {
    this.#requireOpen()
    const placed = this.#node.transaction(txId)
    return Promise.resolve(placed === undefined ? undefined : toCommitted(placed))
  }

  close(): Promise<void> {
    this.#closed.abort()
    return Promise.resolve()
  }

  #requireOpen(): void {
    if (this.#closed.signal.aborted) throw new LedgerError('LEDGER_UNAVAILABLE', 'the client is closed')
  }
}

function toCommitted({ block, index, transaction }: PlacedTransaction): CommittedTransaction {
  const { txId, proposal, status, result, event } = transaction
  const { mspId, fn, args, timeMs } = proposal
  return { txId, block, index, timeMs, result, status, mspId, fn, args, event }
}
