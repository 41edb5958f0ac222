/**
 * Answers of the ledger that are kept with a download, so that the download can be checked without any connection: each
 * is signed by the ledger's organisations over the question and a random number of whoever asked then. Checked later,
 * they prove what the ledger said at that time, not what it says now.
 *
 * @module
 */
import { decodeBase64url, encodeBase64url, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  decodeEndorsedAnswers,
  EndorsedReader,
  encodeEndorsedAnswers,
  type EndorsedAnswer,
} from '../../../../shared/ledger-model/src/index.ts'
import { list, struct, text, uint, type Infer } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import type { ConsortiumConfig, FetchAnswers } from '../../../sdk/src/ledger-reader.ts'
import type { LedgerAnswer, LedgerQuery, LedgerReader } from '../../../sdk/src/ports.ts'

export const recordedReadsShape = list(
  struct({
    fn: text({ max: 64 }),
    args: list(text({ max: 65_536 }), { max: 8 }),
    nonce: text({ max: 43 }),
    answers: text({ max: 4_194_304 }),
    timeMs: uint(),
  }),
  { max: 100_000 },
)
/** One question with the signed answers to it. */
export type RecordedRead = Infer<typeof recordedReadsShape>[number]

/** Notes every question and its answers on their way to the reader that checks them. */
export class ReadRecorder {
  readonly #reads = new Map<string, RecordedRead>()

  wrap(fetch: FetchAnswers, nowMs: () => number): FetchAnswers {
    return async (queries, nonce, minHeight) => {
      const answers = await fetch(queries, nonce, minHeight)
      for (const [i, query] of queries.entries()) this.#note(query, nonce, answers[i] ?? [], nowMs())
      return answers
    }
  }

  get reads(): readonly RecordedRead[] {
    return [...this.#reads.values()]
  }

  #note({ fn, args }: LedgerQuery, nonce: Uint8Array, answers: readonly EndorsedAnswer[], timeMs: number): void {
    const read: RecordedRead = {
      fn,
      args: [...args],
      nonce: encodeBase64url(nonce),
      answers: encodeBase64url(encodeEndorsedAnswers([answers])),
      timeMs,
    }
    this.#reads.set(keyOf(fn, args), read)
  }
}

/**
 * Asks each question once: all records of one download are checked against the same state of the ledger, whose answers
 * are the ones that are kept.
 */
export class OnceLedgerReader implements LedgerReader {
  readonly isPractice: boolean
  readonly source: string
  readonly #ledger: LedgerReader
  readonly #answers = new Map<string, Promise<LedgerAnswer>>()

  constructor(ledger: LedgerReader) {
    this.#ledger = ledger
    this.isPractice = ledger.isPractice
    this.source = ledger.source
  }

  async read(queries: readonly LedgerQuery[]): Promise<LedgerAnswer[]> {
    return await Promise.all(queries.map((query) => this.#readOnce(query)))
  }

  #readOnce(query: LedgerQuery): Promise<LedgerAnswer> {
    const key = keyOf(query.fn, query.args)
    let answer = this.#answers.get(key)
    if (answer === undefined) {
      answer = this.#ledger.read([query]).then(([found]) => {
        if (found === undefined) throw new ClientError('ENDORSEMENT_MALFORMED')
        return found
      })
      this.#answers.set(key, answer)
      answer.catch(() => this.#answers.delete(key))
    }
    return answer
  }
}

/** Reads from kept answers; each is proven against the consortium again. What was not asked then cannot be read. */
export class RecordedLedgerReader implements LedgerReader {
  readonly isPractice: boolean
  readonly source: string
  readonly #crypto: Crypto
  readonly #config: ConsortiumConfig
  readonly #reads: ReadonlyMap<string, RecordedRead>

  constructor(crypto: Crypto, config: ConsortiumConfig, reads: readonly RecordedRead[], source: string) {
    this.#crypto = crypto
    this.#config = config
    this.#reads = new Map(reads.map((read) => [keyOf(read.fn, read.args), read]))
    this.source = source
    this.isPractice = new Set((config.fabric?.organizations ?? config.nodes).map(({ mspId }) => mspId)).size < 2
  }

  async read(queries: readonly LedgerQuery[]): Promise<LedgerAnswer[]> {
    await Promise.resolve()
    return queries.map((query) => this.#readOne(query))
  }

  #readOne(query: LedgerQuery): LedgerAnswer {
    const kept = this.#reads.get(keyOf(query.fn, query.args))
    if (kept === undefined) throw new ClientError('LEDGER_UNAVAILABLE')
    const { channel, quorum, nodes, fabric } = this.#config
    const keys = nodes.map(({ mspId, publicKey }) => ({
      mspId,
      publicKey: this.#crypto.importVerifyingKey(publicKey),
    }))
    const trust = { channel, quorum, ...(fabric === undefined ? { nodes: keys } : { fabric }) }
    const reader = new EndorsedReader(this.#crypto, trust)
    const [answers = []] = decodeEndorsedAnswers(decodeBase64url(kept.answers))
    return reader.read({ query, nonce: decodeBase64url(kept.nonce), minHeight: 0 }, answers)
  }
}

function keyOf(fn: string, args: readonly string[]): string {
  return JSON.stringify([fn, ...args])
}
