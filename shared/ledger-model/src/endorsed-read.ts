/**
 * Endorsed reads: answers of the ledger that a reader can check without trusting who carried them. Used inside the
 * trusted application and in clients. Spec: docs/protocol/07-ledger.md §7.5.
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
  struct,
  text,
  uint,
} from '../../protocol/src/index.ts'
import { decodeAs } from './decode.ts'
import { LedgerError } from './errors.ts'
import { MAX_ENDORSED_ANSWER_BYTES, MAX_ORGANIZATIONS, QUERY_NONCE_BYTES } from './limits.ts'
import { argumentsShape, channelShape, functionNameShape } from './proposal.ts'
import type { EndorsedQuery } from './query.ts'
import { type ReadStatus, readStatusShape } from './read-status.ts'

const ENDORSED_READ = label('endorsed-read')

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

/** What a reader demands of the answers. */
export interface EndorsementDemand {
  readonly query: EndorsedQuery
  readonly channel: string
  /** 32 bytes, the reader's own. */
  readonly nonce: Uint8Array
  readonly nodes: readonly LedgerNodeKey[]
  /** Distinct organisations that must agree, 1 up. */
  readonly quorum: number
  /** Each answer must reflect at least this block; default 0. */
  readonly minHeight?: number
}

export interface VerifiedRead {
  readonly status: ReadStatus
  readonly result: string
  /** Smallest height among the answers: at least this much is reflected by all. */
  readonly height: number
  /** Newest time among the answers: the reader's ledger time. */
  readonly timeMs: number
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
  answers: list(list(answerShape, { max: MAX_ORGANIZATIONS }), { max: 1_024 }),
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

/** The message with which a node answers several queries: for each, one answer per organisation. */
export function encodeEndorsedAnswers(answers: readonly (readonly EndorsedAnswer[])[]): Uint8Array {
  return encodeCbor({
    answers: answers.map((one) => one.map(({ answer, signature }) => ({ answer, signature }))),
  })
}

/** @throws {LedgerError} `ENDORSEMENT_MALFORMED` */
export function decodeEndorsedAnswers(encoded: Uint8Array): readonly (readonly EndorsedAnswer[])[] {
  const limit = 4 * MAX_ENDORSED_ANSWER_BYTES
  return decodeAs('ENDORSEMENT_MALFORMED', encoded, answersShape, 'endorsed answers', limit).answers
}

/**
 * Checks the answers to one query and returns what a quorum of organisations agrees on.
 *
 * One answer is checked in this order: form, signature by a node of the organisation it names, question and nonce,
 * height. One that fails does not count, so that a single faulty organisation cannot stop the others; if the quorum is
 * missed, the first such fault is the error.
 *
 * @throws {LedgerError} `ENDORSEMENT_MALFORMED`, `ENDORSEMENT_SIGNATURE`, `ENDORSEMENT_NONCE` (another nonce, question or
 * channel), `ENDORSEMENT_STALE`; `ENDORSEMENT_DISAGREEMENT` if good answers differ and no single one has the quorum;
 * `ENDORSEMENT_QUORUM` if there are too few.
 * @throws {RangeError} if `quorum` is below 1: no organisation asked is no check.
 */
export function verifyEndorsedRead(
  crypto: Crypto,
  demand: EndorsementDemand,
  answers: readonly EndorsedAnswer[],
): VerifiedRead {
  if (!Number.isSafeInteger(demand.quorum) || demand.quorum < 1) throw new RangeError('quorum must be from 1 up')
  if (answers.length > MAX_ORGANIZATIONS) throw new LedgerError('ENDORSEMENT_MALFORMED', 'too many answers')
  const groups: Agreement[] = []
  let fault: LedgerError | undefined
  for (const answer of answers) {
    try {
      join(groups, checkAnswer(crypto, demand, answer))
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      fault ??= error
    }
  }
  const reached = groups.filter((group) => group.organizations.size >= demand.quorum)
  const [group] = reached
  if (group !== undefined && reached.length === 1) {
    const { status, result, height, timeMs } = group
    return { status, result, height, timeMs }
  }
  if (fault !== undefined) throw fault
  if (groups.length > 1) throw new LedgerError('ENDORSEMENT_DISAGREEMENT', 'organisations gave different answers')
  throw new LedgerError('ENDORSEMENT_QUORUM', 'too few organisations answered')
}

/** Organisations that gave one answer. */
interface Agreement extends VerifiedRead {
  height: number
  timeMs: number
  readonly organizations: Set<MspId>
}

function join(groups: Agreement[], { mspId, status, result, height, timeMs }: EndorsedContent): void {
  const group = groups.find((one) => one.status === status && one.result === result)
  if (group === undefined) {
    groups.push({ status, result, height, timeMs, organizations: new Set([mspId]) })
    return
  }
  group.organizations.add(mspId)
  group.height = Math.min(group.height, height)
  group.timeMs = Math.max(group.timeMs, timeMs)
}

function checkAnswer(crypto: Crypto, demand: EndorsementDemand, signed: EndorsedAnswer): EndorsedContent {
  const content = decodeEndorsedContent(signed.answer)
  const input = concat(ENDORSED_READ, signed.answer)
  const isSigned = demand.nodes.some(
    (node) => node.mspId === content.mspId && crypto.verify(node.publicKey, input, signed.signature),
  )
  if (!isSigned) throw new LedgerError('ENDORSEMENT_SIGNATURE', 'the answer is not signed by a known node')
  const isAsked =
    content.channel === demand.channel &&
    content.fn === demand.query.fn &&
    content.args.length === demand.query.args.length &&
    content.args.every((argument, i) => argument === demand.query.args[i]) &&
    equalBytes(content.nonce, demand.nonce)
  if (!isAsked) throw new LedgerError('ENDORSEMENT_NONCE', 'the answer is for another question')
  if (content.status !== 200 && content.result !== '') {
    throw new LedgerError('ENDORSEMENT_MALFORMED', 'a refusal has no result')
  }
  if (content.height < (demand.minHeight ?? 0)) {
    throw new LedgerError('ENDORSEMENT_STALE', 'the answer reflects an older block than asked for')
  }
  return content
}
