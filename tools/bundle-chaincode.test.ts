import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { compileFunction } from 'node:vm'
import { bundleChaincode, chaincodeManifest } from './bundle-chaincode.ts'

test('the chaincode is one CommonJS file whose entries fabric-shim can make', async () => {
  const code = Buffer.from(await bundleChaincode()).toString()
  const module = { exports: {} as { contracts: (new () => { getName(): string })[] } }
  const load = compileFunction(code, ['module', 'exports', 'require']) as (...args: unknown[]) => void
  load(module, module.exports, createRequire(import.meta.url))
  assert.deepEqual(
    module.exports.contracts.map((Entry) => new Entry().getName()),
    ['trusthealth', 'reads'],
  )
})

test('the same sources give the same bytes', async () => {
  assert.deepEqual(await bundleChaincode(), await bundleChaincode())
})

test('what it needs is named with exact versions', () => {
  const { dependencies } = chaincodeManifest() as { dependencies: Record<string, string> }
  assert.deepEqual(Object.keys(dependencies), ['fabric-contract-api', 'fabric-shim'])
  for (const version of Object.values(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/)
})
