import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createConsortium } from '../../../testkit/src/consortium.ts'
import { BUILT_VERSION, builtFolder, cacheFolder, findBinaries } from './binaries.ts'
import { ensureBinaries } from './build-programs.ts'
import { startNetwork } from './network.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'binaries-')))
after(() => rmSync(folder, { recursive: true, force: true }))
const PROGRAMS = ['peer', 'orderer', 'configtxgen', 'osnadmin']
const missing = { code: 'NETWORK_BINARIES_MISSING' }

/** A release as Fabric's archives have it, of scripts. @returns its bin folder */
function release(name: string, { version = 'v2.5.16', programs = PROGRAMS, samples = true } = {}): string {
  const bin = join(folder, name, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const program of programs) {
    writeFileSync(join(bin, program), `#!/bin/sh\necho 'peer:\n Version: ${version}'\n`, { mode: 0o755 })
  }
  if (samples) {
    mkdirSync(join(folder, name, 'config'))
    for (const file of ['core', 'orderer'])
      writeFileSync(join(folder, name, 'config', `${file}.yaml`), `name: ${file}\n`)
  }
  return bin
}

const good = release('good')

test('a release is found by option, by FABRIC_BIN, by PATH and in the cache, with its samples', () => {
  const cached = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: '/nowhere' }
  const cache = cacheFolder(cached)
  release(join('cache', 'trusthealth', 'fabric', 'v2.5.16'))
  const found = { version: 'v2.5.16', samplePeer: 'name: core\n', sampleOrderer: 'name: orderer\n' }
  assert.deepEqual(findBinaries(good, {}), { bin: good, ...found })
  assert.deepEqual(findBinaries(undefined, { FABRIC_BIN: good }), { bin: good, ...found })
  assert.deepEqual(findBinaries(undefined, { PATH: `/nowhere:${good}` }), { bin: good, ...found })
  assert.deepEqual(findBinaries(undefined, cached), { bin: cache, ...found })
})

test('a chosen folder is the only one that is looked in', () => {
  assert.throws(() => findBinaries(join(folder, 'none'), { PATH: good, FABRIC_BIN: good }), missing)
  assert.throws(() => findBinaries(undefined, { PATH: good, FABRIC_BIN: join(folder, 'none') }), missing)
})

test('samples may be elsewhere', () => {
  const bin = release('without-samples', { samples: false })
  assert.throws(() => findBinaries(bin, {}), missing)
  assert.equal(findBinaries(bin, { FABRIC_CFG_PATH: join(good, '../config') }).samplePeer, 'name: core\n')
})

test('a part of the programs, an old version and a version that cannot be read are refused', () => {
  assert.throws(() => findBinaries(release('part', { programs: ['peer', 'orderer'] }), {}), missing)
  assert.throws(() => findBinaries(release('old', { version: 'v2.4.9' }), {}), missing)
  assert.throws(() => findBinaries(release('odd', { version: 'none' }), {}), missing)
  assert.equal(findBinaries(release('next', { version: 'v3.1.5' }), {}).version, 'v3.1.5')
})

test('Byzantine ordering is refused to programs that do not have it, before anything runs', async () => {
  const { organizations } = await createConsortium()
  const network = startNetwork({ folder: join(folder, 'bft'), organizations, ordering: 'bft', bin: good })
  await assert.rejects(network, missing)
  assert.ok(!existsSync(join(folder, 'bft', 'nodes')))
})

test('what was built here is found after everything else; where somebody chose a folder, nothing is built', async () => {
  const environment = { XDG_CACHE_HOME: join(folder, 'built'), PATH: '/nowhere' }
  assert.throws(() => findBinaries(undefined, environment), missing)
  await assert.rejects(ensureBinaries(undefined, { environment }), missing, 'without Go')
  await assert.rejects(ensureBinaries(join(folder, 'none'), { environment: process.env }), missing)
  await assert.rejects(ensureBinaries(undefined, { environment: { ...process.env, FABRIC_BIN: '/nowhere' } }), missing)
  release(join('built', 'trusthealth', 'fabric', BUILT_VERSION), { version: BUILT_VERSION })
  const { bin, version } = await ensureBinaries(undefined, { environment })
  assert.deepEqual([bin, version], [builtFolder(environment), BUILT_VERSION])
})
