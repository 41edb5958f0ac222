import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  issueOpteeEvidence,
  newRef,
  opteeReferenceShape,
  reportKeyThumbprint,
  sha256Hex,
  type Kid,
  type OpteeReference,
} from '../../../../shared/protocol/src/index.ts'
import { TA_UUID } from '../../../../tee/optee/src/index.ts'
import { makeOpteePlatform, makeTestDevice } from '../../../../testkit/src/optee-platform.ts'
import { stateFolderAt } from '../state-folder.ts'
import {
  ensureServer,
  installProgram,
  isOfAnotherBundle,
  mergeReferences,
  opteeReferenceOf,
  teeOption,
} from './tees.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-tees-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const digest = () => sha256Hex(crypto.randomBytes(32))
const reference = {
  core: digest(),
  version: '4.10.0',
  signer: digest(),
  program: digest(),
  measurement: digest(),
  securityVersion: 1,
  debug: false,
  simulated: true,
}
type Context = Parameters<typeof ensureServer>[0]
const contextIn = (name: string) => ({ state: stateFolderAt(join(folder, name)), crypto }) as Context

test('the option comes before the environment, and both name a kind', () => {
  assert.equal(teeOption({}, {}), undefined)
  assert.equal(teeOption({ tee: 'optee' }, { TRUSTHEALTH_TEE: 'process' }), 'optee')
  assert.equal(teeOption({}, { TRUSTHEALTH_TEE: 'optee' }), 'optee')
  assert.throws(() => teeOption({ tee: 'sgx' }, {}), { code: 'CLIENT_USAGE' })
  assert.throws(() => teeOption({}, { TRUSTHEALTH_TEE: '' }), { code: 'CLIENT_USAGE' })
})

test('a system keeps its kind of TEE, and refuses another', () => {
  const context = contextIn('kept')
  const first = ensureServer(context, 'optee')
  assert.equal(first.tee, 'optee')
  assert.deepEqual(ensureServer(context, undefined), first)
  assert.deepEqual(ensureServer(context, 'optee'), first)
  assert.throws(() => ensureServer(context, 'process'), { code: 'CLIENT_USAGE' })
})

test('a system from before there was a choice is a process', () => {
  const context = contextIn('earlier')
  const serverRef = newRef(crypto, 's')
  mkdirSync(context.state.server, { recursive: true })
  writeFileSync(join(context.state.server, 'server.json'), JSON.stringify({ v: 1, serverRef }))
  assert.deepEqual(ensureServer(context, undefined), { serverRef, tee: 'process' })
  assert.throws(() => ensureServer(context, 'optee'), { code: 'CLIENT_USAGE' })
})

test('what was built is installed as it is, with its reference values', (t) => {
  const built = join(folder, 'built')
  const before = process.env['TRUSTHEALTH_OPTEE_CACHE']
  process.env['TRUSTHEALTH_OPTEE_CACHE'] = built
  t.after(() => {
    if (before === undefined) delete process.env['TRUSTHEALTH_OPTEE_CACHE']
    else process.env['TRUSTHEALTH_OPTEE_CACHE'] = before
  })
  const { state } = contextIn('installed')
  assert.throws(() => installProgram(state, 'optee'), { code: 'TEE_MEASUREMENT' })
  mkdirSync(join(built, 'ta'), { recursive: true })
  writeFileSync(join(built, 'ta', `${TA_UUID}.ta`), 'signed')
  writeFileSync(join(built, 'reference.json'), JSON.stringify(reference))
  const program = installProgram(state, 'optee')
  assert.equal(program.measurement, reference.measurement)
  assert.equal(program.settings.measurement, sha256Hex(crypto.sha256(Buffer.from('signed'))))
  assert.equal(readFileSync(program.settings.taPath, 'utf8'), 'signed')
  const bundle = join(built, 'bundle.mjs')
  assert.ok(!isOfAnotherBundle(program, bundle))
  writeFileSync(bundle, 'newer')
  assert.ok(isOfAnotherBundle(program, bundle))
  const measurement = sha256Hex(crypto.sha256(Buffer.from('newer')))
  assert.ok(!isOfAnotherBundle({ ...program, measurement }, bundle))
  writeFileSync(join(built, 'reference.json'), JSON.stringify({ ...reference, debug: 'no' }))
  assert.throws(() => installProgram(state, 'optee'), { code: 'MESSAGE_MALFORMED' })
})

test('the ledger is told what was built, on the device that runs it; something else is not told', () => {
  const device = makeTestDevice()
  const claims = {
    nonce: crypto.randomBytes(32),
    iat: 1_700_000_000,
    simulated: true,
    debug: false,
    measurement: reference.measurement,
    securityVersion: 1,
    serverRef: newRef(crypto, 's'),
    identityKey: crypto.generateSigningKey().publicKey,
    configDigest: digest(),
    isolation: [],
  }
  const evidenceOf = (change: Partial<typeof reference>) =>
    issueOpteeEvidence(
      crypto,
      crypto.generateSigningKey(),
      claims,
      makeOpteePlatform(device, { ...reference, ...change }),
    )
  const { core, program, version, signer, measurement } = reference
  assert.deepEqual(opteeReferenceOf({ crypto }, reference, evidenceOf({})), {
    reportKeys: [reportKeyThumbprint(crypto, device.reportKey)],
    cores: [{ digest: core, version, signer, debug: false, simulated: true }],
    programs: [{ digest: program, measurement, signer, securityVersion: 1, debug: false }],
  })
  const told = (change: Partial<typeof reference>) => () => opteeReferenceOf({ crypto }, reference, evidenceOf(change))
  assert.throws(told({ core: digest() }), { code: 'ATTESTATION_PLATFORM' })
  assert.throws(told({ version: '4.9.0' }), { code: 'ATTESTATION_PLATFORM' })
  assert.throws(told({ program: digest() }), { code: 'ATTESTATION_MEASUREMENT' })
})

test('an updated program is accepted beside the earlier one, nothing twice and the newest of too many', () => {
  const version = (n: number) => {
    const {
      core,
      version: name,
      signer,
      program,
      measurement,
      securityVersion,
      debug,
      simulated,
    } = {
      ...reference,
      core: sha256Hex(crypto.sha256(Buffer.from(`core ${n}`))),
      program: sha256Hex(crypto.sha256(Buffer.from(`program ${n}`))),
    }
    return {
      reportKeys: [Buffer.from(crypto.sha256(Buffer.from(`device ${n}`))).toString('base64url') as Kid],
      cores: [{ digest: core, version: name, signer, debug, simulated }],
      programs: [{ digest: program, measurement, signer, securityVersion, debug }],
    }
  }
  assert.deepEqual(mergeReferences(undefined, version(1)), version(1))
  const both = mergeReferences(version(1), version(2))
  for (const name of ['reportKeys', 'cores', 'programs'] as const) {
    assert.deepEqual(both[name], [...version(1)[name], ...version(2)[name]])
  }
  assert.deepEqual(mergeReferences(both, version(2)), both)
  // What is said of the same program now counts.
  const debug = { ...version(1), programs: version(1).programs.map((one) => ({ ...one, debug: true })) }
  assert.deepEqual(mergeReferences(both, debug).programs, [...version(2).programs, ...debug.programs])
  let many: OpteeReference = version(0)
  for (let n = 1; n <= 20; n++) many = mergeReferences(many, version(n))
  assert.deepEqual([many.reportKeys.length, many.cores.length, many.programs.length], [8, 8, 16])
  assert.deepEqual(many.programs.at(-1), version(20).programs[0])
  opteeReferenceShape(many, 'reference')
})
