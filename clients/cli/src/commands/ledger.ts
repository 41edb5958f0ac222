/**
 * `trusthealth ledger …`: the shared ledger, checked and read on this device.
 *
 * @module
 */
import { join } from 'node:path'
import {
  CommitmentIndex,
  type CommittedTransaction,
  type Ledger,
  type LedgerBlock,
} from '../../../../ledger/client/src/index.ts'
import { decodeHex, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import { sha256HexShape, txIdShape, type RecordId } from '../../../../shared/protocol/src/index.ts'
import { recognise } from '../../../sdk/src/audit/recognise.ts'
import { CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import { startProgress } from '../import/progress.ts'
import { openLedgerOf } from '../ledger-access.ts'
import { ledgerViewOf, type LedgerReport, type LedgerView, type TransactionDetails } from '../ledger-view.ts'
import { countOption } from '../moments.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { requireSystem } from '../system-file.ts'
import { countWords, numberWords } from '../words.ts'

export const LEDGER_COMMANDS: readonly CommandRow[] = [
  {
    path: 'ledger verify',
    summary: 'check the whole shared ledger, block by block, on this device',
    options: [{ flags: '--replay', description: 'also run every transaction again and compare its result' }],
    examples: ['ledger verify', 'ledger verify --replay', 'ledger verify --json'],
    run: verify,
  },
  {
    path: 'ledger blocks',
    summary: 'list blocks, newest last',
    options: [
      { flags: '--from <number>', description: 'first block; else the last ones' },
      { flags: '--limit <count>', description: 'at most so many', default: '20' },
    ],
    examples: ['ledger blocks', 'ledger blocks --from 0 --limit 5', 'ledger blocks --json=lines'],
    run: listBlocks,
  },
  {
    path: 'ledger show',
    what: '<anything>',
    summary: 'show a block, a transaction, a batch, a record, a permission or a participant',
    examples: [
      'ledger show 12',
      'ledger show r-01a204a9134da719848555ac0715a98c',
      'ledger show s-22a107c19b8f4f0f8d1d2b3c4d5e6f70 --json',
    ],
    run: show,
  },
]

async function verify(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const replay = options['replay'] === true
  const report = await verifyWholeLedger(context, replay)
  context.output.result(
    reportJson(report),
    `Checked here: ${report.checked}.\n` +
      `Not checked here: contents (the ledger holds none), and whether an organisation's own authority is honest.\n` +
      verifiedWords(report),
  )
}

/** @throws {CommandError} `LEDGER_BLOCK_INVALID` with the block in its words */
export async function verifyWholeLedger(context: Context, replay: boolean): Promise<LedgerReport> {
  const { consortium, system } = requireSystem(context.state)
  const expectedHead = readKeptHead(context)
  const progress = startProgress(context, 'Verifying')
  try {
    const view = await ledgerViewOf(context, consortium, system)
    const report = await view.verify({
      replay,
      onProgress: (block, height) =>
        progress.update(block, height, `${numberWords(block)} / ${numberWords(height)} blocks`),
      ...(expectedHead === undefined ? {} : { expectedHead }),
    })
    keepHead(context, report.head)
    return report
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'LEDGER_BLOCK_INVALID') throw error
    throw new CommandError('LEDGER_BLOCK_INVALID', {
      what: `Do not rely on the shared ledger from block ${numberWords(error.block ?? 0)} on.`,
      reason: `${error.message}. Everything before it is consistent.`,
      cause: error,
    })
  } finally {
    progress.end()
  }
}

export function verifiedWords({ blocks, transactions, head }: LedgerReport): string {
  return `${numberWords(blocks)} blocks from the first one, ${countWords(transactions, 'transaction')}, 0 faults. Newest ${encodeHex(head.hash).slice(0, 16)}…`
}

function reportJson({ blocks, transactions, head, more }: LedgerReport): object {
  return {
    blocks,
    transactions,
    head: { number: head.number, hash: encodeHex(head.hash) },
    ...more,
    faults: 0,
  }
}

async function listBlocks(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const limit = countOption('--limit', text(options, 'limit'), 20, 1_000)
  await withLedger(context, async (ledger, view) => {
    const height = await ledger.height()
    const given = text(options, 'from')
    const from =
      given === undefined
        ? Math.max(0, height - limit + 1)
        : countOption('--from', String(Number(given) + 1), 1, height + 2) - 1
    const blocks: LedgerBlock[] = []
    for (let number = from; number <= height && blocks.length < limit; number++) {
      const block = await ledger.block(number)
      if (block !== undefined) blocks.push(block)
    }
    const rows = blocks.map((block) => [
      numberWords(block.number),
      // Fabric's configuration blocks have no time.
      block.timeMs === 0 ? '' : formatMoment(block.timeMs),
      contentWords(block),
      encodeHex(block.hash).slice(0, 12),
    ])
    context.output.list(
      blocks.map((block) => blockJson(block, view)),
      table(rows, `There is no block from ${numberWords(from)} on; the newest is ${numberWords(height)}.`),
    )
  })
}

/** "commit 3, grant 1", "configuration". */
function contentWords({ kind, transactions }: LedgerBlock): string {
  if (kind === 'config') return 'configuration'
  const counts = new Map<string, number>()
  for (const { fn, status } of transactions) {
    const name = status === 'VALID' ? fn : `${fn} ${status}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([fn, count]) => (count === 1 ? fn : `${fn} ${count}`)).join(', ')
}

async function show(context: Context, what: readonly string[]): Promise<void> {
  const given = what[0] as string
  await withLedger(context, async (ledger, view) => {
    const found = await doing('Not shown', () => find(ledger, view, given))
    context.output.result(found, JSON.stringify(found, null, 2))
  })
}

/** What was pasted says by its form what it is. */
async function find(ledger: Ledger, view: LedgerView, given: string): Promise<unknown> {
  const query = async (fn: string, arg: string) => JSON.parse(await ledger.query({ fn, args: [arg] })) as unknown
  const found = recognise(given)
  switch (found.kind) {
    case 'block':
      return await findBlock(ledger, view, found.number)
    case 'fingerprint':
      return await findHex(ledger, view, found.hex)
    case 'warrant':
      return await query('warrant', found.warrant)
    case 'batch':
      return await query('batch', found.batch)
    case 'participant':
      return await query('participant', found.ref)
    case 'record':
      return await findRecord(ledger, found.record)
    case 'receipt':
      return await findBlock(ledger, view, found.receipt.block)
    default:
      throw usageError(
        `"${given}" is nothing that the shared ledger has.`,
        'a block number, a transaction, a receipt, or a whole id that begins with r-, w-, b-, p-, d-, h-, a- or s-',
      )
  }
}

async function findRecord(ledger: Ledger, record: RecordId): Promise<unknown> {
  const places = (await indexOf(ledger)).ofRecord(record)
  if (places.length > 0) return places
  throw new CommandError('RECORD_NOT_FOUND', { what: 'The shared ledger has no entry of this record.' })
}

async function findBlock(ledger: Ledger, view: LedgerView, number: number): Promise<object> {
  const block = await ledger.block(number)
  if (block !== undefined) return blockJson(block, view)
  throw usageError(`There is no block ${number}; the newest is ${await ledger.height()}.`)
}

/** A transaction, or a patient's tag. */
async function findHex(ledger: Ledger, view: LedgerView, given: string): Promise<unknown> {
  const transaction = await ledger.transaction(txIdShape(given, 'transaction'))
  if (transaction !== undefined) {
    const block = await ledger.block(transaction.block)
    return transactionJson(transaction, block === undefined ? new Map() : view.details(block))
  }
  const index = await indexOf(ledger)
  const tag = sha256HexShape(given, 'tag')
  const places = [...index.ofPatientTag(tag), ...index.ofDoctorTag(tag)]
  if (places.length > 0) return places
  throw usageError('The shared ledger has no transaction and no tag of this value.')
}

async function indexOf(ledger: Ledger): Promise<CommitmentIndex> {
  const index = CommitmentIndex.open()
  const height = await ledger.height()
  const stop = new AbortController()
  for await (const block of ledger.blocks(0, { signal: stop.signal })) {
    index.apply(block)
    if (block.number >= height) break
  }
  stop.abort()
  return index
}

function blockJson(block: LedgerBlock, view: LedgerView): object {
  const { number, hash, timeMs, kind } = block
  const details = view.details(block)
  const transactions = block.transactions.map((one) => transactionJson(one, details))
  return { number, hash: encodeHex(hash), timeMs, kind, transactions }
}

function transactionJson(transaction: CommittedTransaction, details: TransactionDetails): object {
  const { txId, block, index, timeMs, status, mspId, fn, args, event } = transaction
  return { txId, block, index, timeMs, status, ...details.get(txId), mspId, fn, args: args.map(parsed), event }
}

/** Arguments are texts; those that are JSON are easier to read as such. */
function parsed(argument: string): unknown {
  if (!/^[[{]/.test(argument)) return argument
  try {
    return JSON.parse(argument) as unknown
  } catch {
    return argument
  }
}

async function withLedger(context: Context, work: (ledger: Ledger, view: LedgerView) => Promise<void>): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const ledger = await openLedgerOf(context, consortium, system)
  try {
    await work(ledger, await ledgerViewOf(context, consortium, system))
  } finally {
    await ledger.close()
  }
}

/** The newest block of the last check: a ledger that was rewritten since does not contain it. */
function readKeptHead({ state }: Context): { readonly number: number; readonly hash: Uint8Array } | undefined {
  const kept = readJsonFile(keptHeadPath(state.root)) as { number?: unknown; hash?: unknown } | undefined
  if (typeof kept?.number !== 'number' || typeof kept.hash !== 'string') return undefined
  return { number: kept.number, hash: decodeHex(kept.hash) }
}

function keepHead({ state, clock }: Context, { number, hash }: LedgerReport['head']): void {
  const kept = { number, hash: encodeHex(hash), checkedMs: clock.nowMs() }
  writePrivateFile(keptHeadPath(state.root), `${JSON.stringify(kept)}\n`)
}

function keptHeadPath(root: string): string {
  return join(root, 'consortium', 'verified.json')
}
