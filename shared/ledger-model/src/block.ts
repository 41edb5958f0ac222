/**
 * Blocks of the embedded ledger: a hash chain of headers, each with the Merkle root of its transactions and the
 * signature of the ledger node. Spec: docs/protocol/07-ledger.md §7.4.
 *
 * @module
 */
import { concat, type Crypto, equalBytes, label, type SigningKey } from '../../crypto/src/index.ts'
import { bytes, encodeCbor, list, literal, oneOf, struct, uint } from '../../protocol/src/index.ts'
import { leafHash, merkleRoot } from '../../tlog/src/index.ts'
import { decodeAs } from './decode.ts'
import type { LedgerNodeKey } from './endorsed-read.ts'
import { LedgerError } from './errors.ts'
import { MAX_BLOCK_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_PROPOSAL_BYTES } from './limits.ts'

const BLOCK = label('block')
const BLOCK_SIGNATURE = label('block-signature')
const MAX_HEADER_BYTES = 512
const MAX_TRANSACTION_BYTES = 4 * MAX_PROPOSAL_BYTES
const MAX_ENCODED_BLOCK_BYTES = MAX_BLOCK_BYTES + MAX_TRANSACTION_BYTES + 65_536

/** `config`: the one transaction is a `ConfigurationUpdate`. */
export type BlockKind = 'config' | 'data'

export interface BlockHeader {
  readonly number: number
  /** 32 bytes, hash of the block before; zeros in block 0. */
  readonly previous: Uint8Array
  /** Unix ms by the node's clock, never less than in the block before. */
  readonly timeMs: number
  readonly kind: BlockKind
  /** 32 bytes, RFC 6962 root over the encoded transactions. */
  readonly txRoot: Uint8Array
  readonly count: number
}

/** A block as it is stored and travels. */
export interface EncodedBlock {
  readonly header: Uint8Array
  /** 64 bytes, of a node of the configuration in force. */
  readonly signature: Uint8Array
  readonly transactions: readonly Uint8Array[]
}

/** What the next block is checked against. */
export interface ChainHead {
  readonly number: number
  readonly hash: Uint8Array
  readonly timeMs: number
}

const headerShape = struct({
  v: literal(1),
  number: uint(),
  previous: bytes({ length: 32 }),
  timeMs: uint(),
  kind: oneOf('config', 'data'),
  txRoot: bytes({ length: 32 }),
  count: uint({ min: 1, max: MAX_BLOCK_TRANSACTIONS }),
})

const blockShape = struct({
  header: bytes({ min: 1, max: MAX_HEADER_BYTES }),
  signature: bytes({ length: 64 }),
  transactions: list(bytes({ min: 1, max: MAX_TRANSACTION_BYTES }), { min: 1, max: MAX_BLOCK_TRANSACTIONS }),
})

const blocksShape = struct({ blocks: list(bytes({ min: 1, max: MAX_ENCODED_BLOCK_BYTES }), { max: 1_000 }) })

export function encodeHeader(header: BlockHeader): Uint8Array {
  const { number, previous, timeMs, kind, txRoot, count } = header
  return encodeCbor({ v: 1, number, previous, timeMs, kind, txRoot, count })
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function decodeHeader(encoded: Uint8Array): BlockHeader {
  const { v: _, ...header } = decodeAs('LEDGER_BLOCK_INVALID', encoded, headerShape, 'block header', MAX_HEADER_BYTES)
  return header
}

/** 32 bytes, SHA-256(L(block) ‖ header). */
export function blockHash(crypto: Crypto, encodedHeader: Uint8Array): Uint8Array {
  return crypto.sha256(BLOCK, encodedHeader)
}

/** 32 bytes. */
export function transactionsRoot(crypto: Crypto, transactions: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(
    crypto,
    transactions.map((transaction) => leafHash(crypto, transaction)),
  )
}

/** Makes and signs the block after `previous` (undefined: block 0). @param timeMs the node's clock. */
export function makeBlock(
  crypto: Crypto,
  nodeKey: SigningKey,
  previous: ChainHead | undefined,
  content: { readonly kind: BlockKind; readonly timeMs: number; readonly transactions: readonly Uint8Array[] },
): { readonly block: EncodedBlock; readonly head: ChainHead } {
  const { kind, transactions } = content
  const timeMs = Math.max(content.timeMs, previous?.timeMs ?? 0)
  const number = previous === undefined ? 0 : previous.number + 1
  const header = encodeHeader({
    number,
    previous: previous?.hash ?? new Uint8Array(32),
    timeMs,
    kind,
    txRoot: transactionsRoot(crypto, transactions),
    count: transactions.length,
  })
  const hash = blockHash(crypto, header)
  const signature = crypto.sign(nodeKey, concat(BLOCK_SIGNATURE, hash))
  return { block: { header, signature, transactions }, head: { number, hash, timeMs } }
}

/**
 * Checks that `block` follows `previous`, holds the transactions its header names, and is signed by one of `nodes`.
 * The transactions themselves are checked by `checkBlockTransactions`.
 *
 * @param previous undefined for block 0.
 * @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the number of the block that was expected.
 */
export function verifyBlock(
  crypto: Crypto,
  previous: ChainHead | undefined,
  block: EncodedBlock,
  nodes: readonly LedgerNodeKey[],
): { readonly header: BlockHeader; readonly head: ChainHead } {
  const number = previous === undefined ? 0 : previous.number + 1
  const header = decodeHeader(block.header)
  if (header.number !== number) throw invalid(number, 'its number does not follow')
  if (!equalBytes(header.previous, previous?.hash ?? new Uint8Array(32)))
    throw invalid(number, 'it names another block before it')
  if (header.timeMs < (previous?.timeMs ?? 0)) throw invalid(number, 'its time goes back')
  if (header.kind === 'config' && header.count !== 1) throw invalid(number, 'a configuration block has one transaction')
  if (header.count !== block.transactions.length) throw invalid(number, 'transactions are missing or too many')
  if (!equalBytes(header.txRoot, transactionsRoot(crypto, block.transactions)))
    throw invalid(number, 'its transactions were changed')
  const hash = blockHash(crypto, block.header)
  const input = concat(BLOCK_SIGNATURE, hash)
  if (!nodes.some((node) => crypto.verify(node.publicKey, input, block.signature))) {
    throw invalid(number, 'it is not signed by a ledger node')
  }
  return { header, head: { number, hash, timeMs: header.timeMs } }
}

export function encodeBlock(block: EncodedBlock): Uint8Array {
  return encodeCbor({ header: block.header, signature: block.signature, transactions: block.transactions })
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function decodeBlock(encoded: Uint8Array): EncodedBlock {
  return decodeAs('LEDGER_BLOCK_INVALID', encoded, blockShape, 'block', MAX_ENCODED_BLOCK_BYTES)
}

/** Several encoded blocks in one message. */
export function encodeBlocks(blocks: readonly Uint8Array[]): Uint8Array {
  return encodeCbor({ blocks })
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function decodeBlocks(encoded: Uint8Array): EncodedBlock[] {
  const limit = 1_000 * MAX_ENCODED_BLOCK_BYTES
  return decodeAs('LEDGER_BLOCK_INVALID', encoded, blocksShape, 'blocks', limit).blocks.map(decodeBlock)
}

function invalid(block: number, what: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', `block ${block}: ${what}`, { block })
}
