import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import { build } from 'esbuild'

test('the contract is one CommonJS file that Fabric’s loader can make without arguments', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('index.ts', import.meta.url))],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: ['fabric-contract-api'],
    write: false,
  })
  const module = { exports: {} as { TrustHealthContract: new () => { getName(): string } } }
  const load = compileFunction(outputFiles[0]?.text ?? '', ['module', 'exports', 'require']) as (
    ...args: unknown[]
  ) => void
  load(module, module.exports, createRequire(import.meta.url))
  const { TrustHealthContract } = module.exports
  assert.equal(new TrustHealthContract().getName(), 'trusthealth')
})
