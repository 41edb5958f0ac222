/**
 * Fabric's transactions and blocks in the form of the port. The port's numbers, hashes and statuses are Fabric's own;
 * what only Fabric has (validation codes, endorsements) is in `fabricTransactionsOf`.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { common, msp, peer } from '@hyperledger/fabric-protos'
import { decodeUtf8, equalBytes } from '../../../../shared/crypto/src/index.ts'
import { EVENT_NAMES, LedgerError, type LedgerEvent } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId, TxId } from '../../../../shared/protocol/src/index.ts'
import type { CommittedTransaction, LedgerBlock } from '../port.ts'

/** Name of the main contract: Fabric takes its functions with it as prefix, too. */
const MAIN_CONTRACT = 'trusthealth:'

/** What Fabric says of one transaction, beside what the port says. */
export interface FabricTransaction {
  readonly txId: string
  /** For example `VALID`, `MVCC_READ_CONFLICT`, `DUPLICATE_TXID`. */
  readonly validationCode: string
  readonly chaincode: string
  /** Organisations whose peers endorsed it, with their certificates in PEM. */
  readonly endorsements: readonly { readonly mspId: string; readonly certificate: string }[]
}

/** A transaction as it is signed and sent. */
export interface ParsedEnvelope {
  readonly channel: string
  readonly txId: TxId
  readonly timeMs: number
  readonly mspId: MspId
  /** Of the creator, PEM. */
  readonly certificate: string
  readonly chaincode: string
  readonly fn: string
  readonly args: readonly string[]
  readonly result: string
  readonly event: LedgerEvent | null
  readonly endorsements: FabricTransaction['endorsements']
}

/**
 * Reads a transaction's payload; undefined if it is no call of a chaincode.
 * @throws {LedgerError} `LEDGER_BLOCK_INVALID` if it is none at all.
 */
export function parseTransactionPayload(bytes: Uint8Array): ParsedEnvelope | undefined {
  try {
    const payload = common.Payload.deserializeBinary(bytes)
    const header = payload.getHeader()
    const channelHeader = common.ChannelHeader.deserializeBinary(header?.getChannelHeader_asU8() ?? new Uint8Array(0))
    const channelHeaderType: number = channelHeader.getType()
    if (channelHeaderType !== common.HeaderType.ENDORSER_TRANSACTION) return undefined
    const signatureHeader = common.SignatureHeader.deserializeBinary(
      header?.getSignatureHeader_asU8() ?? new Uint8Array(0),
    )
    const extension = peer.ChaincodeHeaderExtension.deserializeBinary(channelHeader.getExtension_asU8())
    const creator = msp.SerializedIdentity.deserializeBinary(signatureHeader.getCreator_asU8())
    const [action] = peer.Transaction.deserializeBinary(payload.getData_asU8()).getActionsList()
    const called = peer.ChaincodeActionPayload.deserializeBinary(action?.getPayload_asU8() ?? new Uint8Array(0))
    const endorsed = called.getAction()
    const response = peer.ProposalResponsePayload.deserializeBinary(
      endorsed?.getProposalResponsePayload_asU8() ?? new Uint8Array(0),
    )
    const chaincodeAction = peer.ChaincodeAction.deserializeBinary(response.getExtension_asU8())
    const proposal = peer.ChaincodeProposalPayload.deserializeBinary(called.getChaincodeProposalPayload_asU8())
    const spec = peer.ChaincodeInvocationSpec.deserializeBinary(proposal.getInput_asU8()).getChaincodeSpec()
    const [fn = '', ...args] = (spec?.getInput()?.getArgsList_asU8() ?? []).map(textOf)
    return {
      channel: channelHeader.getChannelId(),
      txId: channelHeader.getTxId() as TxId,
      timeMs: channelHeader.getTimestamp()?.toDate().getTime() ?? 0,
      mspId: creator.getMspid() as MspId,
      certificate: textOf(creator.getIdBytes_asU8()),
      // Of the header: that one runs; the payload's is the caller's word only.
      chaincode: extension.getChaincodeId()?.getName() ?? '',
      fn: fn.startsWith(MAIN_CONTRACT) ? fn.slice(MAIN_CONTRACT.length) : fn,
      args,
      result: textOf(chaincodeAction.getResponse()?.getPayload_asU8() ?? new Uint8Array(0)),
      event: eventOf(chaincodeAction.getEvents_asU8()),
      endorsements: (endorsed?.getEndorsementsList() ?? []).map((one) => {
        const endorser = msp.SerializedIdentity.deserializeBinary(one.getEndorser_asU8())
        return { mspId: endorser.getMspid(), certificate: textOf(endorser.getIdBytes_asU8()) }
      }),
    }
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'not a transaction of Fabric', { cause })
  }
}

/**
 * A block of Fabric as one of the port. Its time is the newest of its transactions': Fabric's blocks have none.
 * Transactions of other chaincodes stand in it under `chaincode/function`, without arguments.
 *
 * @param chaincode whose transactions count.
 * @throws {LedgerError} `LEDGER_BLOCK_INVALID` if its contents are not those of its header.
 */
export function toLedgerBlock(block: common.Block, chaincode: string): LedgerBlock {
  const header = block.getHeader()
  const data = block.getData()?.getDataList_asU8() ?? []
  if (header === undefined) throw new LedgerError('LEDGER_BLOCK_INVALID', 'a block without a header')
  const number = header.getNumber()
  const digest = createHash('sha256')
  for (const one of data) digest.update(one)
  if (!equalBytes(header.getDataHash_asU8(), new Uint8Array(digest.digest()))) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'contents of another block', { block: number })
  }
  const codes = validationCodesOf(block)
  const parsed = data.map((envelope) => parseTransactionPayload(payloadOf(envelope)))
  const isConfig = parsed.every((one) => one === undefined)
  const transactions = parsed.flatMap((one, index) =>
    one === undefined ? [] : [toCommitted(one, chaincode, number, index, codes[index])],
  )
  return {
    number,
    hash: fabricBlockHash(header),
    timeMs: transactions.reduce((newest, { timeMs }) => Math.max(newest, timeMs), 0),
    kind: isConfig ? 'config' : 'data',
    transactions,
    encoded: block.serializeBinary(),
  }
}

/** @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function decodeFabricBlock(encoded: Uint8Array): common.Block {
  return refuseBlock(() => common.Block.deserializeBinary(encoded))
}

/** What only Fabric says, transaction by transaction. @param encoded a block's. @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function fabricTransactionsOf(encoded: Uint8Array): readonly FabricTransaction[] {
  const block = decodeFabricBlock(encoded)
  const codes = validationCodesOf(block)
  return (block.getData()?.getDataList_asU8() ?? []).flatMap((envelope, index) => {
    const parsed = parseTransactionPayload(payloadOf(envelope))
    if (parsed === undefined) return []
    const { txId, chaincode, endorsements } = parsed
    return [{ txId, chaincode, endorsements, validationCode: validationCodeName(codes[index]) }]
  })
}

/** SHA-256 of the header's bytes. */
export function fabricBlockHash(header: common.BlockHeader): Uint8Array {
  return new Uint8Array(createHash('sha256').update(fabricHeaderBytes(header)).digest())
}

/** DER of `SEQUENCE { number INTEGER, previousHash OCTET STRING, dataHash OCTET STRING }`. */
export function fabricHeaderBytes(header: common.BlockHeader): Uint8Array {
  const number = BigInt(header.getNumber()).toString(16)
  const digits = Buffer.from(number.padStart(number.length + (number.length % 2), '0'), 'hex')
  const integer = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits
  const content = Buffer.concat([
    der(0x02, integer),
    der(0x04, header.getPreviousHash_asU8()),
    der(0x04, header.getDataHash_asU8()),
  ])
  return der(0x30, content)
}

export function validationCodeName(code: number | undefined): string {
  const names = Object.entries(peer.TxValidationCode) as [string, number][]
  return names.find(([, value]) => value === code)?.[0] ?? `CODE_${code ?? 'MISSING'}`
}

function toCommitted(
  parsed: ParsedEnvelope,
  chaincode: string,
  block: number,
  index: number,
  code: number | undefined,
): CommittedTransaction {
  const { txId, timeMs, mspId } = parsed
  const isOurs = parsed.chaincode === chaincode
  const isValid = code === peer.TxValidationCode.VALID
  return {
    txId,
    block,
    index,
    timeMs,
    result: isOurs && isValid ? parsed.result : '',
    status: statusOf(code),
    mspId,
    fn: isOurs ? parsed.fn : `${parsed.chaincode}/${parsed.fn}`,
    args: isOurs ? parsed.args : [],
    event: isOurs && isValid ? parsed.event : null,
  }
}

function statusOf(code: number | undefined): CommittedTransaction['status'] {
  switch (code) {
    case peer.TxValidationCode.VALID:
      return 'VALID'
    case peer.TxValidationCode.MVCC_READ_CONFLICT:
    case peer.TxValidationCode.PHANTOM_READ_CONFLICT:
      return 'MVCC_CONFLICT'
    case peer.TxValidationCode.ENDORSEMENT_POLICY_FAILURE:
      return 'ENDORSEMENT_POLICY_FAILURE'
    default:
      return 'INVALID'
  }
}

/** One for each transaction. */
function validationCodesOf(block: common.Block): Uint8Array {
  const metadata = block.getMetadata()?.getMetadataList_asU8() ?? []
  return metadata[common.BlockMetadataIndex.TRANSACTIONS_FILTER] ?? new Uint8Array(0)
}

function payloadOf(envelope: Uint8Array): Uint8Array {
  return refuseBlock(() => common.Envelope.deserializeBinary(envelope).getPayload_asU8())
}

function eventOf(encoded: Uint8Array): LedgerEvent | null {
  if (encoded.length === 0) return null
  const event = peer.ChaincodeEvent.deserializeBinary(encoded)
  const name = EVENT_NAMES.find((one) => one === event.getEventName())
  return name === undefined ? null : { name, payload: textOf(event.getPayload_asU8()) }
}

/** Bytes that are no text (arguments of Fabric's own chaincodes) become the empty text. */
function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch {
    return ''
  }
}

function refuseBlock<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'not a block of Fabric', { cause })
  }
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
