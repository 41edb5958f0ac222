/**
 * A ledger for tests of what uses the port: blocks are added by hand, reads answer what the test says, and it can be
 * away. It signs and orders nothing; methods that need that throw.
 *
 * @module
 */
import type {
  CommitStatus,
  CommittedTransaction,
  Ledger,
  LedgerBlock,
  LedgerCall,
  LedgerIdentity,
} from '../../../ledger/client/src/port.ts'
import { encodeCommitGroups, LedgerError, type EndorsedAnswer } from '../../../shared/ledger-model/src/index.ts'
import type { SignedProposal } from '../../../shared/ledger-model/src/index.ts'

export class ScriptedLedger implements Ledger {
  readonly channel = 'test'
  readonly reads: Parameters<Ledger['endorsedReads']>[0][] = []
  readonly prepared: { readonly identity: LedgerIdentity; readonly call: LedgerCall }[] = []
  readonly submitted: SignedProposal[] = []
  /** What comes of the next reads and submits, in order; when empty they succeed. */
  readonly troubles: (LedgerError | 'silence')[] = []
  readonly #blocks: LedgerBlock[] = []
  readonly #chain: number
  #grown: () => void = () => undefined
  /** Answers to several questions; default: `answer` to each. */
  rows: (queries: readonly LedgerCall[]) => readonly (readonly EndorsedAnswer[])[] = (queries) =>
    queries.map(({ fn }) => [this.answer(fn)])
  answer: (fn: string) => EndorsedAnswer = () => ({ answer: new Uint8Array([1]), signature: new Uint8Array(64) })

  /** @param chain makes block 0 another one. */
  constructor(chain = 1) {
    this.#chain = chain
    this.#push('config', [])
  }

  /** A block with one commit of these records. */
  commit(batchId: string, records: readonly (readonly [recordId: string, version: number])[], status = 'VALID'): void {
    const digest = 'a'.repeat(64)
    const items = records.map(([recordId, version]) => ({
      recordId: recordId as never,
      version,
      patientTag: digest,
      doctorTag: digest,
      ehrHash: digest,
      warrantHash: digest,
      previous: version === 1 ? '' : digest,
    }))
    const groups = [{ author: `d-${'0'.repeat(32)}` as never, signature: 'A'.repeat(86), items: items as never }]
    this.#push('data', [{ fn: 'commit', args: [batchId, encodeCommitGroups(groups)], status: status as 'VALID' }])
  }

  add(transactions: readonly Pick<CommittedTransaction, 'fn' | 'args' | 'status'>[]): void {
    this.#push('data', transactions)
  }

  #push(kind: 'config' | 'data', parts: readonly Pick<CommittedTransaction, 'fn' | 'args' | 'status'>[]): void {
    const number = this.#blocks.length
    const transactions = parts.map((part, index) => ({
      ...part,
      txId: `${number}${index}`.padStart(64, '0') as never,
      block: number,
      index,
      timeMs: number,
      result: '',
      mspId: 'HospitalA' as never,
      event: null,
    }))
    const hash = new Uint8Array(32).fill(number)
    hash[31] = this.#chain
    this.#blocks.push({ number, hash, timeMs: number, kind, transactions, encoded: new Uint8Array(0) })
    this.#grown()
  }

  async #trouble(): Promise<void> {
    const trouble = this.troubles.shift()
    if (trouble === 'silence') await new Promise(() => undefined)
    if (trouble instanceof LedgerError) throw trouble
  }

  prepare(identity: LedgerIdentity, call: LedgerCall): Promise<SignedProposal> {
    this.prepared.push({ identity, call })
    return Promise.resolve({ proposal: new Uint8Array([this.prepared.length]), signature: new Uint8Array(64) })
  }

  async submit(signed: SignedProposal): Promise<CommitStatus> {
    this.submitted.push(signed)
    await this.#trouble()
    return { txId: '0'.repeat(64) as never, block: 1, index: 0, timeMs: 0, result: '' }
  }

  async endorsedReads(request: Parameters<Ledger['endorsedReads']>[0]) {
    this.reads.push(request)
    await this.#trouble()
    return this.rows(request.queries)
  }

  height(): Promise<number> {
    return Promise.resolve(this.#blocks.length - 1)
  }

  block(number: number): Promise<LedgerBlock | undefined> {
    return Promise.resolve(this.#blocks[number])
  }

  async *blocks(from: number, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<LedgerBlock> {
    const ended = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
    for (let number = from; ;) {
      if (signal?.aborted === true) return
      const block = this.#blocks[number]
      if (block === undefined) {
        await Promise.race([ended, new Promise<void>((resolve) => (this.#grown = resolve))])
        continue
      }
      number++
      yield block
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  query(): never {
    throw new Error('not implemented in the scripted ledger')
  }
  endorsedRead(): never {
    throw new Error('not implemented in the scripted ledger')
  }
  transaction(): never {
    throw new Error('not implemented in the scripted ledger')
  }
}
