/**
 * The Ledger port on Hyperledger Fabric. Questions and proposals go to peers' endorsers, endorsed transactions through a
 * peer's gateway to the orderers, blocks come from the peer that is in use. Keys stay where they are: everything is signed by the identity that
 * is handed in. Decision: docs/decisions/0010-endorsed-reads-on-fabric.md; operators: docs/fabric.md.
 *
 * A signed proposal here is the endorsed and signed transaction: it may be kept and submitted again unchanged.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { common, gateway } from '@hyperledger/fabric-protos'
import {
  type Crypto,
  CryptoError,
  decodePem,
  decodeUtf8,
  parseCertificate,
} from '../../../../shared/crypto/src/index.ts'
import {
  type EndorsedAnswer,
  findContractFunction,
  LedgerError,
  QUERY_CHAINCODE,
  type SignedProposal,
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
import { deliverBlocks } from './block-source.ts'
import { memberCountOf } from './channel-members.ts'
import { Commits, type CommitWatch } from './commits.ts'
import { EndorsedReads } from './endorsed-reads.ts'
import { Endorsements } from './endorsements.ts'
import { decodeFabricBlock, type ParsedEnvelope, parseTransactionPayload, toLedgerBlock } from './envelopes.ts'
import { Gate } from './gate.ts'
import { PeerConnection } from './peer-connection.ts'
import { PeerPool } from './peer-pool.ts'
import type { FabricProfile } from './profile.ts'
import { isAway, refusalOf } from './refusals.ts'
import { signForFabric, toFabricSignature } from './signatures.ts'

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
/** An orderer that says yes may lose the transaction with its leadership: after this time it is sent again, if overdue. */
const COMMIT_WAIT_MS = 1_500
const LONGEST_COMMIT_WAIT_MS = 8_000
const LOOK_EVERY_MS = 250
const CATCH_UP_MS = 2_000
const DEFAULT_MAX_PREPARING = 64
const DEFAULT_MAX_WAITING = 10_000
const MAX_FRESH = 10_000

/** The identity also signs the requests for blocks. */
export interface FabricLedgerClientOptions extends LedgerClientOptions {
  /** Endorsements under way at once; default 64. More wait, as many as `maxWaiting`: then `LEDGER_BUSY`. */
  readonly maxPreparing?: number
  /** Default 10,000. */
  readonly maxWaiting?: number
}

export interface FabricLedger extends Ledger {
  /** Uses the peers of a newer profile, too, from the next request on. One of another channel or chaincode says nothing. */
  follow(profile: FabricProfile): void
}

export function createFabricLedgerClient(profile: FabricProfile, options: FabricLedgerClientOptions): FabricLedger {
  return new FabricLedgerClient(profile, options)
}

class FabricLedgerClient implements FabricLedger {
  readonly channel: string
  readonly #chaincode: string
  readonly #crypto: Crypto
  readonly #identity: LedgerIdentity
  readonly #attemptMs: number
  readonly #deadlineMs: number
  readonly #nowMs: () => number
  readonly #pool: PeerPool
  readonly #reads: EndorsedReads
  readonly #endorsements: Endorsements
  readonly #commits: Commits
  readonly #preparing: Gate
  readonly #closed = new AbortController()
  /** Prepared here and not submitted yet: nobody can have submitted them before. */
  readonly #fresh = new Set<TxId>()
  /** Newest block that callers know of: they see no older state afterwards. */
  #seenBlock = 0
  readonly #submitting = new Map<TxId, Promise<CommitStatus>>()

  constructor(profile: FabricProfile, options: FabricLedgerClientOptions) {
    const { crypto, identity } = options
    this.channel = profile.channel
    this.#chaincode = profile.chaincode
    this.#crypto = crypto
    this.#identity = identity
    this.#attemptMs = options.attemptMs ?? 10_000
    this.#deadlineMs = options.deadlineMs ?? 30_000
    this.#nowMs = options.nowMs ?? Date.now
    const { channel, chaincode } = profile
    this.#pool = new PeerPool(this.#connectionsTo(profile), identity.mspId)
    const pool = this.#pool
    this.#reads = new EndorsedReads({ crypto, pool, channel, chaincode, identity, attemptMs: this.#attemptMs })
    this.#endorsements = new Endorsements(pool, this.#attemptMs)
    this.#commits = new Commits({
      nextBlock: async () => (await this.height()) + 1,
      blocks: (from, signal) => this.#noteMembers(deliverBlocks({ pool, channel, chaincode, identity }, from, signal)),
    })
    this.#preparing = new Gate(options.maxPreparing ?? DEFAULT_MAX_PREPARING, options.maxWaiting ?? DEFAULT_MAX_WAITING)
  }

  follow(profile: FabricProfile): void {
    if (profile.channel !== this.channel || profile.chaincode !== this.#chaincode || this.#closed.signal.aborted) return
    const known = new Set(this.#pool.all.map(({ node }) => node.endpoint))
    const peers = profile.peers.filter(({ endpoint }) => !known.has(endpoint))
    if (peers.length === 0) return
    this.#pool.add(this.#connectionsTo({ ...profile, peers }))
    this.#endorsements.membersChanged()
  }

  #connectionsTo({ peers, channel }: FabricProfile): readonly PeerConnection[] {
    return peers.map((node) => new PeerConnection(this.#crypto, node, channel, this.#nowMs))
  }

  async prepare(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal> {
    checkCall(call)
    this.#checkPeriod(identity)
    return await this.#preparing.run(() => this.#endorseOnCurrentState(identity, call))
  }

  submit(signed: SignedProposal): Promise<CommitStatus> {
    let parsed: ParsedEnvelope | undefined
    try {
      parsed = parseTransactionPayload(signed.proposal)
    } catch (cause) {
      return Promise.reject(badProposal('not a transaction of Fabric', cause))
    }
    if (parsed === undefined) return Promise.reject(badProposal('not a transaction of Fabric'))
    if (parsed.channel !== this.channel) {
      return Promise.reject(new LedgerError('LEDGER_WRONG_CHANNEL', 'of another channel'))
    }
    if (!this.#fresh.has(parsed.txId) && !this.#isSignedByCreator(signed, parsed)) {
      return Promise.reject(new LedgerError('LEDGER_SIGNATURE_INVALID', 'not signed by its creator'))
    }
    const { txId } = parsed
    const underWay = this.#submitting.get(txId)
    if (underWay !== undefined) return underWay
    const submitting = this.#submit(signed, txId).finally(() => this.#submitting.delete(txId))
    this.#submitting.set(txId, submitting)
    return submitting
  }

  async query(call: LedgerCall): Promise<string> {
    checkCall(call)
    const args = [call.fn, ...call.args]
    const question = { chaincode: this.#chaincode, args }
    return await this.#ask(async (one) => decodeUtf8((await one.ask(this.#identity, question, this.#attemptMs)).result))
  }

  async endorsedRead(request: EndorsedReadRequest & LedgerCall): Promise<readonly EndorsedAnswer[]> {
    const { fn, args, ...rest } = request
    const [answers = []] = await this.endorsedReads({ ...rest, queries: [{ fn, args }] })
    return answers
  }

  /** One answer of an organisation serves all queries: the rows are one and the same. */
  async endorsedReads(
    request: EndorsedReadRequest & { readonly queries: readonly LedgerCall[] },
  ): Promise<readonly (readonly EndorsedAnswer[])[]> {
    const { queries, nonce, minHeight } = request
    const row = await this.#repeat(() => this.#reads.read({ queries, nonce, minHeight }))
    return queries.map(() => row)
  }

  async height(): Promise<number> {
    const newest = (await this.#ask((one) => this.#reads.blocksOf(one))) - 1
    this.#seenBlock = Math.max(this.#seenBlock, newest)
    return newest
  }

  async block(number: number): Promise<LedgerBlock | undefined> {
    if (number > (await this.height())) return undefined
    return await this.#blockBy('GetBlockByNumber', String(number))
  }

  async *blocks(from: number, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<LedgerBlock> {
    const stop = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
    const source = { pool: this.#pool, channel: this.channel, chaincode: this.#chaincode, identity: this.#identity }
    for await (const block of deliverBlocks(source, from, stop)) {
      this.#seenBlock = Math.max(this.#seenBlock, block.number)
      yield block
    }
  }

  async transaction(txId: TxId): Promise<CommittedTransaction | undefined> {
    let block: LedgerBlock
    try {
      block = await this.#blockBy('GetBlockByTxID', txId)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
    return block.transactions.find((one) => one.txId === txId)
  }

  close(): Promise<void> {
    this.#closed.abort()
    this.#commits.close()
    this.#pool.close()
    return Promise.resolve()
  }

  async #endorse(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal> {
    const args = [call.fn, ...call.args]
    const { txId, payload } = await this.#endorsements.endorse(identity, { chaincode: this.#chaincode, args })
    this.#remember(txId)
    return { proposal: payload, signature: signForFabric(this.#crypto, identity.signingKey, payload) }
  }

  /** Hands on blocks from now on, and learns from them how many organisations must endorse. */
  async *#noteMembers(blocks: AsyncIterable<LedgerBlock>): AsyncGenerator<LedgerBlock, void> {
    for await (const block of blocks) {
      const members = block.kind === 'config' ? memberCountOf(block) : undefined
      if (members !== undefined) this.#endorsements.membersChanged(members)
      yield block
    }
  }

  #remember(txId: TxId): void {
    for (const oldest of this.#fresh) {
      if (this.#fresh.size < MAX_FRESH) break
      this.#fresh.delete(oldest)
    }
    this.#fresh.add(txId)
  }

  /**
   * Endorses until it succeeds or is refused for good. A peer that has not seen a block that this client has seen may
   * refuse what it should not, or answer something else than the others: a refusal counts when every peer had it before.
   */
  async #endorseOnCurrentState(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal> {
    const seen = this.#seenBlock
    let isCurrent = this.#pool.all.every((one) => this.#pool.knownBlocks(one) > seen)
    return await this.#repeat(async () => {
      try {
        return await this.#endorse(identity, call)
      } catch (error) {
        const refusal = refusalOf(error)
        if (isAway(refusal) || isCurrent || refusal.code === 'LEDGER_IDENTITY_REJECTED') throw refusal
        isCurrent = await this.#allHave(seen)
        throw new LedgerError('LEDGER_BUSY', 'a peer may have lagged behind', { cause: error })
      }
    })
  }

  /** Whether every peer that answers has a block in its state. */
  async #allHave(block: number): Promise<boolean> {
    const blocks = this.#pool.all.map((one) => this.#reads.blocksOf(one).catch(() => Infinity))
    return (await Promise.all(blocks)).every((count) => count > block)
  }

  /** Orderers only say that they forbid it. */
  #isSignedByCreator({ proposal, signature }: SignedProposal, { certificate }: ParsedEnvelope): boolean {
    try {
      const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', certificate)
      return this.#crypto.verify(this.#crypto.importVerifyingKey(parseCertificate(cert).publicKey), proposal, signature)
    } catch (error) {
      if (error instanceof CryptoError) return false
      throw error
    }
  }

  async #submit(signed: SignedProposal, txId: TxId): Promise<CommitStatus> {
    const isFresh = this.#fresh.delete(txId)
    const known = this.#commits.find(txId) ?? (isFresh ? undefined : await this.transaction(txId))
    if (known !== undefined) return this.#outcome(known)
    const watch = this.#commits.watch(txId)
    try {
      await this.#commits.ready()
      return this.#outcome(await this.#order(signed, txId, watch))
    } finally {
      watch.end()
    }
  }

  /** Sends the transaction to be ordered, and again the same until it is in a block. */
  async #order(signed: SignedProposal, txId: TxId, watch: CommitWatch): Promise<CommittedTransaction> {
    const end = performance.now() + this.#deadlineMs
    let pauseMs = FIRST_PAUSE_MS
    for (;;) {
      let failure: LedgerError | undefined
      try {
        await this.#pool.try((connection) => this.#broadcast(connection, signed, txId))
        watch.sent()
      } catch (error) {
        failure = refusalOf(error)
        if (!isAway(failure)) throw failure
      }
      const found = await (failure === undefined ? this.#inBlock(watch, end) : watch.within(pauseMs))
      if (found !== undefined) return await this.#firstWord(found)
      if (performance.now() >= end || this.#closed.signal.aborted) {
        throw failure ?? new LedgerError('LEDGER_UNAVAILABLE', 'not in a block in time')
      }
      if (failure !== undefined) pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      // The stream of blocks may have ended for good, or come from a peer that is silent: that shows when others have more.
      await this.#commits.ready().catch(() => undefined)
      if (failure === undefined) await this.#pool.try((one) => this.#reads.blocksOf(one)).catch(() => undefined)
    }
  }

  /** Undefined when it should be sent again: under load blocks take their time, and a repetition would cost more. */
  async #inBlock(watch: CommitWatch, end: number): Promise<CommittedTransaction | undefined> {
    const sentMs = performance.now()
    for (;;) {
      const found = await watch.within(LOOK_EVERY_MS)
      const nowMs = performance.now()
      if (found !== undefined || nowMs >= end || this.#closed.signal.aborted) return found
      const waitedMs = nowMs - sentMs
      if (waitedMs >= LONGEST_COMMIT_WAIT_MS || (waitedMs >= COMMIT_WAIT_MS && watch.isOverdue)) return undefined
    }
  }

  /** What was seen may be the repetition of a transaction that is in an earlier block. */
  async #firstWord(found: CommittedTransaction): Promise<CommittedTransaction> {
    if (found.status !== 'INVALID') return found
    return (await this.transaction(found.txId)) ?? found
  }

  async #broadcast(connection: PeerConnection, signed: SignedProposal, txId: TxId): Promise<void> {
    const envelope = new common.Envelope()
    envelope.setPayload(signed.proposal)
    const prepared = new gateway.PreparedTransaction()
    prepared.setTransactionId(txId)
    prepared.setEnvelope(envelope)
    const signature = toFabricSignature(signed.signature)
    const transaction = connection.gateway(this.#identity).newSignedTransaction(prepared.serializeBinary(), signature)
    await transaction.submit({ deadline: Date.now() + this.#attemptMs })
  }

  /** @throws {LedgerError} `LEDGER_CONFLICT`, `LEDGER_SIGNATURE_INVALID`, `LEDGER_FAULT`: final for this transaction. */
  #outcome(found: CommittedTransaction): CommitStatus {
    this.#commits.keep(found)
    const { txId, block, index, timeMs, result, status } = found
    this.#seenBlock = Math.max(this.#seenBlock, block)
    if (status === 'VALID') return { txId, block, index, timeMs, result }
    if (status === 'MVCC_CONFLICT') throw new LedgerError('LEDGER_CONFLICT', 'something it had read was changed')
    if (status === 'ENDORSEMENT_POLICY_FAILURE') {
      this.#endorsements.majorityWasNotEnough()
      throw new LedgerError('LEDGER_CONFLICT', 'other organisations must endorse', { block })
    }
    throw new LedgerError('LEDGER_FAULT', 'the peers found the transaction invalid', { block })
  }

  async #blockBy(fn: string, argument: string): Promise<LedgerBlock> {
    const call = { chaincode: QUERY_CHAINCODE, args: [fn, this.channel, argument] }
    const { result } = await this.#ask((one) => one.ask(this.#identity, call, this.#attemptMs))
    return toLedgerBlock(decodeFabricBlock(result), this.#chaincode)
  }

  /** Asks peers that have what callers know of, one after the other, again while none answers. */
  async #ask<T>(step: (connection: PeerConnection) => Promise<T>): Promise<T> {
    const seen = this.#seenBlock
    return await this.#repeat(() =>
      this.#pool.try(async (one) => {
        await this.#catchUp(one, seen)
        return await step(one)
      }),
    )
  }

  /** After a change of peers the next one may lag a little. @throws {LedgerError} `LEDGER_UNAVAILABLE` if it lags for long. */
  async #catchUp(one: PeerConnection, block: number): Promise<void> {
    const end = performance.now() + CATCH_UP_MS
    while (this.#pool.knownBlocks(one) <= block && (await this.#reads.blocksOf(one)) <= block) {
      if (performance.now() >= end) throw new LedgerError('LEDGER_UNAVAILABLE', 'the peer lags behind')
      await sleep(FIRST_PAUSE_MS)
    }
  }

  async #repeat<T>(step: () => Promise<T>): Promise<T> {
    const end = performance.now() + this.#deadlineMs
    const { signal } = this.#closed
    let pauseMs = FIRST_PAUSE_MS
    for (;;) {
      if (signal.aborted) throw new LedgerError('LEDGER_UNAVAILABLE', 'the client is closed')
      try {
        return await step()
      } catch (error) {
        const refusal = refusalOf(error)
        if (!isAway(refusal) || isNotFound(refusal) || signal.aborted || performance.now() + pauseMs >= end) {
          throw refusal
        }
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
  }

  /** Peers only say that they deny access. @throws {LedgerError} `LEDGER_IDENTITY_REJECTED` */
  #checkPeriod({ cert }: LedgerIdentity): void {
    try {
      const { notBeforeMs, notAfterMs } = parseCertificate(cert)
      const nowMs = this.#nowMs()
      if (nowMs >= notBeforeMs && nowMs <= notAfterMs) return
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
    throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the certificate is not in its period')
  }
}

/** Fabric's chaincode library refuses these without a code. @throws {LedgerError} */
function checkCall({ fn, args }: LedgerCall): void {
  const row = findContractFunction(fn)
  if (row === undefined) throw new LedgerError('LEDGER_UNKNOWN_FUNCTION', 'the contract has no such function')
  if (row.args.length !== args.length) throw new LedgerError('LEDGER_BAD_ARGUMENT', 'the number of arguments')
}

function isNotFound(error: unknown): boolean {
  return error instanceof LedgerError && /not found|no such transaction|Entry not found/i.test(error.message)
}

function badProposal(what: string, cause?: unknown): LedgerError {
  return new LedgerError('LEDGER_BAD_PROPOSAL', what, { cause })
}
