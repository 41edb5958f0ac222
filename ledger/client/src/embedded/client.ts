/**
 * The Ledger port on the embedded ledger's HTTP interface.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  decodeBlock,
  decodeBlocks,
  decodeEndorsedAnswers,
  decodeEndorsedContent,
  encodeSignedProposal,
  encodeSignedQuery,
  type EndorsedAnswer,
  LedgerError,
  PROPOSAL_NONCE_BYTES,
  QUERY_NONCE_BYTES,
  type SignedProposal,
  signProposal,
  signQuery,
} from '../../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../../shared/protocol/src/index.ts'
import type {
  CommitStatus,
  CommittedTransaction,
  EndorsedReadRequest,
  Ledger,
  LedgerBlock,
  LedgerCall,
  LedgerClientOptions,
  LedgerIdentity,
} from '../port.ts'
import { parseCommitStatus, parseHeight, parseTransaction, toLedgerBlock } from './decode.ts'
import { HttpTransport, unavailable } from './http-transport.ts'

const WAIT_FOR_BLOCK_MS = 25_000
const BLOCKS_PER_PAGE = 100
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

export interface EmbeddedLedgerClientOptions extends LedgerClientOptions {
  readonly channel: string
}

/** @param url for example `http://127.0.0.1:7050` */
export function createEmbeddedLedgerClient(url: string, options: EmbeddedLedgerClientOptions): Ledger {
  return new EmbeddedLedgerClient(url, options)
}

class EmbeddedLedgerClient implements Ledger {
  readonly channel: string
  readonly #crypto: Crypto
  readonly #identity: LedgerIdentity
  readonly #attemptMs: number
  readonly #deadlineMs: number
  readonly #nowMs: () => number
  readonly #transport: HttpTransport
  readonly #closed = new AbortController()

  constructor(url: string, options: EmbeddedLedgerClientOptions) {
    this.channel = options.channel
    this.#crypto = options.crypto
    this.#identity = options.identity
    this.#attemptMs = options.attemptMs ?? 10_000
    this.#deadlineMs = options.deadlineMs ?? 30_000
    this.#nowMs = options.nowMs ?? Date.now
    this.#transport = new HttpTransport(url)
  }

  prepare(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal> {
    const { mspId, cert, signingKey } = identity
    const nonce = this.#crypto.randomBytes(PROPOSAL_NONCE_BYTES)
    const proposal = { channel: this.channel, mspId, cert, nonce, timeMs: this.#nowMs(), fn: call.fn, args: call.args }
    return Promise.resolve(signProposal(this.#crypto, signingKey, proposal))
  }

  async submit(signed: SignedProposal): Promise<CommitStatus> {
    const body = encodeSignedProposal(signed)
    return parseCommitStatus(found(await this.#repeat('POST', '/v1/proposals', body)))
  }

  async query(call: LedgerCall): Promise<string> {
    const nonce = this.#crypto.randomBytes(QUERY_NONCE_BYTES)
    const [answer] = await this.endorsedRead({ ...call, nonce })
    if (answer === undefined) throw unavailable('no answer')
    const { status, result } = decodeEndorsedContent(answer.answer)
    if (status !== 200) throw new LedgerError(status, 'the function refused')
    return result
  }

  async endorsedRead(request: EndorsedReadRequest & LedgerCall): Promise<readonly EndorsedAnswer[]> {
    const { fn, args, ...rest } = request
    const [answers = []] = await this.endorsedReads({ ...rest, queries: [{ fn, args }] })
    return answers
  }

  // One node has one height: there is nobody else to ask for a newer one, so minHeight is for the reader to check.
  async endorsedReads(
    request: EndorsedReadRequest & { readonly queries: readonly LedgerCall[] },
  ): Promise<readonly (readonly EndorsedAnswer[])[]> {
    const { mspId, cert, signingKey } = this.#identity
    const { nonce, queries } = request
    const query = { channel: this.channel, mspId, cert, timeMs: this.#nowMs(), nonce, queries }
    const body = encodeSignedQuery(signQuery(this.#crypto, signingKey, query))
    const answers = decodeEndorsedAnswers(found(await this.#repeat('POST', '/v1/endorsed-reads', body)))
    if (answers.length !== queries.length) throw new LedgerError('ENDORSEMENT_MALFORMED', 'answers are missing')
    return answers
  }

  async height(): Promise<number> {
    return parseHeight(found(await this.#repeat('GET', '/v1/status')))
  }

  async block(number: number): Promise<LedgerBlock | undefined> {
    const body = await this.#repeat('GET', `/v1/blocks/${number}`)
    return body === undefined ? undefined : toLedgerBlock(this.#crypto, decodeBlock(body))
  }

  async *blocks(from: number, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<LedgerBlock> {
    const stop = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
    let next = from
    let pauseMs = FIRST_PAUSE_MS
    while (!stop.aborted) {
      let page: LedgerBlock[]
      try {
        page = await this.#page(next, stop)
        pauseMs = FIRST_PAUSE_MS
      } catch (error) {
        if (stop.aborted) return
        if (!isAway(error)) throw error
        await pause(pauseMs, stop)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
        continue
      }
      for (const block of page) {
        if (block.number !== next) throw new LedgerError('LEDGER_BLOCK_INVALID', 'a block is missing', { block: next })
        yield block
        next++
        if (stop.aborted) return
      }
    }
  }

  async transaction(txId: TxId): Promise<CommittedTransaction | undefined> {
    const body = await this.#repeat('GET', `/v1/transactions/${txId}`)
    return body === undefined ? undefined : parseTransaction(body)
  }

  close(): Promise<void> {
    this.#closed.abort()
    this.#transport.close()
    return Promise.resolve()
  }

  async #page(from: number, signal: AbortSignal): Promise<LedgerBlock[]> {
    const path = `/v1/blocks?from=${from}&limit=${BLOCKS_PER_PAGE}&waitMs=${WAIT_FOR_BLOCK_MS}`
    const deadlineMs = WAIT_FOR_BLOCK_MS + this.#attemptMs
    const body = found(await this.#transport.send({ method: 'GET', path, deadlineMs, signal }))
    return decodeBlocks(body).map((block) => toLedgerBlock(this.#crypto, block))
  }

  /** Every request here may be sent again: a proposal counts once, the rest only reads. */
  async #repeat(method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<Uint8Array | undefined> {
    const end = performance.now() + this.#deadlineMs
    const { signal } = this.#closed
    let pauseMs = FIRST_PAUSE_MS
    for (;;) {
      const deadlineMs = Math.min(this.#attemptMs, end - performance.now())
      try {
        const request = { method, path, deadlineMs, signal }
        return await this.#transport.send(body === undefined ? request : { ...request, body })
      } catch (error) {
        if (!isAway(error) || signal.aborted || performance.now() + pauseMs >= end) throw error
      }
      await pause(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof LedgerError && (error.code === 'LEDGER_UNAVAILABLE' || error.code === 'LEDGER_BUSY')
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

function found(body: Uint8Array | undefined): Uint8Array {
  if (body === undefined) throw unavailable('no such path: not a ledger')
  return body
}
