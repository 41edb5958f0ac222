import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from 'fabric-contract-api'
import { CONTRACT_FUNCTIONS, findLedgerErrorCode } from '../../../shared/ledger-model/src/index.ts'
import { TrustHealthContract } from './index.ts'

const contract = new TrustHealthContract()

/** As fabric-shim finds the functions of a contract without decorators: name and number of parameters. */
function methodsOf(prototype: object): Record<string, number> {
  const base = Object.getOwnPropertyNames(Object.getPrototypeOf(prototype) as object)
  const methods: Record<string, number> = {}
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const value: unknown = descriptor.value
    if (typeof value !== 'function' || name.startsWith('_') || base.includes(name)) continue
    methods[name] = value.length - 1
  }
  return methods
}

test('every function of the table is a method with its number of parameters, and nothing else is', () => {
  const expected = Object.fromEntries(Object.entries(CONTRACT_FUNCTIONS).map(([name, row]) => [name, row.args.length]))
  assert.deepEqual(methodsOf(Object.getPrototypeOf(contract) as object), expected)
})

test('nothing of the instance shows when Fabric prints it as JSON', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(contract)), { __isContract: true, name: 'trusthealth' })
})

test('an unknown function is refused with a code in the message', async () => {
  await assert.rejects(contract.unknownTransaction(), (error: Error) => {
    assert.equal(findLedgerErrorCode(error.message), 'LEDGER_UNKNOWN_FUNCTION')
    return true
  })
})

test('a caller without a certificate is refused with a code in the message', async () => {
  const stub = { getTxID: () => 'ab'.repeat(32), getDateTimestamp: () => new Date(1) }
  const clientIdentity = { getMSPID: () => 'OrgA', getAttributeValue: () => null, getIDBytes: () => new Uint8Array() }
  const ctx = { stub, clientIdentity } as unknown as Context
  await assert.rejects(contract.query(ctx, 'p-'), (error: Error) => {
    assert.equal(findLedgerErrorCode(error.message), 'LEDGER_IDENTITY_REJECTED')
    return true
  })
})
