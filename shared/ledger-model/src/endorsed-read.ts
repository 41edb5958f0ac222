/**
 * Endorsed reads: answers of the ledger that a reader can check without trusting who carried them. Used inside the
 * trusted application and in clients. Spec: docs/protocol/07-ledger.md §7.5, on Fabric §7.13.
 *
 * @module
 */
import { concat, type Crypto, equalBytes, label, type SigningKey, type VerifyingKey } from '../../crypto/src/index.ts'
import {
  bytes,
  encodeCbor,
  list,
  literal,
  type MspId,
  mspIdShape,
  optional,
  struct,
  text,
  uint,
} from '../../protocol/src/index.ts'
import { decodeAs } from './decode.ts'
import { LedgerError } from './errors.ts'
import { type FabricTrust, FabricVerifier, type VouchedReads } from './fabric/endorsed.ts'
import { MAX_ENDORSED_ANSWER_BYTES, MAX_ORGANIZATIONS, QUERY_NONCE_BYTES } from './limits.ts'
import { argumentsShape, channelShape, functionNameShape } from './proposal.ts'
import type { EndorsedQuery } from './query.ts'
import { type ReadStatus, readStatusShape } from './read-status.ts'

const ENDORSED_READ = label('endorsed-read')
const MAX_ROWS = 1_024

export interface EndorsedContent {
  readonly channel: string
  /** Organisation of the node that answers. */
  readonly mspId: MspId
  readonly fn: string
  readonly args: readonly string[]
  /** 32 bytes, as asked. */
  readonly nonce: Uint8Array
  /** Number of the newest block that the answer reflects. */
  readonly height: number
  /** 32 bytes, hash of that block. */
  readonly blockHash: Uint8Array
  /** Unix ms by the node's clock. */
  readonly timeMs: number
  readonly status: ReadStatus
  /** Result text; empty unless the status is 200. */
  readonly result: string
}

/** One organisation's signed answer as it travels. */
export interface EndorsedAnswer {
  readonly answer: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
}

/** Key of a ledger node that a reader trusts to speak for an organisation. */
export interface LedgerNodeKey {
  readonly mspId: MspId
  readonly publicKey: VerifyingKey
}

/**
 * Whom a reader believes: the nodes of an embedded ledger, or the peers of organisations on Fabric. Each takes answers of
 * its own kind only.
 */
export type EndorsementTrust = {
  readonly channel: string
  /** Distinct organisations that must agree, 1 up. */
  readonly quorum: number
} & ({ readonly nodes: readonly LedgerNodeKey[] } | { readonly fabric: FabricTrust })

/** What a reader demands of the answers. */
export type EndorsementDemand = EndorsementTrust & {
  readonly query: EndorsedQuery
  /** 32 bytes, the reader's own. */
  readonly nonce: Uint8Array
  /** Each answer must reflect at least this block; default 0. */
  readonly minHeight?: number
}

export interface VerifiedRead {
  readonly status: ReadStatus
  readonly result: string
  /** Smallest height among the answers: at least this much is reflected by all. */
  readonly height: number
  /** Newest time among the answers, by which things have ended. */
  readonly timeMs: number
  /**
   * Oldest time of the newest quorum, by which things have begun. While a quorum has an honest organisation in it, this is
   * no later than the clock of one, whatever the others say.
   */
  readonly reachedMs: number
}

const contentShape = struct({
  v: literal(1),
  channel: channelShape,
  mspId: mspIdShape,
  fn: functionNameShape,
  args: argumentsShape,
  nonce: bytes({ length: QUERY_NONCE_BYTES }),
  height: uint(),
  blockHash: bytes({ length: 32 }),
  timeMs: uint(),
  status: readStatusShape,
  result: text({ max: MAX_ENDORSED_ANSWER_BYTES }),
})

const answerShape = struct({
  answer: bytes({ min: 1, max: MAX_ENDORSED_ANSWER_BYTES }),
  signature: bytes({ length: 64 }),
})

const answersShape = struct({
  answers: list(list(answerShape, { max: MAX_ORGANIZATIONS }), { max: MAX_ROWS }),
  rows: optional(list(uint({ max: MAX_ROWS - 1 }), { max: MAX_ROWS })),
})

export function encodeEndorsedContent(content: EndorsedContent): Uint8Array {
  const { channel, mspId, fn, args, nonce, height, blockHash, timeMs, status, result } = content
  return encodeCbor({ v: 1, channel, mspId, fn, args, nonce, height, blockHash, timeMs, status, result })
}

/** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
export function decodeEndorsedContent(encoded: Uint8Array): EndorsedContent {
  const limit = MAX_ENDORSED_ANSWER_BYTES
  const { v: _, ...content } = decodeAs('ENDORSEMENT_MALFORMED', encoded, contentShape, 'endorsed answer', limit)
  return content
}

/** @param key the node's key. */
export function endorseContent(crypto: Crypto, key: SigningKey, content: EndorsedContent): EndorsedAnswer {
  const answer = encodeEndorsedContent(content)
  return { answer, signature: crypto.sign(key, concat(ENDORSED_READ, answer)) }
}

/**
 * Answers as they travel: one row for each query. Where one answer serves several queries, the row stands once, and
 * `rows` says for each query which it is.
 */
export interface TravellingAnswers {
  readonly answers: readonly (readonly EndorsedAnswer[])[]
  readonly rows?: readonly number[]
}

/** @param answers query by query; the same array for queries that were answered together. */
export function shareRows(answers: readonly (readonly EndorsedAnswer[])[]): TravellingAnswers {
  const distinct = [...new Set(answers)]
  if (distinct.length === answers.length) return { answers }
  return { answers: distinct, rows: answers.map((row) => distinct.indexOf(row)) }
}

/** Query by query again. @throws {LedgerError} `ENDORSEMENT_MALFORMED` for a row that is not there. */
export function spreadRows({ answers, rows }: TravellingAnswers): readonly (readonly EndorsedAnswer[])[] {
  if (rows === undefined) return answers
  return rows.map((number) => {
    const row = answers[number]
    if (row === undefined) throw new LedgerError('ENDORSEMENT_MALFORMED', 'a row of answers is missing')
    return row
  })
}

/** The message with which a node answers several queries: for each, one answer per organisation. */
export function encodeEndorsedAnswers(answers: readonly (readonly EndorsedAnswer[])[]): Uint8Array {
  const { answers: distinct, rows } = shareRows(answers)
  return encodeCbor({
    answers: distinct.map((row) => row.map(({ answer, signature }) => ({ answer, signature }))),
    ...(rows === undefined ? {} : { rows }),
  })
}

/** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
export function decodeEndorsedAnswers(encoded: Uint8Array): readonly (readonly EndorsedAnswer[])[] {
  const limit = 4 * MAX_ENDORSED_ANSWER_BYTES
  return spreadRows(decodeAs('ENDORSEMENT_MALFORMED', encoded, answersShape, 'endorsed answers', limit))
}

/**
 * Checks the answers to one query and returns what a quorum of organisations agrees on: `EndorsedReader.read` of one query.
 * @throws {LedgerError} @throws {RangeError} as there.
 */
export function verifyEndorsedRead(
  crypto: Crypto,
  demand: EndorsementDemand,
  answers: readonly EndorsedAnswer[],
): VerifiedRead {
  const { query, nonce, minHeight = 0, ...trust } = demand
  return new EndorsedReader(crypto, trust).read({ query, nonce, minHeight }, answers)
}

/** What one read demands. */
export interface ReadDemand {
  readonly query: EndorsedQuery
  readonly nonce: Uint8Array
  readonly minHeight: number
}

/** Checks answers for one reader; on Fabric an answer that serves several queries is checked once for each nonce. */
export class EndorsedReader {
  readonly #crypto: Crypto
  readonly #trust: EndorsementTrust
  readonly #fabric: FabricVerifier | undefined
  #vouched = new Map<EndorsedAnswer, VouchedReads>()
  #nonce: Uint8Array | undefined

  /** @throws {RangeError} if `quorum` is below 1: no organisation asked is no check. */
  constructor(crypto: Crypto, trust: EndorsementTrust) {
    if (!Number.isSafeInteger(trust.quorum) || trust.quorum < 1) throw new RangeError('quorum must be from 1 up')
    this.#crypto = crypto
    this.#trust = trust
    this.#fabric = 'fabric' in trust ? new FabricVerifier(crypto, trust.channel, trust.fabric) : undefined
  }

  /**
   * One answer is checked in this order: form, signature by a node of the organisation it names, question and nonce,
   * height. One that fails does not count, so that a single faulty organisation cannot stop the others; if the quorum is
   * missed, the first such fault is the error.
   *
   * @param answers are not changed while they are in use.
   * @throws {LedgerError} `ENDORSEMENT_MALFORMED`, `ENDORSEMENT_SIGNATURE`, `ENDORSEMENT_NONCE` (another nonce, question
   * or channel), `ENDORSEMENT_STALE`; `ENDORSEMENT_DISAGREEMENT` if good answers differ and no single one has the quorum;
   * `ENDORSEMENT_QUORUM` if there are too few.
   */
  read(demand: ReadDemand, answers: readonly EndorsedAnswer[]): VerifiedRead {
    if (answers.length > MAX_ORGANIZATIONS) throw new LedgerError('ENDORSEMENT_MALFORMED', 'too many answers')
    const groups: Agreement[] = []
    let fault: LedgerError | undefined
    for (const answer of answers) {
      try {
        join(groups, this.#check(demand, answer))
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
        fault ??= error
      }
    }
    const reached = groups.filter((group) => group.organizations.size >= this.#trust.quorum)
    const [group] = reached
    if (group !== undefined && reached.length === 1) {
      const { status, result, height, timeMs } = group
      return { status, result, height, timeMs, reachedMs: this.#reached(group) }
    }
    if (fault !== undefined) throw fault
    if (groups.length > 1) throw new LedgerError('ENDORSEMENT_DISAGREEMENT', 'organisations gave different answers')
    throw new LedgerError('ENDORSEMENT_QUORUM', 'too few organisations answered')
  }

  /** Of each organisation the oldest answer; of these the one that a whole quorum has reached. */
  #reached({ organizations }: Agreement): number {
    const newestFirst = [...organizations.values()].sort((one, other) => other - one)
    return newestFirst[this.#trust.quorum - 1] as number
  }

  #check(demand: ReadDemand, answer: EndorsedAnswer): CheckedAnswer {
    const checked = this.#fabric === undefined ? this.#checkNode(demand, answer) : this.#checkPeer(demand, answer)
    if (checked.height < demand.minHeight) {
      throw new LedgerError('ENDORSEMENT_STALE', 'the answer reflects an older block than asked for')
    }
    return checked
  }

  #checkNode({ query, nonce }: ReadDemand, signed: EndorsedAnswer): CheckedAnswer {
    const trust = this.#trust
    const content = decodeEndorsedContent(signed.answer)
    const input = concat(ENDORSED_READ, signed.answer)
    const nodes = 'nodes' in trust ? trust.nodes : []
    const isSigned = nodes.some(
      (node) => node.mspId === content.mspId && this.#crypto.verify(node.publicKey, input, signed.signature),
    )
    if (!isSigned) throw new LedgerError('ENDORSEMENT_SIGNATURE', 'the answer is not signed by a known node')
    const isAsked = content.channel === trust.channel && isSameQuery(content, query) && equalBytes(content.nonce, nonce)
    if (!isAsked) throw new LedgerError('ENDORSEMENT_NONCE', 'the answer is for another question')
    if (content.status !== 200 && content.result !== '') {
      throw new LedgerError('ENDORSEMENT_MALFORMED', 'a refusal has no result')
    }
    return content
  }

  #checkPeer({ query, nonce }: ReadDemand, answer: EndorsedAnswer): CheckedAnswer {
    const { mspId, queries, answers, height, timeMs } = this.#vouch(answer, nonce)
    // All of one answer are of one state, so of two equal queries either will do.
    const result = answers[queries.findIndex((one) => isSameQuery(one, query))]
    if (result === undefined) throw new LedgerError('ENDORSEMENT_NONCE', 'the answer is for another question')
    return { mspId, ...result, height, timeMs }
  }

  #vouch(answer: EndorsedAnswer, nonce: Uint8Array): VouchedReads {
    if (this.#nonce === undefined || !equalBytes(this.#nonce, nonce)) {
      this.#vouched = new Map()
      this.#nonce = concat(nonce)
    }
    let vouched = this.#vouched.get(answer)
    if (vouched === undefined) {
      vouched = (this.#fabric as FabricVerifier).check(answer.answer, answer.signature, nonce)
      this.#vouched.set(answer, vouched)
    }
    return vouched
  }
}

/** Organisations that gave one answer. */
interface Agreement {
  readonly status: ReadStatus
  readonly result: string
  height: number
  timeMs: number
  /** Oldest time that each says. */
  readonly organizations: Map<MspId, number>
}

type CheckedAnswer = Pick<EndorsedContent, 'mspId' | 'status' | 'result' | 'height' | 'timeMs'>

function join(groups: Agreement[], { mspId, status, result, height, timeMs }: CheckedAnswer): void {
  const group = groups.find((one) => one.status === status && one.result === result)
  if (group === undefined) {
    groups.push({ status, result, height, timeMs, organizations: new Map([[mspId, timeMs]]) })
    return
  }
  group.organizations.set(mspId, Math.min(group.organizations.get(mspId) ?? timeMs, timeMs))
  group.height = Math.min(group.height, height)
  group.timeMs = Math.max(group.timeMs, timeMs)
}

function isSameQuery(one: EndorsedQuery, other: EndorsedQuery): boolean {
  return (
    one.fn === other.fn &&
    one.args.length === other.args.length &&
    one.args.every((argument, i) => argument === other.args[i])
  )
}
