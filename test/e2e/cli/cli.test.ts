/**
 * The command line against a whole system: every program in a process of its own, started by `trusthealth start`.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ensureApplication } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import { playTranscript, runCommand } from './transcript.ts'

const MAIN = join(ROOT, 'clients/cli/src/main.ts')
const TRANSCRIPTS = join(import.meta.dirname, 'transcripts')

const root = mkdtempSync(join(tmpdir(), 'trusthealth-cli-'))
const place = { state: join(root, 'state'), folder: join(root, 'files') }
const kept = new Map<string, string>()
let starter: ChildProcess | undefined

before(async () => {
  await ensureApplication()
  mkdirSync(place.folder)
  writeFiles()
  await start()
})

after(async () => {
  await runCommand(place, ['stop'])
  rmSync(root, { recursive: true, force: true })
})

/** Starts the system and waits until it says what runs. */
async function start(
  ...options: string[]
): Promise<{ readonly programs: Record<string, { pid: number; url: string }> }> {
  const child = spawn(
    process.execPath,
    [MAIN, 'start', '--state', place.state, '--any-ports', '--no-data', '--json', ...options],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (!out.includes('\n')) return
      const { ok, data } = JSON.parse(out) as {
        ok: boolean
        data: { programs: Record<string, { pid: number; url: string }> }
      }
      if (!ok) return reject(new Error(out + err))
      starter = child
      resolve(data)
    })
    child.once('exit', (code) => reject(new Error(`start ended with ${code}: ${out}${err}`)))
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return child.exitCode === null
    ? new Promise((resolve) => child.once('exit', resolve))
    : Promise.resolve(child.exitCode)
}

function writeFiles(): void {
  const lab = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }
  const hba1c = (value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    category: [lab],
    code: { coding: [{ system: 'http://loinc.org', code: '59261-8', display: 'Hemoglobin A1c' }], text: 'HbA1c' },
    effectiveDateTime: '2026-11-14',
    valueQuantity: { value, unit: 'mmol/mol' },
  })
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(place.folder, name), content)
  write('hba1c.json', JSON.stringify(hba1c(47)))
  write('corrected.json', JSON.stringify(hba1c(48)))
  write('note.json', JSON.stringify({ resourceType: 'DocumentReference', status: 'current', content: [] }))
  write('broken.json', '{"resourceType":"Observation","status":"final","status":"amended"}')
  write('forged.json', '{"trusthealth":"record/1"}')
  const subject = { reference: 'Patient/carla' }
  const lines = [
    { resourceType: 'Patient', id: 'carla', name: [{ family: 'Diaz', given: ['Carla'] }] },
    { ...hba1c(50), subject },
    undefined,
    { ...hba1c(6), code: { text: 'Glucose' }, subject },
    { resourceType: 'Location', name: 'somewhere' },
  ]
  write('mixed.ndjson', lines.map((line) => (line === undefined ? 'not json' : JSON.stringify(line))).join('\n'))
  write(
    'bundle.json.gz',
    gzipSync(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: [{ resource: hba1c(51) }] })),
  )
}

for (const name of readdirSync(TRANSCRIPTS).toSorted()) {
  test(`transcript ${name}`, async () => {
    await playTranscript(place, readFileSync(join(TRANSCRIPTS, name), 'utf8'), kept)
  })
}

test('--json: one object for a result, one for an error, one a line for a list', async () => {
  const listed = await runCommand(place, ['record', 'list', '--as', 'carla', '--json'])
  const { ok, data } = JSON.parse(listed.out) as {
    ok: boolean
    data: { record: string; title: string; dateMs?: number }[]
  }
  assert.ok(ok)
  assert.ok(data.length >= 3 && data.every(({ record, title }) => /^r-[0-9a-f]{32}$/.test(record) && title !== ''))
  const lines = (await runCommand(place, ['record', 'list', '--as', 'carla', '--json=lines'])).out.trim().split('\n')
  assert.equal(lines.length, data.length)
  const report = await runCommand(place, ['record', 'verify', data[0]?.record ?? '', '--as', 'carla', '--json'])
  const verified = JSON.parse(report.out) as {
    data: { seal: { state: string }; practice: boolean; checks: { result: string }[] }
  }
  assert.equal(verified.data.seal.state, 'verified')
  assert.equal(verified.data.practice, true)
  assert.equal(verified.data.checks.length, 7)
  assert.ok(verified.data.checks.every(({ result }) => result === 'pass'))
  const refused = await runCommand(place, ['record', 'get', data[0]?.record ?? '', '--as', 'omar', '--json'])
  const error = (JSON.parse(refused.out) as { ok: boolean; error: { code: string; what: string; next: string } }).error
  assert.equal(error.code, 'ACCESS_DENIED')
  assert.equal(refused.err, '')
})

test('a record comes in from standard input', async () => {
  await runCommand(place, ['warrant', 'issue', '--doctor', 'alice', '--as', 'carla'])
  const ehr = readFileSync(join(place.folder, 'note.json'), 'utf8')
  const { exit, out } = await runCommand(place, ['record', 'store', '-', '--patient', 'carla', '--as', 'alice'], ehr)
  assert.equal(exit, 0, out)
})

test('keys and state are readable by their owner only', () => {
  for (const path of [
    'system.json',
    'identities/carla-diaz.json',
    'hospitals/hospital-a/service.json',
    'consortium/operator/organization.json',
  ]) {
    assert.equal(statSync(join(place.state, path)).mode & 0o077, 0, path)
  }
})

test('nothing of a record stands on the disk outside the files of the person', () => {
  const found: string[] = []
  for (const entry of readdirSync(place.state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (readFileSync(path).includes('Glucose')) found.push(path)
  }
  assert.deepEqual(found, [])
})

test('an import that is killed goes on where it was, and stores nothing twice', async () => {
  const lines = Array.from({ length: 900 }, (_one, i) =>
    JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: `Sodium ${i}` } }),
  )
  writeFileSync(join(place.folder, 'sodium.ndjson'), lines.join('\n'))
  const words = ['record', 'import', 'sodium.ndjson', '--patient', 'carla', '--as', 'hospital-a']
  const child = spawn(process.execPath, [MAIN, ...words, '--state', place.state], {
    cwd: place.folder,
    stdio: 'ignore',
  })
  while (child.exitCode === null && (await positionOf(words)) === 0) await new Promise((r) => setTimeout(r, 10))
  child.kill('SIGKILL')
  await ended(child)
  const { exit, out, err } = await runCommand(place, words)
  assert.equal(exit, 0, err)
  assert.match(out, /^900 stored, 0 refused/)
  const found = await runCommand(place, ['record', 'search', 'sodium', '--limit', '5000', '--as', 'carla', '--json'])
  assert.equal((JSON.parse(found.out) as { data: unknown[] }).data.length, 900)
})

test('an import that leaves something out, or is interrupted, says so with a code of its own', async () => {
  const codeOf = (out: string) => (JSON.parse(out) as { error: { code: string } }).error.code
  const mixed = ['record', 'import', 'mixed.ndjson', '--patient', 'carla', '--as', 'hospital-a', '--json']
  assert.equal(codeOf((await runCommand(place, mixed)).out), 'CLIENT_PARTLY_DONE')

  const lines = Array.from({ length: 2_000 }, (_one, i) =>
    JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: `Potassium ${i}` } }),
  )
  writeFileSync(join(place.folder, 'potassium.ndjson'), lines.join('\n'))
  const words = ['record', 'import', 'potassium.ndjson', '--patient', 'carla', '--as', 'hospital-a']
  const child = spawn(process.execPath, [MAIN, ...words, '--state', place.state, '--yes', '--json'], {
    cwd: place.folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  while (child.exitCode === null && (await positionOf(words)) === 0) await new Promise((r) => setTimeout(r, 10))
  child.kill('SIGINT')
  await ended(child)
  assert.equal(codeOf(out), 'CLIENT_INTERRUPTED')
})

test('a second start on the folder is refused', async () => {
  await assert.rejects(start(), /CLIENT_ALREADY_RUNNING/)
})

test('a killed part comes back, and what was stored is there', async () => {
  const { data } = JSON.parse((await runCommand(place, ['status', '--json'])).out) as {
    data: { programs: Record<string, { pid: number }> }
  }
  for (const { pid } of Object.values(data.programs)) process.kill(pid, 'SIGKILL')
  await allWork()
  assert.match((await runCommand(place, ['record', 'list', '--as', 'carla'])).out, /Glucose/)
})

test('after the starter itself was killed, a start ends what is left and goes on with the same system', async () => {
  const earlier = await runCommand(place, ['hospital', 'list', '--json'])
  const killed = await killStarter()
  assert.equal(killed, null)
  const { programs } = await start()
  assert.equal(Object.keys(programs).length, 4)
  const hospitals = (text: string) => (JSON.parse(text) as { data: { ref: string }[] }).data.map(({ ref }) => ref)
  assert.deepEqual(hospitals((await runCommand(place, ['hospital', 'list', '--json'])).out), hospitals(earlier.out))
  assert.match((await runCommand(place, ['record', 'list', '--as', 'carla'])).out, /Glucose/)
  assert.equal((await runCommand(place, ['audit'])).exit, 0)
})

test('hospitals cosign the log by themselves, and a downloaded record is found in it', async () => {
  let checked = await runCommand(place, ['witness', 'check', 'proof.json', '--json'])
  // Both hospitals look every five seconds.
  for (let i = 0; i < 300 && checked.exit === 7; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    checked = await runCommand(place, ['witness', 'check', 'proof.json', '--json'])
  }
  assert.equal(checked.exit, 0, checked.err + checked.out)
  const { data } = JSON.parse(checked.out) as {
    data: { cosignatures: unknown[]; logSize: number; cosignedSize: number }
  }
  assert.ok(data.cosignatures.length >= 2 && data.cosignedSize >= data.logSize)
  const status = await runCommand(place, ['witness', 'status', '--json'])
  const { witnesses } = (JSON.parse(status.out) as { data: { witnesses: { size: number; refused: number }[] } }).data
  assert.ok(witnesses.length === 2 && witnesses.every(({ size, refused }) => size > 0 && refused === 0))
  const tooMany = await runCommand(place, ['witness', 'check', 'proof.json', '--least', '3'])
  assert.match(tooMany.err, /WITNESS_TOO_FEW/)
  assert.equal((await runCommand(place, ['witness', 'check', 'proof.json', '--least', '0'])).exit, 2)
})

test('the record server’s store is copied while it runs, proven, and put back while it stands still', async () => {
  const folder = join(root, 'store-backup')
  const run = (verb: string, ...more: string[]) => runCommand(place, ['backup', verb, folder, '--json', ...more])
  assert.equal((await run('prove')).exit, 2)
  const first = await run('store')
  assert.equal(first.exit, 0, first.err)
  const second = await run('store')
  const { pages, addedPages } = (JSON.parse(second.out) as { data: { pages: number; addedPages: number } }).data
  assert.ok(addedPages < pages)
  const proven = await run('prove')
  assert.equal(proven.exit, 0, proven.err + proven.out)
  assert.equal((await run('prove', '--number', '9')).exit, 2)
  const dry = await run('put', '--dry-run')
  const { code } = (JSON.parse(dry.out) as { data: { code: string } }).data
  assert.match((await run('put', '--confirm', code)).out, /CLIENT_ALREADY_RUNNING/)
  assert.equal((await run('put', '--confirm', 'ffffff')).exit, 2)
})

test('stop, backup, a damaged backup, restore', async () => {
  const child = starter as ChildProcess
  const busy = await runCommand(place, ['backup', 'create', join(root, 'backup')])
  assert.match(busy.err, /CLIENT_ALREADY_RUNNING/)
  assert.equal((await runCommand(place, ['stop'])).exit, 0)
  assert.equal(await ended(child), 0)
  assert.equal((await runCommand(place, ['status'])).exit, 7)
  const made = await runCommand(place, ['backup', 'create', join(root, 'backup'), '--json'])
  assert.equal(made.exit, 0, made.err)
  const { code } = (JSON.parse(made.out) as { data: { code: string } }).data
  assert.equal((await runCommand(place, ['backup', 'check', join(root, 'backup')])).exit, 0)
  rmSync(place.state, { recursive: true })
  assert.equal((await runCommand(place, ['backup', 'restore', join(root, 'backup')])).exit, 2)
  assert.equal((await runCommand(place, ['backup', 'restore', join(root, 'backup'), '--confirm', code])).exit, 0)
  await start()
  assert.match((await runCommand(place, ['record', 'list', '--as', 'carla'])).out, /Glucose/)
  writeFileSync(join(root, 'backup', 'consortium', 'genesis.cbor'), 'x')
  const damaged = await runCommand(place, ['backup', 'check', join(root, 'backup')])
  assert.match(damaged.err, /STORE_DAMAGED/)
})

/** Lines of the import that are settled. */
async function positionOf(words: readonly string[]): Promise<number> {
  const { out } = await runCommand(place, [...words, '--dry-run', '--json'])
  return (JSON.parse(out) as { data: { files: { position: number }[] } }).data.files[0]?.position ?? 0
}

async function killStarter(): Promise<number | null> {
  const child = starter as ChildProcess
  child.kill('SIGKILL')
  return await ended(child)
}

/** Waits until every part answers again. */
async function allWork(): Promise<void> {
  let last = ''
  for (let i = 0; i < 200; i++) {
    const { exit, out, err } = await runCommand(place, ['status'])
    if (exit === 0) return
    last = out + err
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.fail(`it did not come back:\n${last}`)
}
