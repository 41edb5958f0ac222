/**
 * Proposals: one signed call of a contract function. Spec: docs/protocol/07-ledger.md §7.1.
 * Form, identifiers and signatures only; who may propose is the question of member.ts.
 *
 * @module
 */
import { concat, type Crypto, encodeHex, label, type SigningKey, type VerifyingKey } from '../../crypto/src/index.ts'
import {
  bytes,
  encodeCbor,
  list,
  literal,
  type MspId,
  mspIdShape,
  struct,
  text,
  type TxId,
  uint,
} from '../../protocol/src/index.ts'
import { decodeAs } from './decode.ts'
import { MAX_ARGUMENT_LENGTH, MAX_ARGUMENTS, MAX_PROPOSAL_BYTES, PROPOSAL_NONCE_BYTES } from './limits.ts'

/** Largest certificate, docs/protocol/01-conventions.md §1.6. */
const MAX_CERTIFICATE_BYTES = 8_192
const TX_ID = label('tx-id')
const PROPOSAL = label('proposal')

export const channelShape = text({ max: 64, pattern: /^[a-z][a-z0-9.-]{0,63}$/ })
export const functionNameShape = text({ max: 64, pattern: /^[a-zA-Z]{1,64}$/ })
export const argumentsShape = list(text({ max: MAX_ARGUMENT_LENGTH }), { max: MAX_ARGUMENTS })
export const certificateShape = bytes({ min: 1, max: MAX_CERTIFICATE_BYTES })

export interface Proposal {
  readonly channel: string
  readonly mspId: MspId
  /** DER certificate of the creator. */
  readonly cert: Uint8Array
  /** 24 random bytes, never used twice with one certificate. */
  readonly nonce: Uint8Array
  /** Unix ms by the creator's clock; the time of the transaction. */
  readonly timeMs: number
  readonly fn: string
  readonly args: readonly string[]
}

/** A proposal as it travels: exactly the bytes that were signed. */
export interface SignedProposal {
  readonly proposal: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
}

const proposalShape = struct({
  v: literal(1),
  channel: channelShape,
  mspId: mspIdShape,
  cert: certificateShape,
  nonce: bytes({ length: PROPOSAL_NONCE_BYTES }),
  timeMs: uint(),
  fn: functionNameShape,
  args: argumentsShape,
})

const signedProposalShape = struct({
  proposal: bytes({ min: 1, max: MAX_PROPOSAL_BYTES }),
  signature: bytes({ length: 64 }),
})

export function encodeProposal(proposal: Proposal): Uint8Array {
  const { channel, mspId, cert, nonce, timeMs, fn, args } = proposal
  return encodeCbor({ v: 1, channel, mspId, cert, nonce, timeMs, fn, args })
}

/** @throws {LedgerError} `LEDGER_BAD_PROPOSAL` for every other form and size. */
export function decodeProposal(encoded: Uint8Array): Proposal {
  const { v: _, ...proposal } = decodeAs('LEDGER_BAD_PROPOSAL', encoded, proposalShape, 'proposal', MAX_PROPOSAL_BYTES)
  return proposal
}

/** hex SHA-256(L(tx-id) ‖ nonce ‖ SHA-256(cert)): one per certificate and nonce, whatever the call. */
export function txIdOf(crypto: Crypto, proposal: Pick<Proposal, 'nonce' | 'cert'>): TxId {
  return encodeHex(crypto.sha256(TX_ID, proposal.nonce, crypto.sha256(proposal.cert))) as TxId
}

/** What the creator signs. */
export function proposalSigningInput(encoded: Uint8Array): Uint8Array {
  return concat(PROPOSAL, encoded)
}

/** @param key the key of `proposal.cert`. */
export function signProposal(crypto: Crypto, key: SigningKey, proposal: Proposal): SignedProposal {
  const encoded = encodeProposal(proposal)
  return { proposal: encoded, signature: crypto.sign(key, proposalSigningInput(encoded)) }
}

export function isProposalSignedBy(crypto: Crypto, key: VerifyingKey, signed: SignedProposal): boolean {
  return crypto.verify(key, proposalSigningInput(signed.proposal), signed.signature)
}

/** The message a client posts: CBOR `{proposal, signature}`. */
export function encodeSignedProposal(signed: SignedProposal): Uint8Array {
  return encodeCbor({ proposal: signed.proposal, signature: signed.signature })
}

/** @throws {LedgerError} `LEDGER_BAD_PROPOSAL` */
export function decodeSignedProposal(encoded: Uint8Array): SignedProposal {
  const limit = MAX_PROPOSAL_BYTES + 256
  return decodeAs('LEDGER_BAD_PROPOSAL', encoded, signedProposalShape, 'signed proposal', limit)
}
