/**
 * Reads for those who trust no single node: a peer answers several read-only functions of the contract at one height,
 * with the chaincode process's own clock, and signs the whole as a proposal response. Evaluated, never submitted: two
 * organisations' clocks differ, so such a transaction finds no endorsement. Spec: docs/protocol/07-ledger.md §7.5.
 *
 * Without the height: Fabric does not let a contract ask for it (qscc refuses calls from chaincode). Who wants it asks the
 * same peer's `qscc` before.
 *
 * @module
 */
import { type Context, Contract } from 'fabric-contract-api'
import type { TrustHealthContract } from '../../../contract/src/index.ts'
import {
  argumentsShape,
  type EndorsedQuery,
  findContractFunction,
  functionNameShape,
  LedgerError,
  type LedgerErrorCode,
  MAX_QUERIES,
  MAX_QUERY_BYTES,
} from '../../../../shared/ledger-model/src/index.ts'
import { list, parseJson, struct } from '../../../../shared/protocol/src/index.ts'
import { readThrough } from './cached-state.ts'
import { checkProposalTime } from './proposal-time.ts'
import type { StateCache } from './state-cache.ts'

export const READS_CONTRACT = 'reads'

/** One function's answer: what it returned, or the code with which it refused. */
export interface ReadAnswer {
  readonly status: 200 | LedgerErrorCode
  /** Empty unless `status` is 200. */
  readonly result: string
}

/** What `answer` returns, as JSON with the members in this order. */
export interface ReadAnswers {
  /** Unix ms: clock of the chaincode process. */
  readonly timeMs: number
  readonly answers: readonly ReadAnswer[]
}

const nonceShape = /^[0-9a-f]{64}$/
const queriesShape = list(struct({ fn: functionNameShape, args: argumentsShape }), { min: 1, max: MAX_QUERIES })

type Read = (ctx: Context, ...args: readonly string[]) => Promise<string>

export class ReadsContract extends Contract {
  readonly #contract: TrustHealthContract
  readonly #cache: StateCache

  constructor(contract: TrustHealthContract, cache: StateCache) {
    super(READS_CONTRACT)
    this.#contract = contract
    this.#cache = cache
  }

  override beforeTransaction(ctx: Context): Promise<void> {
    return checkProposalTime(ctx, Date.now())
  }

  /**
   * Answers 1 to 64 queries, JSON `[{fn, args}…]`. The nonce, 64 hexadecimal digits, is the reader's: it is part of the
   * proposal that the peer signs over.
   */
  async answer(ctx: Context, nonceHex: string, queriesJson: string): Promise<string> {
    if (!nonceShape.test(nonceHex)) throw refused('the nonce')
    const queries = parseQueries(queriesJson)
    ctx.stub = readThrough(ctx.stub, this.#cache)
    const answers: ReadAnswer[] = []
    for (const { fn, args } of queries) answers.push(await this.#read(ctx, fn, args))
    const answer: ReadAnswers = { timeMs: Date.now(), answers }
    return JSON.stringify(answer)
  }

  async #read(ctx: Context, fn: string, args: readonly string[]): Promise<ReadAnswer> {
    const row = findContractFunction(fn)
    if (row === undefined) return { status: 'LEDGER_UNKNOWN_FUNCTION', result: '' }
    if (!row.readOnly) throw refused('a function that writes')
    if (args.length !== row.args.length) return { status: 'LEDGER_BAD_ARGUMENT', result: '' }
    try {
      const run = (this.#contract as unknown as Readonly<Record<string, Read>>)[fn] as Read
      return { status: 200, result: await run.call(this.#contract, ctx, ...args) }
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      if (cause instanceof LedgerError) return { status: cause.code, result: '' }
      throw error
    }
  }
}

function parseQueries(json: string): readonly EndorsedQuery[] {
  try {
    return queriesShape(parseJson(json, { maxBytes: MAX_QUERY_BYTES }), 'queries')
  } catch (cause) {
    throw refused('the queries', { cause })
  }
}

/** §7.7: the message starts with the code. */
function refused(what: string, options?: ErrorOptions): Error {
  return new Error(`LEDGER_BAD_PROPOSAL: ${what} is not what a read may ask`, options)
}
