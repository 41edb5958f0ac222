/**
 * Receipts: the TEE server's signed word that one version of a record is durable in its store and committed on the
 * ledger. The inclusion proof and the checkpoint that come with it are checked apart (shared/tlog).
 * Spec: docs/protocol/04-records.md §4.5.
 *
 * @module
 */
import type { Crypto, SigningKey, VerifyingKey } from '../../crypto/src/port.ts'
import {
  type Commitment,
  type CommitmentJson,
  commitmentFromJson,
  commitmentJsonMembers,
  commitmentToJson,
} from './commitment.ts'
import { ProtocolError } from './errors.ts'
import {
  type BatchId,
  batchIdShape,
  type ServerRef,
  serverRefShape,
  type Sha256Hex,
  sha256HexShape,
  type TxId,
  txIdShape,
} from './ids.ts'
import { kidOf, parseStatement, signStatement, type UnverifiedStatement, verifyStatement } from './jws.ts'
import { numericDateShape } from './jwt-times.ts'
import { refuseAs } from './refusal.ts'
import { refine, type Shape, struct, uint } from './shape.ts'

const TYP = 'trusthealth-receipt+jwt'

export interface Receipt extends CommitmentJson {
  readonly iss: ServerRef
  readonly batchId: BatchId
  /** Position in the batch, from 0. */
  readonly index: number
  readonly txId: TxId
  /** Number of the block. */
  readonly block: number
  /** Position of the store's entry in the server's log, from 0. */
  readonly logIndex: number
  /** Size and root of the log that the proof is for. */
  readonly logSize: number
  readonly logRoot: Sha256Hex
  /** Seconds. */
  readonly iat: number
}

export const receiptShape: Shape<Receipt> = refine(
  struct({
    iss: serverRefShape,
    ...commitmentJsonMembers,
    batchId: batchIdShape,
    index: uint(),
    txId: txIdShape,
    block: uint(),
    logIndex: uint(),
    logSize: uint(),
    logRoot: sha256HexShape,
    iat: numericDateShape,
  }),
  ({ version, previous, logIndex, logSize }) => (version === 1) === (previous === '') && logIndex < logSize,
  'contradicts itself',
)

/** @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function issueReceipt(crypto: Crypto, key: SigningKey, receipt: Receipt): string {
  return signStatement(crypto, key, TYP, receiptShape(receipt, 'receipt'))
}

/** Checks form only. @throws {ProtocolError} `RECEIPT_INVALID` */
export function parseReceipt(jws: string): UnverifiedStatement<Receipt> {
  return refuseAs('RECEIPT_INVALID', 'the receipt is malformed', () => parseStatement(jws, TYP, receiptShape))
}

export interface ReceiptCheck {
  readonly server: ServerRef
  /** The server's identity key, from the ledger. */
  readonly key: VerifyingKey
  /** Its keys before, each with the size of the log up to which it is believed. */
  readonly earlier?: readonly { readonly key: VerifyingKey; readonly maxSize?: number }[]
  /** What the author committed to; absent only where the reader cannot know it. */
  readonly commitment?: Commitment
}

/**
 * Checks that `server` signed the receipt, and for this commitment if one is given.
 * @throws {ProtocolError} `RECEIPT_INVALID`
 */
export function verifyReceipt(crypto: Crypto, jws: string, check: ReceiptCheck): Receipt {
  return refuseAs('RECEIPT_INVALID', 'the receipt is not of this server and commitment', () => {
    const { kid } = parseStatement(jws, TYP, receiptShape).header
    const earlier = check.earlier?.find(({ key }) => kidOf(crypto, key.publicKey) === kid)
    const receipt = verifyStatement(crypto, earlier?.key ?? check.key, jws, TYP, receiptShape)
    if (receipt.logSize > (earlier?.maxSize ?? receipt.logSize)) throw new ProtocolError('RECEIPT_INVALID', 'ended key')
    if (receipt.iss !== check.server) throw new ProtocolError('RECEIPT_INVALID', 'another server')
    if (check.commitment !== undefined && !isFor(receipt, check.commitment)) {
      throw new ProtocolError('RECEIPT_INVALID', 'another commitment')
    }
    return receipt
  })
}

/** The commitment that a receipt is for. */
export function commitmentOfReceipt(receipt: Receipt): Commitment {
  return commitmentFromJson(commitmentPart(receipt))
}

function isFor(receipt: Receipt, commitment: Commitment): boolean {
  const stated = commitmentPart(receipt)
  const expected = commitmentToJson(commitment)
  return (Object.keys(stated) as (keyof CommitmentJson)[]).every((member) => stated[member] === expected[member])
}

function commitmentPart(receipt: Receipt): CommitmentJson {
  const { recordId, version, patientTag, doctorTag, ehrHash, warrantHash, previous } = receipt
  return { recordId, version, patientTag, doctorTag, ehrHash, warrantHash, previous }
}
