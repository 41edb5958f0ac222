/**
 * A hospital that joins a system that runs, in processes of their own: everybody works with it at once, and it stays,
 * whatever is ended in between.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openOrganization } from '../../../hospital/src/index.ts'
import { createEmbeddedLedgerClient, submitCall } from '../../../ledger/client/src/index.ts'
import { parseCertificate } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { ensureApplication } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import { runCommand, wordsOf, type CommandResult } from './transcript.ts'

const MAIN = join(ROOT, 'clients/cli/src/main.ts')

const root = mkdtempSync(join(tmpdir(), 'trusthealth-join-'))
const place = { state: join(root, 'state'), folder: join(root, 'files') }
let starter: ChildProcess | undefined

before(async () => {
  await ensureApplication()
  mkdirSync(place.folder)
  const result = { resourceType: 'Observation', status: 'final', code: { text: 'Potassium' } }
  writeFileSync(join(place.folder, 'potassium.json'), JSON.stringify(result))
  await start()
})

after(async () => {
  await runCommand(place, ['stop'])
  rmSync(root, { recursive: true, force: true })
})

/** Until it says what runs. */
async function start(): Promise<void> {
  const words = ['start', '--state', place.state, '--any-ports', '--no-data', '--json']
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (chunk.includes('"ok":true')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`start ended with ${code}: ${text}`)))
  })
  starter = child
}

async function killStarter(): Promise<void> {
  const child = starter as ChildProcess
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function run(line: string): Promise<CommandResult> {
  const result = await runCommand(place, wordsOf(line))
  assert.equal(result.exit, 0, `${line}\n${result.out}${result.err}`)
  return result
}

async function json<T>(line: string): Promise<T> {
  return (JSON.parse((await run(`${line} --json`)).out) as { data: T }).data
}

async function refused(line: string, exit: number): Promise<CommandResult> {
  const result = await runCommand(place, wordsOf(line))
  assert.equal(result.exit, exit, `${line}\n${result.out}${result.err}`)
  return result
}

/** A visit from the first appointment to a record that its patient checks. @returns the record. */
async function visit(hospital: string, doctor: string, patient: string): Promise<string> {
  await run(`doctor register "${doctor}" --hospital ${hospital}`)
  await run(`patient register "${patient}" --hospital ${hospital}`)
  const [as, by] = [patient.split(' ')[0] as string, doctor.split(' ')[0] as string]
  await run(`appointment book --department General --symptoms dizzy --as ${as}`)
  await run(`warrant issue --doctor ${by} --until 7d --as ${as}`)
  const { record } = await json<{ record: string }>(`record store potassium.json --patient ${as} --as ${by}`)
  assert.match((await run(`record verify ${record} --as ${as}`)).out, /Verified unchanged/)
  return record
}

const stateOf = async (slug: string): Promise<string | undefined> =>
  (
    JSON.parse(readFileSync(join(place.state, 'system.json'), 'utf8')) as {
      programs: Record<string, { state: string }>
    }
  ).programs[slug]?.state

let kept = ''
let joined = ''

test('a hospital joins while the others work; its people do everything that theirs do', async () => {
  kept = await visit('hospital-a', 'Alice Martin', 'Bob Li')
  assert.match((await run('hospital register --name "Hospital C" --dry-run')).out, /Would/)
  assert.equal((await json<unknown[]>('hospital list')).length, 2)

  const earlier = await json<{ configDigest: string }>('attest')
  const hospital = await json<{ as: string; url: string }>('hospital register --name "Hospital C"')
  assert.equal(hospital.as, 'hospital-c')
  assert.match(hospital.url, /^http:\/\/127\.0\.0\.1:/)
  assert.match((await run('hospital list')).out, /Hospital C +hospital-c +running/)
  // The evidence and the registration have the new configuration.
  assert.notEqual((await json<{ configDigest: string }>('attest')).configDigest, earlier.configDigest)

  joined = await visit('hospital-c', 'Dana Kim', 'Nora Berg')
  // Across hospitals: nothing without a permission, then what the patient shares.
  await refused(`record get ${joined} --as alice`, 5)
  await run('grant create --to alice --as nora')
  assert.match((await run(`record get ${joined} --as alice`)).out, /Potassium/)
  assert.match((await run('patient list --as hospital-c')).out, /Nora Berg/)
  // The doctors of the new hospital are found by those who were there before it: her key is on another device.
  const hers = join(place.state, 'identities', 'dana-kim.json')
  renameSync(hers, `${hers}.away`)
  await run('grant create --to "Dana Kim" --until 7d --as bob')
  renameSync(`${hers}.away`, hers)
  await run(`record get ${kept} --as bob`)
  await run('audit')
  await run('ledger verify')
})

test('the same command again changes nothing', async () => {
  const earlier = await json<{ ref: string }[]>('hospital list')
  const { ref } = await json<{ ref: string }>('hospital register --name "Hospital C"')
  assert.deepEqual(await json('hospital list'), earlier)
  assert.equal(earlier[2]?.ref, ref)
})

test('CLIENT_USAGE: no name, or one that is taken, reserved, too long or none', async () => {
  await refused('hospital register', 2)
  const long = 'Hospital '.repeat(20)
  for (const name of ['', '9', '---', 'Record server', 'Ledger', 'Operator', 'hospital c', 'Bob Li', long]) {
    assert.match((await refused(`hospital register --name "${name}"`, 2)).err, /CLIENT_USAGE/, name)
  }
  assert.equal((await json<unknown[]>('hospital list')).length, 3)
})

test('after a stop and a start it is still there', async () => {
  await run('stop')
  await start()
  assert.equal(await stateOf('hospital-c'), 'running')
  await run(`record get ${joined} --as nora`)
  await run(`record get ${kept} --as bob`)
  const again = await json<{ record: string }>('record store potassium.json --patient nora --as dana')
  await run(`record get ${again.record} --as nora`)
})

test('registered while nothing runs, it joins at the next start', async () => {
  await run('stop')
  const { url } = await json<{ url: null }>('hospital register --name "Hospital D"')
  assert.equal(url, null)
  await start()
  await visit('hospital-d', 'Eva Lind', 'Ian Poe')
})

test('cut off by a kill, it is let in at the next start', async () => {
  const registering = runCommand(place, wordsOf('hospital register --name "Hospital E" --timeout 60'))
  const known = () => readFileSync(join(place.state, 'consortium/consortium.json'), 'utf8')
  while (!known().includes('Hospital E')) await new Promise((resolve) => setTimeout(resolve, 5))
  await killStarter()
  await registering
  await start()
  assert.equal(await stateOf('hospital-e'), 'running')
  await visit('hospital-e', 'Gus Ahl', 'Kim Roth')
  await run('audit')
})

test('LEDGER_CONFIGURATION_REJECTED: an administrator whose certificate was revoked cannot let anybody in', async () => {
  const crypto = createNodeCrypto()
  const mspId = 'HospitalB' as MspId
  const folder = join(place.state, 'hospitals/hospital-b')
  const { admin } = await openOrganization(folder, { crypto, mspId, nowMs: () => Date.now() })
  const { programs } = JSON.parse(readFileSync(join(place.state, 'system.json'), 'utf8')) as {
    programs: { ledger: { url: string } }
  }
  const ledger = createEmbeddedLedgerClient(programs.ledger.url, { crypto, channel: 'trusthealth', identity: admin })
  const { serialHex } = parseCertificate(admin.cert)
  await submitCall(ledger, admin, { fn: 'revokeCertificate', args: [serialHex, 'key-compromise'] })
  await ledger.close()

  for (let i = 0; i < 2; i++) {
    const { err } = await refused('hospital register --name "Hospital F"', 5)
    assert.match(err, /was not let in/)
    assert.match(err, /LEDGER_CONFIGURATION_REJECTED/)
  }
  // Everybody else goes on, also over a start.
  await run(`record get ${joined} --as nora`)
  await run('stop')
  await start()
  assert.equal(await stateOf('hospital-e'), 'running')
  await run(`record get ${joined} --as nora`)
})
