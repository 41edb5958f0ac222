/**
 * Transactions as they stand in blocks: the signed proposal, what became of it, and what it wrote.
 * Spec: docs/protocol/07-ledger.md §7.4.
 *
 * A value that carries a large argument along (a batch of commitments) is not written twice: it is stored as the text
 * before, the number of the argument, and the text after. The rule is fixed, so there is one encoding.
 *
 * @module
 */
import type { Crypto } from '../../crypto/src/index.ts'
import {
  bytes,
  type CborValue,
  encodeCbor,
  list,
  oneOf,
  type Shape,
  struct,
  text,
  tuple,
  type TxId,
  uint,
} from '../../protocol/src/index.ts'
import { decodeAs } from './decode.ts'
import { LedgerError } from './errors.ts'
import { eventOrNullShape, type LedgerEvent } from './events.ts'
import { MAX_ARGUMENT_LENGTH, MAX_ARGUMENTS, MAX_PROPOSAL_BYTES } from './limits.ts'
import { decodeProposal, type Proposal, type SignedProposal, txIdOf } from './proposal.ts'

/** Arguments of at least this many UTF-16 units are referred to. */
const MIN_REFERENCE_LENGTH = 1_024
const MAX_TRANSACTION_BYTES = 4 * MAX_PROPOSAL_BYTES
const MAX_WRITES = 64

/** `MVCC_CONFLICT`: what it had read was changed by a transaction before it; it wrote nothing. */
export type TransactionStatus = 'VALID' | 'MVCC_CONFLICT'

/** `value` null deletes the key. */
export interface StateWrite {
  readonly key: string
  readonly value: string | null
}

/** What one transaction did. */
export interface TransactionOutcome {
  readonly status: TransactionStatus
  readonly result: string
  /** In the order of the keys; each key once. */
  readonly writes: readonly StateWrite[]
  readonly event: LedgerEvent | null
}

export interface LedgerTransaction extends TransactionOutcome {
  readonly txId: TxId
  readonly signed: SignedProposal
  readonly proposal: Proposal
}

type EncodedValue = string | null | readonly [string, number, string]

const referenceShape = tuple(
  text({ max: MAX_ARGUMENT_LENGTH }),
  uint({ max: MAX_ARGUMENTS - 1 }),
  text({ max: MAX_ARGUMENT_LENGTH }),
)
const valueShape: Shape<EncodedValue> = (value, where) => {
  if (value === null) return null
  if (typeof value === 'string') return value
  return referenceShape(value, where)
}

const transactionShape = struct({
  proposal: bytes({ min: 1, max: MAX_PROPOSAL_BYTES }),
  signature: bytes({ length: 64 }),
  status: oneOf('VALID', 'MVCC_CONFLICT'),
  result: text({ max: 65_536 }),
  writes: list(tuple(text({ min: 1, max: 256 }), valueShape), { max: MAX_WRITES }),
  event: eventOrNullShape,
})

/** @param args the arguments of the signed proposal. */
export function encodeTransaction(
  signed: SignedProposal,
  args: readonly string[],
  outcome: TransactionOutcome,
): Uint8Array {
  const { status, result, writes, event } = outcome
  return encodeCbor({
    proposal: signed.proposal,
    signature: signed.signature,
    status,
    result,
    writes: writes.map(({ key, value }): CborValue => [key, refer(value, args)]),
    event: event === null ? null : { name: event.name, payload: event.payload },
  })
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` for any other form, an unsorted write set or another encoding. */
export function decodeTransaction(crypto: Crypto, encoded: Uint8Array): LedgerTransaction {
  const shape = transactionShape
  const raw = decodeAs('LEDGER_BLOCK_INVALID', encoded, shape, 'transaction', MAX_TRANSACTION_BYTES)
  const proposal = proposalOf(raw.proposal)
  const writes = raw.writes.map(([key, value]) => ({ key, value: resolve(value, proposal.args) }))
  for (let i = 1; i < writes.length; i++) {
    if ((writes[i - 1] as StateWrite).key >= (writes[i] as StateWrite).key) throw malformed('write set is not sorted')
  }
  if (raw.status !== 'VALID' && (writes.length > 0 || raw.event !== null || raw.result !== '')) {
    throw malformed('a transaction that is not valid has effects')
  }
  return {
    txId: txIdOf(crypto, proposal),
    signed: { proposal: raw.proposal, signature: raw.signature },
    proposal,
    status: raw.status,
    result: raw.result,
    writes,
    event: raw.event,
  }
}

/** A proposal that no door would have taken is the block's fault here. */
function proposalOf(encoded: Uint8Array): Proposal {
  try {
    return decodeProposal(encoded)
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'a proposal is malformed', { cause })
  }
}

/** The first large argument that the value contains is replaced by its number. */
function refer(value: string | null, args: readonly string[]): EncodedValue {
  if (value === null || value.length < MIN_REFERENCE_LENGTH) return value
  for (const [number, argument] of args.entries()) {
    const at = argument.length < MIN_REFERENCE_LENGTH ? -1 : value.indexOf(argument)
    if (at >= 0) return [value.slice(0, at), number, value.slice(at + argument.length)]
  }
  return value
}

function resolve(value: EncodedValue, args: readonly string[]): string | null {
  if (value === null || typeof value === 'string') {
    if (typeof refer(value, args) !== typeof value) throw malformed('a large argument is written twice')
    return value
  }
  const [before, number, after] = value
  const argument = args[number]
  if (argument === undefined) throw malformed('a write refers to a missing argument')
  const whole = before + argument + after
  const again = refer(whole, args)
  if (!Array.isArray(again) || again[0] !== before || again[1] !== number) throw malformed('not the first reference')
  return whole
}

function malformed(what: string): LedgerError {
  return new LedgerError('LEDGER_BLOCK_INVALID', what)
}
