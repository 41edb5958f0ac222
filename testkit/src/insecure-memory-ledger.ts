/**
 * The ledger in memory for tests of the trusted application: the real contract, one node that signs honestly, no
 * blocks, no durability, nobody checks who proposes. What it cannot do it does not pretend to.
 *
 * @module
 */
import { encodeHex, type Crypto, type SigningKey } from '../../shared/crypto/src/index.ts'
import {
  endorseContent,
  LedgerError,
  stateKeys,
  type EndorsedAnswer,
  type EndorsedQuery,
  type ReadResult,
} from '../../shared/ledger-model/src/index.ts'
import {
  stringifySorted,
  type BatchId,
  type MspId,
  type RecordId,
  type ServerRef,
  type TxId,
} from '../../shared/protocol/src/index.ts'
import type {
  ContractCall,
  HistoricValue,
  StatePage,
  TransactionContext,
  WorldState,
} from '../../ledger/contract/src/call.ts'
import { runFunction } from '../../ledger/contract/src/run.ts'
import type { Consortium, TestIdentity } from './consortium.ts'
import type { InsecureFabricPeer } from './fabric-peer.ts'

/** [recordId, version, batchId, index, txId, block] */
export type CommittedPlace = readonly [RecordId, number, BatchId, number, TxId, number]

/** Name of the chaincode that the peers run. */
export const TEST_CHAINCODE = 'trusthealth'

/** A ledger node that may sign answers. */
export interface MemoryNode {
  readonly mspId: MspId
  readonly key: SigningKey
}

export class InsecureMemoryLedger {
  /** They answer in place of the nodes if there are any. */
  readonly peers: InsecureFabricPeer[] = []
  readonly #crypto: Crypto
  readonly #consortium: Consortium
  readonly #nodes: readonly MemoryNode[]
  readonly #nowMs: () => number
  #state = new Map<string, string>()
  readonly #history = new Map<string, HistoricValue[]>()
  readonly #committed = new Map<string, CommittedPlace>()
  #height = 0

  constructor(
    crypto: Crypto,
    consortium: Consortium,
    nowMs: () => number,
    nodes: readonly MemoryNode[] = [
      { mspId: (consortium.organizations[0] as { mspId: MspId }).mspId, key: consortium.nodeKey },
    ],
  ) {
    this.#crypto = crypto
    this.#consortium = consortium
    this.#nodes = nodes
    this.#nowMs = nowMs
  }

  get height(): number {
    return this.#height
  }

  /** A copy of the world as it is now, to go back to: what a lying host shows. */
  snapshot(): { readonly state: Map<string, string>; readonly height: number } {
    return { state: new Map(this.#state), height: this.#height }
  }

  /** Runs a function as `identity`. @throws {LedgerError} */
  async submit(
    identity: TestIdentity,
    fn: string,
    args: readonly string[],
    timeMs = this.#nowMs(),
  ): Promise<{ readonly txId: TxId; readonly block: number; readonly result: string }> {
    const txId = encodeHex(this.#crypto.randomBytes(32)) as TxId
    const { mspId, role, ref, certSerial } = identity
    const caller = {
      mspId,
      role: role === 'member' ? undefined : role,
      ref: role === 'admin' ? undefined : ref,
      certSerial,
    }
    return await this.#run({ txId, timeMs, caller }, fn, args)
  }

  /** Signed answers of every node to each query. @param at a former state: what a host that lies would fetch. */
  async endorsedRead(
    queries: readonly EndorsedQuery[],
    nonce: Uint8Array,
    at: { readonly state: ReadonlyMap<string, string>; readonly height: number } = {
      state: this.#state,
      height: this.#height,
    },
  ): Promise<readonly (readonly EndorsedAnswer[])[]> {
    if (this.peers.length > 0) return await this.#readPeers(queries, nonce, at)
    const answers: EndorsedAnswer[][] = []
    for (const { fn, args } of queries) {
      const { status, result } = await this.#query(fn, args, at.state)
      answers.push(
        this.#nodes.map(({ mspId, key }) =>
          endorseContent(this.#crypto, key, {
            channel: this.#consortium.channel,
            mspId,
            fn,
            args,
            nonce,
            height: at.height,
            blockHash: new Uint8Array(32),
            timeMs: this.#nowMs(),
            status,
            result,
          }),
        ),
      )
    }
    return answers
  }

  /** As peers of Fabric answer: all questions together. */
  async #readPeers(
    queries: readonly EndorsedQuery[],
    nonce: Uint8Array,
    { state, height }: { readonly state: ReadonlyMap<string, string>; readonly height: number },
  ): Promise<readonly (readonly EndorsedAnswer[])[]> {
    const { channel } = this.#consortium
    const answers: ReadResult[] = []
    for (const { fn, args } of queries) answers.push(await this.#query(fn, args, state))
    const reading = { channel, chaincode: TEST_CHAINCODE, nonce, queries, answers, height, timeMs: this.#nowMs() }
    const row = this.peers.map((peer) => peer.answer(reading))
    return queries.map(() => row)
  }

  /** Raises the epoch of a server's newest checkpoint, as a second copy of the server would have done. */
  async forceCheckpoint(server: ServerRef, epoch: number): Promise<void> {
    const key = stateKeys.checkpoint(server)
    const record = JSON.parse(this.#state.get(key) ?? '{}') as Record<string, string>
    this.#state.set(key, stringifySorted({ ...record, epoch }))
  }

  /** Where a version of a record is, if it is. */
  findCommitted(recordId: RecordId, version: number): CommittedPlace | undefined {
    return this.#committed.get(`${recordId}/${version}`)
  }

  async #query(fn: string, args: readonly string[], state: ReadonlyMap<string, string>): Promise<ReadResult> {
    const [organization] = this.#consortium.organizations
    const mspId = (organization as { mspId: MspId }).mspId
    const caller = { mspId, role: undefined, ref: undefined, certSerial: '00' }
    const tx = { txId: '00'.repeat(32) as TxId, timeMs: this.#nowMs(), caller }
    try {
      const call: ContractCall = { crypto: this.#crypto, state: this.#worldState(state, new Map()), tx }
      return { status: 200, result: (await runFunction(call, fn, args)).result }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      return { status: error.code, result: '' }
    }
  }

  async #run(
    tx: TransactionContext,
    fn: string,
    args: readonly string[],
  ): Promise<{ readonly txId: TxId; readonly block: number; readonly result: string }> {
    const writes = new Map<string, string | undefined>()
    const call: ContractCall = { crypto: this.#crypto, state: this.#worldState(this.#state, writes), tx }
    const { result } = await runFunction(call, fn, args)
    const block = ++this.#height
    const next = new Map(this.#state)
    for (const [key, value] of writes) {
      if (value === undefined) next.delete(key)
      else {
        next.set(key, value)
        const values = this.#history.get(key) ?? []
        values.push({ txId: tx.txId, timeMs: tx.timeMs, value })
        this.#history.set(key, values)
      }
    }
    this.#state = next
    if (fn === 'commit') this.#noteBatch(args, tx.txId, block)
    return { txId: tx.txId, block, result }
  }

  #noteBatch([batchId = '', groups = '']: readonly string[], txId: TxId, block: number): void {
    const parsed = JSON.parse(groups) as readonly {
      readonly items: readonly { recordId: RecordId; version: number }[]
    }[]
    let index = 0
    for (const { recordId, version } of parsed.flatMap(({ items }) => items)) {
      this.#committed.set(`${recordId}/${version}`, [recordId, version, batchId as BatchId, index++, txId, block])
    }
  }

  #worldState(state: ReadonlyMap<string, string>, writes: Map<string, string | undefined>): WorldState {
    return {
      get: async (key) => state.get(key),
      getSteady: async (key) => state.get(key),
      put: async (key, value) => void writes.set(key, value),
      add: async (key, value) => void writes.set(key, value),
      delete: async (key) => void writes.set(key, undefined),
      range: async (prefix, bookmark, limit): Promise<StatePage> => {
        const keys = [...state.keys()].filter((key) => key.startsWith(prefix) && key > bookmark).toSorted()
        const items = keys.slice(0, limit).map((key) => ({ key, value: state.get(key) as string }))
        return { items, bookmark: keys.length > limit ? (keys[limit - 1] as string) : '' }
      },
      history: async (key) => this.#history.get(key) ?? [],
    }
  }
}
