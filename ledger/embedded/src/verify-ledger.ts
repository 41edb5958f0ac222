/**
 * Re-checks a whole ledger: its chain, and that the tables of its database are what the chain makes of them; with
 * `replay`, also that the contract gives the same results again. Spec: docs/protocol/07-ledger.md §7.10.
 *
 * What it cannot see: a ledger that its node rewrote from some block on and signed again. Compare the hash of the newest
 * block with one that somebody else kept (`expectedHead`).
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { TrustHealthContract } from '../../contract/src/index.ts'
import { type Crypto, encodeHex, encodeUtf8, equalBytes } from '../../../shared/crypto/src/index.ts'
import {
  blockInvalid,
  type ChannelConfiguration,
  ChainVerifier,
  type EncodedBlock,
  type ExpectedKey,
  LedgerError,
  placeOf,
  type VerifiedBlock,
  type VerifiedTransaction,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { simulate } from './simulator.ts'
import { LedgerStore } from './store.ts'

/** Blocks of a ledger elsewhere, for example over a client. */
export interface BlockSource {
  /** Undefined after the last one. */
  block(number: number): Promise<EncodedBlock | undefined>
}

export interface VerifyOptions {
  readonly crypto: Crypto
  /** What block 0 must be. */
  readonly genesis?: ChannelConfiguration
  /** A block that the chain must contain, kept from elsewhere. */
  readonly expectedHead?: { readonly number: number; readonly hash: Uint8Array }
  /**
   * Runs every valid transaction again and compares result, event and writes. A folder keeps the ledger that this makes;
   * `true` throws it away.
   */
  readonly replay?: boolean | { readonly folder: string }
  /** After each block: its number, and the last one where it is known. */
  readonly onProgress?: (block: number, last: number | undefined) => void
}

export interface VerifyReport {
  readonly blocks: number
  readonly transactions: number
  /** Keys of the world state that have a value. */
  readonly stateKeys: number
  readonly head: { readonly number: number; readonly hash: Uint8Array }
  readonly replayed: boolean
}

/**
 * @param source folder of a ledger that no node has open, or its blocks from elsewhere (then there are no tables to check).
 * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the first block at fault in `block` and the reason in the message;
 * everything before it is consistent. `LEDGER_STORAGE_FAILED` if the folder cannot be read.
 */
export async function verifyLedger(source: string | BlockSource, options: VerifyOptions): Promise<VerifyReport> {
  if (typeof source !== 'string') return verifyChain(source, undefined, options)
  const store = new LedgerStore(options.crypto, source)
  try {
    return await verifyChain({ block: (number) => Promise.resolve(store.block(number)) }, store, options)
  } finally {
    store.close()
  }
}

async function verifyChain(
  source: BlockSource,
  store: LedgerStore | undefined,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const { crypto, genesis, expectedHead, onProgress } = options
  const verifier = new ChainVerifier(crypto, genesis)
  const replay = openReplay(options)
  const last = store?.head()?.number
  try {
    for (let number = 0; ; number++) {
      const block = await source.block(number)
      if (block === undefined) break
      const verified = verifier.next(block)
      if (store !== undefined) checkColumns(store, verified)
      if (expectedHead?.number === number && !equalBytes(expectedHead.hash, verified.head.hash)) {
        throw blockInvalid(number, 'it has another hash than the one kept')
      }
      await replay?.next(block, verified)
      onProgress?.(number, last)
      // Others in this process get their turn.
      if (number % 64 === 0) await setImmediate()
    }
  } finally {
    replay?.close()
  }
  const { head } = verifier
  if (head === undefined) throw blockInvalid(0, 'there is none')
  const end = Math.max(last ?? 0, expectedHead?.number ?? 0)
  if (head.number < end) throw blockInvalid(head.number + 1, 'it is missing')
  if (store !== undefined) checkTables(crypto, store, verifier, head.number)
  return {
    blocks: head.number + 1,
    transactions: verifier.places.size,
    stateKeys: [...verifier.state.values()].filter(({ digest }) => digest !== null).length,
    head,
    replayed: replay !== undefined,
  }
}

function checkColumns(store: LedgerStore, { header, head }: VerifiedBlock): void {
  const columns = store.blockColumns(head.number)
  const isSame =
    columns !== undefined &&
    equalBytes(columns.hash, head.hash) &&
    columns.timeMs === header.timeMs &&
    columns.kind === header.kind
  if (!isSame) throw blockInvalid(head.number, 'the table of blocks says something else of it')
}

/** The tables are what the chain makes of them; the fault is at the block that wrote the row, or that the row names. */
function checkTables(crypto: Crypto, store: LedgerStore, verifier: ChainVerifier, end: number): void {
  checkTransactionRows(store, verifier)
  let rows = 0
  for (const { version } of store.stateRows()) {
    if (placeOf(version).block > end) throw blockInvalid(end + 1, 'it is missing, but the state has what it wrote')
  }
  for (const { key, version, value } of store.stateRows()) {
    const expected = verifier.state.get(key)
    const newest = expected?.places.at(-1)
    if (expected === undefined || expected.digest === null || newest === undefined) {
      throw blockInvalid(placeOf(version).block, 'the state has a key that no block wrote')
    }
    if (newest !== version || !isValue(crypto, expected, value)) {
      throw blockInvalid(placeOf(newest).block, 'the state has another value than the block wrote')
    }
    rows++
  }
  const live = [...verifier.state.entries()].filter(([, { digest }]) => digest !== null)
  if (rows !== live.length) {
    const present = new Set([...store.stateRows()].map(({ key }) => key))
    const missing = live.find(([key]) => !present.has(key))
    throw blockInvalid(placeOf(missing?.[1].places.at(-1) ?? 0).block, 'the state lacks a key that the block wrote')
  }
  checkHistory(store, verifier)
}

/** A large value stands in its transaction only, which was checked. */
function isValue(crypto: Crypto, expected: ExpectedKey, value: string | null): boolean {
  if (value === null) return expected.length > LedgerStore.maxInlineValue
  if (value.length > LedgerStore.maxInlineValue) return false
  return equalBytes(crypto.sha256(encodeUtf8(value)), expected.digest ?? new Uint8Array(0))
}

function checkHistory(store: LedgerStore, { state }: ChainVerifier): void {
  const next = new Map<string, number>()
  for (const { key, version } of store.historyRows()) {
    const at = next.get(key) ?? 0
    const expected = state.get(key)?.places[at]
    if (expected !== version) {
      throw blockInvalid(placeOf(expected ?? version).block, 'the history differs from what the blocks wrote')
    }
    next.set(key, at + 1)
  }
  for (const [key, { places }] of state) {
    const missing = places[next.get(key) ?? 0]
    if (missing !== undefined) throw blockInvalid(placeOf(missing).block, 'the history lacks a write of the block')
  }
}

function checkTransactionRows(store: LedgerStore, { places }: ChainVerifier): void {
  for (const { place, txId } of store.transactionRows()) {
    const expected = txId === null ? undefined : places.get(encodeHex(txId) as TxId)
    const { block } = placeOf(place)
    if (txId === null ? store.blockColumns(block)?.kind !== 'config' : expected !== place) {
      throw blockInvalid(block, 'a transaction stands in the table under another id')
    }
  }
}

interface Replay {
  next(block: EncodedBlock, verified: VerifiedBlock): Promise<void>
  close(): void
}

function openReplay({ crypto, replay }: VerifyOptions): Replay | undefined {
  if (replay === undefined || replay === false) return undefined
  const folder = replay === true ? mkdtempSync(join(tmpdir(), 'ledger-replay-')) : replay.folder
  const store = new LedgerStore(crypto, folder)
  const contract = new TrustHealthContract(crypto)
  return {
    async next(block, { header, head, transactions }) {
      // All of a block ran on the state before it, or on an older one in which they read the same.
      for (const one of transactions) await replayTransaction(contract, store, one, head.number)
      const appended = block.transactions.map((bytes, i) => {
        const transaction = transactions[i]?.transaction
        return { txId: transaction?.txId, bytes, writes: transaction?.writes ?? [] }
      })
      store.append(block, head, header.kind, appended)
    },
    close() {
      store.close()
      if (replay === true) rmSync(folder, { recursive: true })
    },
  }
}

async function replayTransaction(
  contract: TrustHealthContract,
  store: LedgerStore,
  { transaction, caller }: VerifiedTransaction,
  block: number,
): Promise<void> {
  if (transaction.status !== 'VALID') return
  const { txId, proposal } = transaction
  const { timeMs, fn, args } = proposal
  try {
    const { result, event, writes } = await simulate(contract, store, { txId, timeMs, fn, args, caller })
    const again = JSON.stringify([result, event, writes])
    if (again !== JSON.stringify([transaction.result, transaction.event, transaction.writes])) {
      throw blockInvalid(block, 'the contract gives another result')
    }
  } catch (error) {
    if (error instanceof LedgerError && error.code !== 'LEDGER_BLOCK_INVALID') {
      throw blockInvalid(block, `the contract refuses a transaction: ${error.code}`)
    }
    throw error
  }
}
