/**
 * `trusthealth start --tee optee`, the record server in an emulated TrustZone, by the command line and with the real
 * programs: a visit from the registration to a record that its patient checks, another identity key for the server and
 * another sealing key for its store while it serves, and all of it there after a stop and a start; what TrustZone does not
 * offer is refused by name. docs/operations/optee.md, docs/operations/keys.md.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../tools/files.ts'
import { cliSystem } from './started-system.ts'
import { runCommand, wordsOf } from './transcript.ts'

/** Emulated, with other work beside it, an answer may take longer than the command line waits by itself. */
const PATIENT = '--timeout 300'

const { place, start, run: runAsIs, dataOf: dataAsIs } = cliSystem('optee-system')
const run = (line: string) => runAsIs(`${line} ${PATIENT}`)
const dataOf = <T>(line: string) => dataAsIs<T>(`${line} ${PATIENT}`)

interface Attested {
  readonly tee: string
  readonly simulated: boolean
  readonly debug: boolean
  readonly measurement: string
  readonly identityKey: string
  readonly isolation: readonly string[]
}

let record = ''
let again = ''
let identityKey = ''

async function refused(line: string, exit: number): Promise<string> {
  const result = await runCommand(place, wordsOf(`${line} ${PATIENT}`))
  assert.equal(result.exit, exit, `${line}\n${result.out}${result.err}`)
  return result.err
}

async function store(): Promise<string> {
  const command = 'record store potassium.json --patient bob --as alice'
  return (await dataOf<{ readonly record: string }>(command)).record
}

async function verified(which: string): Promise<void> {
  assert.match((await run(`record get ${which} --as bob`)).out, /Potassium/)
  assert.match((await run(`record verify ${which} --as bob`)).out, /Verified unchanged/)
}

test('a visit: people are registered, a warrant is given, a record is stored and verified', async () => {
  const started = await start('--tee', 'optee')
  assert.equal(started.exit, undefined, started.text)
  await run('doctor register "Alice Martin" --hospital hospital-a')
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('appointment book --department General --symptoms dizzy --as bob')
  await refused('record store potassium.json --patient bob --as alice', 5)
  await run('warrant issue --doctor alice --until 7d --as bob')
  record = await store()
  await verified(record)
  assert.match((await run('status')).out, /All parts work/)
})

test('its evidence says TrustZone, emulated, and the one measured bundle; --strict does not take it', async () => {
  const attested = await dataOf<Attested>('attest')
  const bundle = readFileSync(join(ROOT, 'dist/ta/trusted-application.mjs'))
  assert.equal(attested.measurement, createHash('sha256').update(bundle).digest('hex'))
  assert.deepEqual([attested.tee, attested.simulated, attested.debug], ['optee', true, false])
  assert.deepEqual(attested.isolation, ['trustzone', 'emulated'])
  assert.match(await refused('attest --strict', 6), /ATTESTATION_SIMULATED/)
  identityKey = attested.identityKey
})

test('its identity key is exchanged; what was signed before is verified, and it goes on under the new one', async () => {
  const exchanged = await dataOf<{ readonly before: string; readonly identityKey: string }>('certificate rotate --yes')
  assert.equal(exchanged.before, identityKey)
  assert.notEqual(exchanged.identityKey, identityKey)
  identityKey = exchanged.identityKey
  assert.equal((await dataOf<Attested>('attest')).identityKey, identityKey)
  await verified(record)
  again = await store()
  await verified(again)
  await run('audit')
})

test('the sealing key of its store is exchanged while it serves, twice; nothing that was sealed is lost', async () => {
  for (const generation of [1, 2]) {
    const exchanged = await dataOf<{ readonly generation: number }>('certificate rotate --sealing --yes')
    assert.equal(exchanged.generation, generation)
    await verified(record)
  }
  await verified(await store())
  await run('audit')
})

test('TEE_NOT_OFFERED: replicas, and copies of the store while it runs', async () => {
  for (const line of ['replica add', 'replica mode asynchronous', 'backup store copies', 'backup prove copies']) {
    assert.match(await refused(line, 2), /TEE_NOT_OFFERED/, line)
  }
  assert.match((await run('status')).out, /All parts work/)
})

test('after a stop and a start it is what it was, in TrustZone without being told again', async () => {
  await run('stop')
  const started = await start()
  assert.equal(started.exit, undefined, started.text)
  const attested = await dataOf<Attested>('attest')
  assert.deepEqual([attested.tee, attested.identityKey], ['optee', identityKey])
  await verified(record)
  await verified(again)
  await verified(await store())
  await run('audit')
  await run('ledger verify')
  assert.match((await run('status')).out, /All parts work/)
})

test('TEE_NOT_OFFERED: restoring from shares, and a look at a store that stands still; the votes are shown', async () => {
  await run('stop')
  assert.match((await start('--restore', 'copies')).text, /TEE_NOT_OFFERED/)
  const ledger = await start('--ledger-only')
  assert.equal(ledger.exit, undefined, ledger.text)
  const { approved, store: here } = await dataOf<{ readonly approved: null; readonly store: null }>('recovery show')
  assert.deepEqual([approved, here], [null, null])
  assert.match(await refused('recovery approve', 2), /TEE_NOT_OFFERED/)
})

test('CLIENT_USAGE: its store opens in no other TEE', async () => {
  await run('stop')
  const started = await start('--tee', 'process')
  assert.equal(started.exit, 2, started.text)
  assert.match(started.text, /CLIENT_USAGE/)
})
