/** Fabric's own words, as a network of version 2.5 says them, and what they mean to us. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ServiceError, status } from '@grpc/grpc-js'
import { GatewayError } from '@hyperledger/fabric-gateway'
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import { isAway, isDisagreement, refusalOf, refusalOfResponse } from './refusals.ts'

function gatewayError(code: number, message: string, ...details: readonly string[]): GatewayError {
  const cause = new Error(message) as ServiceError
  return new GatewayError({
    code,
    message,
    details: details.map((one) => ({ address: 'peer0:7051', mspId: 'HospitalA', message: one })),
    cause,
  })
}

const endorse = '10 ABORTED: failed to endorse transaction, see attached details for more info'
const orders = '10 ABORTED: received unsuccessful response from orderer'
const denied =
  'rpc error: code = Unknown desc = error validating proposal: access denied: channel [health] creator org [HospitalA]'

const gatewayErrors: readonly (readonly [string, GatewayError, string])[] = [
  [
    'the contract',
    gatewayError(status.ABORTED, endorse, 'chaincode response 500, PATIENT_EXISTS: the patient'),
    'PATIENT_EXISTS',
  ],
  [
    'its door',
    gatewayError(status.ABORTED, endorse, 'chaincode response 500, LEDGER_STALE_PROPOSAL: off'),
    'LEDGER_STALE_PROPOSAL',
  ],
  [
    'a fault of the contract',
    gatewayError(status.ABORTED, endorse, 'chaincode response 500, x is undefined'),
    'LEDGER_FAULT',
  ],
  [
    'a code that we do not have',
    gatewayError(status.ABORTED, endorse, 'chaincode response 500, NO_SUCH_CODE: x'),
    'LEDGER_FAULT',
  ],
  ['an unknown, revoked or forged identity', gatewayError(status.ABORTED, endorse, denied), 'LEDGER_IDENTITY_REJECTED'],
  [
    'an identity that ended, at an orderer',
    gatewayError(status.ABORTED, `${orders}: status=FORBIDDEN, info=x`),
    'LEDGER_IDENTITY_REJECTED',
  ],
  ['no access', gatewayError(status.PERMISSION_DENIED, 'x'), 'LEDGER_IDENTITY_REJECTED'],
  [
    'too large for an orderer',
    gatewayError(status.ABORTED, `${orders}: status=REQUEST_ENTITY_TOO_LARGE`),
    'LEDGER_BAD_PROPOSAL',
  ],
  [
    'too large for the connection',
    gatewayError(status.RESOURCE_EXHAUSTED, 'Received message larger than max'),
    'LEDGER_BAD_PROPOSAL',
  ],
  ['malformed', gatewayError(status.INVALID_ARGUMENT, 'x'), 'LEDGER_BAD_PROPOSAL'],
  [
    'too many requests',
    gatewayError(status.RESOURCE_EXHAUSTED, 'too many requests for /gateway.Gateway'),
    'LEDGER_BUSY',
  ],
  ['a peer that is away', gatewayError(status.UNAVAILABLE, 'no connection'), 'LEDGER_UNAVAILABLE'],
  ['no answer in time', gatewayError(status.DEADLINE_EXCEEDED, 'x'), 'LEDGER_UNAVAILABLE'],
  [
    'gossip that has not met the others',
    gatewayError(
      status.FAILED_PRECONDITION,
      'no combination of peers can be derived which satisfy the endorsement policy',
    ),
    'LEDGER_UNAVAILABLE',
  ],
  [
    'no orderer',
    gatewayError(status.UNAVAILABLE, 'no orderers could successfully process transaction'),
    'LEDGER_UNAVAILABLE',
  ],
]

for (const [what, error, code] of gatewayErrors) {
  test(`through the gateway: ${what}`, () => {
    assert.equal(refusalOf(error).code, code)
  })
}

const responses: readonly (readonly [string, string, string])[] = [
  ['the contract', 'PARTICIPANT_UNKNOWN: not registered', 'PARTICIPANT_UNKNOWN'],
  ['a fault of the contract', 'x is undefined', 'LEDGER_FAULT'],
  [
    'a chaincode process that is away',
    'error in simulation: failed to execute transaction 1: no',
    'LEDGER_UNAVAILABLE',
  ],
  ['a channel that is not joined yet', "channel 'health' not found", 'LEDGER_UNAVAILABLE'],
  ['no access', 'access denied for [GetChainInfo][health]: [x]', 'LEDGER_IDENTITY_REJECTED'],
]

for (const [what, message, code] of responses) {
  test(`from a peer itself: ${what}`, () => {
    assert.equal(refusalOfResponse(message).code, code)
  })
}

test('a stream of blocks that is denied, one that ends, and our own refusals', () => {
  assert.equal(refusalOf(new Error('Unexpected status response: 403')).code, 'LEDGER_IDENTITY_REJECTED')
  assert.equal(refusalOf(new Error('Unexpected status response: 503')).code, 'LEDGER_UNAVAILABLE')
  const own = new LedgerError('LEDGER_BLOCK_INVALID', 'x')
  assert.equal(refusalOf(own), own)
})

test('asked again is what is away or busy, and peers that differ are told apart', () => {
  const away = ['LEDGER_UNAVAILABLE', 'LEDGER_BUSY', 'LEDGER_FAULT'] as const
  assert.deepEqual(
    away.map((code) => isAway(new LedgerError(code, 'x'))),
    [true, true, false],
  )
  const differ = gatewayError(status.ABORTED, endorse, 'ProposalResponsePayloads do not match (base64): x vs y')
  assert.equal(isDisagreement(differ), true)
  assert.equal(isDisagreement(gatewayError(status.ABORTED, endorse, 'x')), false)
})
