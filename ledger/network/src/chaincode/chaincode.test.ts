/** The contracts as fabric-shim loads and calls them. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { Context } from 'fabric-contract-api'
import { CONTRACT_FUNCTIONS, findLedgerErrorCode, MAX_QUERIES } from '../../../../shared/ledger-model/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { newRef } from '../../../../shared/protocol/src/index.ts'
import { issueCertificate, createOrganization } from '../../../../testkit/src/consortium.ts'
import { encodePem } from '../../../../shared/crypto/src/index.ts'
import { contracts } from './index.ts'
import type { ReadAnswers, ReadsContract } from './reads.ts'
import type { TrustHealthContract } from '../../../contract/src/index.ts'

const [main, reads] = contracts.map((entry) => new (entry as unknown as new () => object)()) as [
  TrustHealthContract,
  ReadsContract,
]
const patient = newRef(createNodeCrypto(), 'p')
const organization = await createOrganization('HospitalA')
const member = await issueCertificate(organization.authority, 'member')
const NONCE = '0f'.repeat(32)

/** A context on an empty state. */
function contextAt(timeMs = Date.now()): Context {
  const stub = {
    getTxID: () => 'tx',
    getDateTimestamp: () => new Date(timeMs),
    getChannelID: () => 'health',
    getState: () => Promise.resolve(new Uint8Array(0)),
    getStateByRange: () => Promise.resolve({ next: () => Promise.resolve({ done: true }) }),
  }
  const clientIdentity = {
    getMSPID: () => member.mspId,
    getAttributeValue: () => null,
    getIDBytes: () => Buffer.from(encodePem('CERTIFICATE', member.cert)),
  }
  return { stub, clientIdentity } as unknown as Context
}

const query = (fn: string, ...args: readonly string[]) => ({ fn, args })
const ask = (queries: unknown, nonce = NONCE) => reads.answer(contextAt(), nonce, JSON.stringify(queries))
const refusedWith = (code: string) => (error: Error) => {
  assert.equal(findLedgerErrorCode(error.message), code)
  return true
}

test('fabric-shim finds every function of the contract, and the reads under their own name', () => {
  const require = createRequire(import.meta.url)
  const { JSONSerializer } = require('fabric-contract-api') as { JSONSerializer: unknown }
  const Chaincode = require('fabric-shim/lib/contract-spi/chaincodefromcontract.js') as new (...args: unknown[]) => {
    defaultContractName: string
    metadata: { contracts: Record<string, { transactions: { name: string; parameters?: unknown[] }[] }> }
  }
  const serializers = { transaction: 'jsonSerializer', serializers: { jsonSerializer: JSONSerializer } }
  const { defaultContractName, metadata } = new Chaincode([...contracts], serializers, {}, 'trusthealth', '1')
  assert.equal(defaultContractName, 'trusthealth')
  const functions = (name: string) =>
    Object.fromEntries(
      (metadata.contracts[name]?.transactions ?? []).map((row) => [row.name, row.parameters?.length ?? 0]),
    )
  const expected = Object.entries(CONTRACT_FUNCTIONS).map(([name, row]) => [name, row.args.length])
  assert.deepEqual(functions('trusthealth'), Object.fromEntries(expected))
  assert.deepEqual(functions('reads'), { answer: 2 })
})

test('reads answer each query with what the contract returns, or with its code', async () => {
  const before = Date.now()
  const { timeMs, answers } = JSON.parse(
    await ask([
      query('patientPolicy', JSON.stringify([patient])),
      query('keysOf', patient),
      query('keysOf', 'nobody'),
      query('keysOf'),
      query('noSuchFunction'),
    ]),
  ) as ReadAnswers
  assert.ok(timeMs >= before && timeMs <= Date.now())
  const [policy, ...others] = answers
  assert.equal(policy?.status, 200)
  assert.equal((JSON.parse(policy.result) as { status: string }[])[0]?.status, 'unknown')
  assert.deepEqual(others, [
    { status: 'PATIENT_NOT_FOUND', result: '' },
    { status: 'LEDGER_BAD_ARGUMENT', result: '' },
    { status: 'LEDGER_BAD_ARGUMENT', result: '' },
    { status: 'LEDGER_UNKNOWN_FUNCTION', result: '' },
  ])
})

const malformed: readonly (readonly [string, unknown, string?])[] = [
  ['a function that writes', [query('addKey', 'x')]],
  ['a method of the class that is no function', [query('beforeTransaction')], NONCE],
  ['no query', []],
  ['too many queries', Array.from({ length: MAX_QUERIES + 1 }, () => query('keysOf', patient))],
  ['something else than queries', { fn: 'keysOf' }],
  ['a member more', [{ ...query('keysOf', patient), also: 1 }]],
  ['a short nonce', [query('keysOf', patient)], '00'],
  ['a nonce in capitals', [query('keysOf', patient)], 'AB'.repeat(32)],
]
for (const [what, queries, nonce] of malformed) {
  if (what.startsWith('a method')) {
    test(`${what} is unknown`, async () => {
      const { answers } = JSON.parse(await ask(queries)) as ReadAnswers
      assert.equal(answers[0]?.status, 'LEDGER_UNKNOWN_FUNCTION')
    })
  } else {
    test(`${what} is refused`, async () => {
      await assert.rejects(ask(queries, nonce), refusedWith('LEDGER_BAD_PROPOSAL'))
    })
  }
}

test('a fault of the contract is no answer', async () => {
  const context = contextAt()
  context.stub.getState = () => Promise.reject(new Error('the peer is gone'))
  await assert.rejects(reads.answer(context, NONCE, JSON.stringify([query('keysOf', patient)])), /the peer is gone/)
})

test('a proposal of another time is refused by both, one within five minutes is not', async () => {
  for (const contract of [main, reads]) {
    for (const offMs of [-301_000, 301_000]) {
      const late = contract.beforeTransaction(contextAt(Date.now() + offMs))
      await assert.rejects(late, refusedWith('LEDGER_STALE_PROPOSAL'))
    }
    await contract.beforeTransaction(contextAt(Date.now() - 290_000))
  }
})
