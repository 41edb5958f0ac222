/**
 * Blocks and answers of the embedded ledger in the form of the port.
 *
 * @module
 */
import type { Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  argumentsShape,
  blockHash,
  decodeHeader,
  decodeTransaction,
  encodeBlock,
  type EncodedBlock,
  eventOrNullShape,
  functionNameShape,
  LedgerError,
  MAX_ARGUMENT_LENGTH,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  mspIdShape,
  oneOf,
  parseJson,
  ProtocolError,
  type Shape,
  struct,
  text,
  txIdShape,
  uint,
} from '../../../../shared/protocol/src/index.ts'
import type { CommitStatus, CommittedTransaction, LedgerBlock } from '../port.ts'

const statusMembers = {
  txId: txIdShape,
  block: uint(),
  index: uint(),
  timeMs: uint(),
  result: text({ max: 65_536 }),
}
const statusShape: Shape<CommitStatus> = struct(statusMembers)
const transactionShape: Shape<CommittedTransaction> = struct({
  ...statusMembers,
  status: oneOf('VALID', 'MVCC_CONFLICT'),
  mspId: mspIdShape,
  fn: functionNameShape,
  args: argumentsShape,
  event: eventOrNullShape,
})
const ledgerStatusShape = struct({
  channel: text({ max: 64 }),
  height: uint(),
  blockHash: text({ max: 64 }),
  genesisHash: text({ max: 64 }),
  mspId: mspIdShape,
  organizations: (value: unknown) => value,
  waiting: uint(),
  writable: (value: unknown) => value,
})

/** @throws {LedgerError} `LEDGER_UNAVAILABLE` for anything else than the ledger's answer. */
export function parseCommitStatus(body: Uint8Array): CommitStatus {
  return parse(body, statusShape)
}

export function parseTransaction(body: Uint8Array): CommittedTransaction {
  return parse(body, transactionShape)
}

/** The height in a status. */
export function parseHeight(body: Uint8Array): number {
  return parse(body, ledgerStatusShape).height
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function toLedgerBlock(crypto: Crypto, block: EncodedBlock): LedgerBlock {
  const { number, timeMs, kind } = decodeHeader(block.header)
  const transactions =
    kind === 'config' ? [] : block.transactions.map((bytes, index) => toCommitted(crypto, bytes, number, index))
  return { number, hash: blockHash(crypto, block.header), timeMs, kind, transactions, encoded: encodeBlock(block) }
}

function toCommitted(crypto: Crypto, bytes: Uint8Array, block: number, index: number): CommittedTransaction {
  const { txId, proposal, status, result, event } = decodeTransaction(crypto, bytes)
  const { mspId, fn, args, timeMs } = proposal
  return { txId, block, index, timeMs, result, status, mspId, fn, args, event }
}

function parse<T>(body: Uint8Array, shape: Shape<T>): T {
  try {
    const json = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
    return shape(parseJson(json, { maxBytes: 4 * MAX_ARGUMENT_LENGTH }), 'answer')
  } catch (cause) {
    if (cause instanceof ProtocolError)
      throw new LedgerError('LEDGER_UNAVAILABLE', 'not an answer of a ledger', { cause })
    throw cause
  }
}
