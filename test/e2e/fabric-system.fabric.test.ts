/**
 * The whole system on a network of Fabric, as a person runs it: started, a record stored and read, the chain checked, a
 * node that ends started again, everything stopped and started on its data.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { networkStatus, stopNetwork, type NodeStatus } from '../../ledger/network/src/index.ts'
import { ensureApplication } from '../../tools/bundle-ta.ts'
import { ROOT } from '../../tools/files.ts'

const MAIN = join(ROOT, 'clients/cli/src/main.ts')

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-fabric-test-'))
const state = join(folder, 'state')
const fabric = join(state, 'fabric')
let starter: ChildProcess | undefined

before(async () => {
  await ensureApplication()
  await start('--ledger', 'fabric')
})

after(async () => {
  await stop()
  await stopNetwork(fabric)
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
}

function launch(args: readonly string[]): ChildProcess {
  const env = { ...process.env, NO_COLOR: '1', TRUSTHEALTH_STATE: state }
  return spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'], env })
}

async function run(...args: string[]): Promise<Ended> {
  const child = launch(args)
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (out += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out }
}

/** What a command says with `--json`. */
async function ask(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out } = await run(...args, '--json')
  assert.equal(code, 0, out)
  return (JSON.parse(out) as { data: Record<string, unknown> }).data
}

/** Until everything takes requests. */
async function start(...options: string[]): Promise<void> {
  const child = launch(['start', '--any-ports', '--no-data', '--json', ...options])
  starter = child
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`ended with ${code ?? 'a signal'}: ${said}`)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stdout?.setEncoding('utf8').on('data', () => resolve())
  })
}

async function stop(): Promise<void> {
  const child = starter
  starter = undefined
  if (child === undefined || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
}

/** Every record that was acknowledged outside of the demo. */
const records: { readonly record: string; readonly patient: string }[] = []

const storing = (patient: string, doctor: string): string[] => [
  'record',
  'store',
  'potassium.json',
  '--patient',
  patient,
  '--as',
  doctor,
]

/** A visit from the first appointment to a record that its patient checks. @returns the record. */
async function visit(hospital: string, doctor: string, patient: string): Promise<string> {
  const result = { resourceType: 'Observation', status: 'final', code: { text: 'Potassium' } }
  writeFileSync(join(folder, 'potassium.json'), JSON.stringify(result))
  await ask('doctor', 'register', doctor, '--hospital', hospital)
  await ask('patient', 'register', patient, '--hospital', hospital)
  const [as, by] = [patient, doctor].map((name) => (name.split(' ')[0] as string).toLowerCase()) as [string, string]
  await ask('appointment', 'book', '--department', 'General', '--symptoms', 'dizzy', '--as', as)
  await ask('warrant', 'issue', '--doctor', by, '--until', '7d', '--as', as)
  const { record } = await ask(...storing(as, by))
  await ask('record', 'verify', String(record), '--as', as)
  return String(record)
}

async function nodes(): Promise<readonly NodeStatus[]> {
  return (await networkStatus(fabric))?.nodes ?? []
}

test('the life of a record, attacks of participants included, on the system that runs', async () => {
  const { passed, of } = await ask('demo', '--state', state)
  assert.equal(passed, of)
})

test('status, blocks, endorsements and the check of the whole chain', async () => {
  const { ledger } = (await ask('status')) as { ledger: { organizations: number; running: number; nodes: number } }
  assert.equal(ledger.organizations, 3)
  assert.deepEqual([ledger.running, ledger.nodes], [9, 9])
  const { height } = ledger as unknown as { height: number }
  const shown = (await ask('ledger', 'show', String(height))) as unknown as {
    transactions: readonly { validationCode: string; endorsedBy: readonly string[]; status: string }[]
  }
  for (const { validationCode, endorsedBy, status } of shown.transactions) {
    assert.deepEqual([validationCode, status], ['VALID', 'VALID'])
    assert.ok(new Set(endorsedBy.map((name) => name.split(' ')[0])).size >= 2)
  }
  const report = await ask('ledger', 'verify')
  assert.ok(Number(report['blocks']) > height)
  assert.ok(Number(report['ordererSignatures']) >= height)
  assert.ok(Number(report['endorsements']) >= Number(report['transactions']))
  assert.equal((await run('ledger', 'verify', '--replay')).code, 2)
})

test('a hospital joins while the others work; its people do everything that theirs do', async () => {
  const kept = await visit('hospital-a', 'Hanna Orr', 'Otto Lund')
  const earlier = await ask('attest')
  const registering = ask('hospital', 'register', '--name', 'Hospital C')
  const over = new AbortController()
  void registering.catch(() => undefined).then(() => over.abort())
  while (!over.signal.aborted) {
    records.push({ record: String((await ask(...storing('otto', 'hanna')))['record']), patient: 'otto' })
  }
  const hospital = await registering
  assert.equal(hospital['as'], 'hospital-c')
  assert.match(String(hospital['url']), /^http:/)
  // The evidence, and what the ledger says of the server, have the new configuration.
  assert.notEqual((await ask('attest'))['configDigest'], earlier['configDigest'])
  const { ledger } = (await ask('status')) as { ledger: { organizations: number; running: number; nodes: number } }
  assert.deepEqual([ledger.organizations, ledger.running, ledger.nodes], [4, 11, 11])

  const joined = await visit('hospital-c', 'Dana Kim', 'Nora Berg')
  // Across hospitals: nothing without a permission, then what the patient shares.
  assert.equal((await run('record', 'get', joined, '--as', 'hanna')).code, 5)
  await ask('grant', 'create', '--to', 'hanna', '--as', 'nora')
  await ask('record', 'get', joined, '--as', 'hanna')
  await ask('record', 'get', kept, '--as', 'otto')
  await ask(...storing('otto', 'hanna'))
  // Again: nothing changes.
  assert.equal((await ask('hospital', 'register', '--name', 'Hospital C'))['ref'], hospital['ref'])
  const report = await ask('ledger', 'verify')
  assert.ok(Number(report['transactions']) > 0)
  records.push({ record: kept, patient: 'otto' }, { record: joined, patient: 'nora' })
})

test('of four organisations any one may be down', async () => {
  const names = ['hospital-b', 'hospital-c']
  for (const down of names) {
    const [node] = (await nodes()).filter(({ kind, name }) => kind === 'peer' && name.endsWith(down))
    process.kill((node as NodeStatus).pid, 'SIGSTOP')
    try {
      const stored = await ask(...storing('otto', 'hanna'))
      records.push({ record: String(stored['record']), patient: 'otto' })
    } finally {
      process.kill((node as NodeStatus).pid, 'SIGCONT')
    }
  }
})

test('nodes that end are started again', async () => {
  const killed = (await nodes()).filter(
    ({ kind, isLeader, name }) => isLeader || (kind === 'peer' && name.endsWith('hospital-a')),
  )
  assert.equal(killed.length, 2)
  for (const { pid } of killed) process.kill(pid, 'SIGKILL')
  for (;;) {
    const now = await nodes()
    const isBack = ({ name, pid }: NodeStatus) => {
      const found = now.find((node) => node.name === name)
      return found !== undefined && found.pid !== 0 && found.pid !== pid && found.blocks !== undefined
    }
    if (killed.every(isBack)) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { passed, of } = await ask('demo', '--state', state)
  assert.equal(passed, of)
})

test('everything ends with its starter, and goes on from its data', async () => {
  const { head } = (await ask('ledger', 'verify')) as { head: { number: number } }
  await stop()
  assert.deepEqual(
    (await nodes()).map(({ pid }) => pid),
    Array.from({ length: 11 }, () => 0),
  )
  // The other ledger's data is not there: said, not made.
  assert.equal((await run('start', '--ledger', 'embedded')).code, 2)
  await start()
  // Compares with the newest block of the last check.
  const again = (await ask('ledger', 'verify')) as { head: { number: number } }
  assert.ok(again.head.number >= head.number)
  for (const { record, patient } of records) await ask('record', 'get', record, '--as', patient)
  const { passed, of } = await ask('demo', '--state', state)
  assert.equal(passed, of)
})
