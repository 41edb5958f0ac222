/**
 * Endorsed reads from peers: one of each organisation is asked for its number of blocks, then for the results.
 * Spec: docs/protocol/07-ledger.md §7.13. Nothing is checked here: the reader does.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Crypto, equalBytes, signatureFromDer } from '../../../../shared/crypto/src/index.ts'
import {
  CHAIN_INFO_FUNCTION,
  decodeReadsAnswer,
  encodeFabricAnswer,
  encodeReads,
  LedgerError,
  QUERY_CHAINCODE,
  readLink,
  READS_FUNCTION,
  WireMessage,
  type EndorsedAnswer,
  type EndorsedQuery,
  type SignedResponse,
} from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import type { LedgerIdentity } from '../port.ts'
import { Gate } from './gate.ts'
import type { PeerConnection, PeerResponse } from './peer-connection.ts'
import type { PeerPool } from './peer-pool.ts'
import { isAway, refusalOf } from './refusals.ts'

const PAUSE_MS = 10
/** Reads under way at one peer, and how many may wait: time that a peer is asked for begins when it is asked. */
const MAX_AT_PEER = 64
const MAX_WAITING = 10_000
/** Of the time of one request: so long a reader waits for a majority, or for a block that is to come. */
const PATIENCE = 0.5
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
/** How long a peer's number of blocks is good for readers who do not say how new it must be. */
const KEPT_MS = 1_000
/** How long an organisation is waited for after most have answered. */
const GRACE_MS = 500
const MAX_DISAGREEMENTS = 5
const DISAGREEMENT_PAUSE_MS = 15

export interface ReadQuestion {
  readonly queries: readonly EndorsedQuery[]
  readonly nonce: Uint8Array
  readonly minHeight: number | undefined
}

export interface EndorsedReadsOptions {
  readonly crypto: Crypto
  readonly pool: PeerPool
  readonly channel: string
  readonly chaincode: string
  readonly identity: LedgerIdentity
  /** How long one request may take. */
  readonly attemptMs: number
}

interface ToldAnswer extends EndorsedAnswer {
  readonly mspId: MspId
  /** What is compared. */
  readonly results: string
}

interface Told {
  readonly answers: readonly ToldAnswer[]
  /** Of the organisations that gave none. */
  readonly faults: readonly LedgerError[]
}

/** A peer's own word on its number of blocks. */
interface ChainInfo {
  readonly asked: PeerResponse
  readonly blocks: number
  /** When it was asked for, `performance.now()`. */
  readonly askedMs: number
}

export class EndorsedReads {
  readonly #options: EndorsedReadsOptions
  /** A number that a peer named stays true: it never has fewer blocks later. */
  readonly #known = new Map<PeerConnection, ChainInfo>()
  readonly #asking = new Map<PeerConnection, Promise<ChainInfo>>()
  /** Of each peer its own: one that is silent holds up nobody else. */
  readonly #gates = new Map<PeerConnection, Gate>()

  constructor(options: EndorsedReadsOptions) {
    this.#options = options
  }

  /**
   * One answer of each organisation that gives one in time. Peers commit a block at slightly different moments: what they
   * tell meanwhile differs, so they are asked again while no majority says the same. Organisations that are away, or too
   * busy, are asked again while fewer than a majority have answered, for half of the time of a request; then what there
   * is is given: a reader may believe fewer.
   * @throws {LedgerError} if none answers.
   */
  async read(question: ReadQuestion): Promise<readonly EndorsedAnswer[]> {
    const { pool, attemptMs } = this.#options
    const untilMs = performance.now() + attemptMs * PATIENCE
    let told: readonly ToldAnswer[] = []
    let pauseMs = FIRST_PAUSE_MS
    for (let disagreements = 0; ;) {
      const organizations = pool.byOrganization()
      const majority = Math.floor(organizations.length / 2) + 1
      const silent = organizations.filter(([peer]) => told.every(({ mspId }) => mspId !== peer?.node.mspId))
      const { answers, faults } = await this.#askEach(question, silent, majority - told.length)
      told = [...told, ...answers]
      if (told.length < majority) {
        if (told.length === 0) throw faults[0] ?? new LedgerError('LEDGER_UNAVAILABLE', 'no peer answers')
        const isInReach = told.length + faults.filter(isAway).length >= majority
        if (!isInReach || performance.now() + pauseMs >= untilMs) return told.map(asEndorsed)
        await sleep(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
        continue
      }
      if (mostAlike(told) >= majority || ++disagreements === MAX_DISAGREEMENTS) return told.map(asEndorsed)
      told = []
      await sleep(disagreements * DISAGREEMENT_PAUSE_MS)
    }
  }

  /** @param enough so many answers: the others are waited for a little longer. */
  async #askEach(
    question: ReadQuestion,
    organizations: readonly (readonly PeerConnection[])[],
    enough: number,
  ): Promise<Told> {
    const { pool } = this.#options
    const answers: ToldAnswer[] = []
    const faults: LedgerError[] = []
    const all = organizations.map(async (peers) => {
      try {
        answers.push(await pool.try((peer) => this.#gateOf(peer).run(() => this.#ask(peer, question)), peers))
      } catch (error) {
        faults.push(refusalOf(error))
      }
    })
    await settled(all, () => answers.length >= enough)
    return { answers: [...answers], faults: [...faults] }
  }

  #gateOf(peer: PeerConnection): Gate {
    let gate = this.#gates.get(peer)
    if (gate === undefined) this.#gates.set(peer, (gate = new Gate(MAX_AT_PEER, MAX_WAITING)))
    return gate
  }

  /** Number of blocks of one peer, asked now. @throws {LedgerError} */
  async blocksOf(peer: PeerConnection): Promise<number> {
    return (await this.#chainInfo(peer)).blocks
  }

  async #ask(peer: PeerConnection, { queries, nonce, minHeight }: ReadQuestion): Promise<ToldAnswer> {
    const { crypto, chaincode, identity, attemptMs } = this.#options
    let info = await this.#infoFrom(peer, minHeight)
    for (;;) {
      const link = readLink(crypto, nonce, info.asked.response)
      const args = [READS_FUNCTION, link, encodeReads(queries)]
      const reads = await peer.ask(identity, { chaincode, args }, attemptMs)
      // A peer that was given a new certificate meanwhile.
      if (!equalBytes(reads.endorser, info.asked.endorser)) {
        info = await this.#chainInfo(peer)
        continue
      }
      const answer = encodeFabricAnswer({
        endorser: reads.endorser,
        creator: reads.proposal.creator,
        chainInfo: { ...askedOf(info.asked), ...signedOf(info.asked) },
        asked: askedOf(reads),
        queries,
        response: reads.response,
      })
      const signature = signatureFromDer(reads.signature)
      return { mspId: peer.node.mspId, answer, signature, results: resultsOf(reads.result) }
    }
  }

  /**
   * What is remembered, if it is new enough and no newer block was seen here: a reader that was told of a block must find
   * it proven. For a reader that does not say how new, it is a second old at most. Waits a little for a block that is
   * to come.
   */
  async #infoFrom(peer: PeerConnection, minHeight: number | undefined): Promise<ChainInfo> {
    const least = Math.max((minHeight ?? 0) + 1, this.#options.pool.mostBlocks)
    const known = this.#known.get(peer)
    if (known !== undefined && known.blocks >= least) {
      if (minHeight !== undefined || performance.now() - known.askedMs < KEPT_MS) return known
    }
    const shared = await this.#sharedInfo(peer)
    if (shared.blocks >= least) return shared
    const end = performance.now() + this.#options.attemptMs * PATIENCE
    for (;;) {
      const info = await this.#chainInfo(peer)
      // Too old after all that time: the reader says so.
      if (info.blocks > (minHeight ?? 0) || performance.now() + PAUSE_MS >= end) return info
      await sleep(PAUSE_MS)
    }
  }

  /** One question for all who ask at the same time. */
  #sharedInfo(peer: PeerConnection): Promise<ChainInfo> {
    let asking = this.#asking.get(peer)
    if (asking === undefined) {
      asking = this.#chainInfo(peer).finally(() => this.#asking.delete(peer))
      this.#asking.set(peer, asking)
    }
    return asking
  }

  async #chainInfo(peer: PeerConnection): Promise<ChainInfo> {
    const { pool, channel, identity, attemptMs } = this.#options
    const call = { chaincode: QUERY_CHAINCODE, args: [CHAIN_INFO_FUNCTION, channel] }
    const askedMs = performance.now()
    const asked = await peer.ask(identity, call, attemptMs)
    const info = { asked, askedMs, blocks: new WireMessage(asked.result).number(1) }
    this.#known.set(peer, info)
    pool.noteBlocks(peer, info.blocks)
    return info
  }
}

/** Without the time, in which honest peers differ. */
function resultsOf(result: Uint8Array): string {
  try {
    return JSON.stringify(decodeReadsAnswer(result).answers)
  } catch (error) {
    // The reader refuses it.
    if (error instanceof LedgerError) return ''
    throw error
  }
}

function asEndorsed({ answer, signature }: ToldAnswer): EndorsedAnswer {
  return { answer, signature }
}

/** How many say the same as most. */
function mostAlike(told: readonly ToldAnswer[]): number {
  return Math.max(0, ...[...Map.groupBy(told, ({ results }) => results).values()].map((group) => group.length))
}

function askedOf({ proposal: { nonce, timeMs } }: PeerResponse) {
  return { nonce, timeMs }
}

function signedOf({ response, signature }: PeerResponse): SignedResponse {
  return { response, signature: signatureFromDer(signature) }
}

/** Until all are done, or, once there are enough, a little longer. */
async function settled(all: readonly Promise<void>[], isEnough: () => boolean): Promise<void> {
  const stop = new AbortController()
  const grace = async () => {
    while (!isEnough()) await sleep(PAUSE_MS, undefined, { signal: stop.signal })
    await sleep(GRACE_MS, undefined, { signal: stop.signal })
  }
  try {
    await Promise.race([Promise.all(all), grace().catch(() => undefined)])
  } finally {
    stop.abort()
  }
}
