/**
 * From what Fabric says to our codes. The contract's refusals are the start of a message that Fabric wraps in its own;
 * everything else is told apart by the status of gRPC and by Fabric's words.
 * Spec: docs/protocol/07-ledger.md §7.7.
 *
 * @module
 */
import { type ServiceError, status } from '@grpc/grpc-js'
import { GatewayError } from '@hyperledger/fabric-gateway'
import { findLedgerErrorCode, LedgerError, type LedgerErrorCode } from '../../../../shared/ledger-model/src/index.ts'

const ACCESS_DENIED =
  /access denied|creator|identity|certificate|FORBIDDEN|implicit policy evaluation failed|not satisfied/i
/** The peer's own words when it, or its chaincode's process, is not ready. */
const NOT_THERE = /error in simulation|make sure the chaincode|channel '.*' not found/
/** As the gateway hands on what a chaincode said. */
const CHAINCODE_FAILED = /chaincode response 500/
/** The gateway library's words for the end of a stream of blocks with 403. */
const DELIVER_DENIED = /status response: 403/
const DIFFERENT = /ProposalResponsePayloads do not match/
const TOO_LARGE = /TOO_LARGE|larger than max|message size/i

/** Peers of several organisations gave different results: one of them has not seen a block yet. */
export function isDisagreement(error: unknown): boolean {
  return textsOf(error).some((text) => DIFFERENT.test(text))
}

/** What a failed request to a peer means. */
export function refusalOf(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error
  const texts = textsOf(error)
  const code = texts.map(findLedgerErrorCode).find((one) => one !== undefined)
  if (code !== undefined) return new LedgerError(code, 'the contract refused', { cause: error })
  return new LedgerError(codeOf(error, texts), 'Fabric refused, or does not answer', { cause: error })
}

/** What a response of a peer means that is no success. @param message of the response. */
export function refusalOfResponse(message: string): LedgerError {
  const code = findLedgerErrorCode(message)
  if (code !== undefined) return new LedgerError(code, 'the contract refused')
  if (NOT_THERE.test(message)) return new LedgerError('LEDGER_UNAVAILABLE', message)
  return new LedgerError(ACCESS_DENIED.test(message) ? 'LEDGER_IDENTITY_REJECTED' : 'LEDGER_FAULT', message)
}

/** Whether asking again, or another peer, may help. */
export function isAway(error: LedgerError): boolean {
  return error.code === 'LEDGER_UNAVAILABLE' || error.code === 'LEDGER_BUSY'
}

function codeOf(error: unknown, texts: readonly string[]): LedgerErrorCode {
  switch (grpcStatusOf(error)) {
    case status.RESOURCE_EXHAUSTED:
      return texts.some((text) => TOO_LARGE.test(text)) ? 'LEDGER_BAD_PROPOSAL' : 'LEDGER_BUSY'
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return 'LEDGER_IDENTITY_REJECTED'
    case status.INVALID_ARGUMENT:
      return 'LEDGER_BAD_PROPOSAL'
    case status.UNKNOWN:
    case status.ABORTED:
      if (texts.some((text) => ACCESS_DENIED.test(text))) return 'LEDGER_IDENTITY_REJECTED'
      if (texts.some((text) => CHAINCODE_FAILED.test(text) && !NOT_THERE.test(text))) return 'LEDGER_FAULT'
      return texts.some((text) => TOO_LARGE.test(text)) ? 'LEDGER_BAD_PROPOSAL' : 'LEDGER_UNAVAILABLE'
    case undefined:
      return texts.some((text) => DELIVER_DENIED.test(text)) ? 'LEDGER_IDENTITY_REJECTED' : 'LEDGER_UNAVAILABLE'
    default:
      return 'LEDGER_UNAVAILABLE'
  }
}

function grpcStatusOf(error: unknown): number | undefined {
  const code = (error as Partial<ServiceError> | null)?.code
  return typeof code === 'number' ? code : undefined
}

/** The message of an error of gRPC, and what each peer or orderer behind the gateway said. */
function textsOf(error: unknown): readonly string[] {
  if (error instanceof GatewayError) return [...error.details.map(({ message }) => message), error.message]
  return error instanceof Error ? [error.message] : []
}
