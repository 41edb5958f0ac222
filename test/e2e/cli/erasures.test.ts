/**
 * `trusthealth record erasures | keep | erase`: a hospital deletes, whose own configuration says `request-erase`; the patient
 * answers. What a person wrote into the configuration stays at each start.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { asker, hba1c } from '../../fhir/scene.ts'
import { cliSystem } from './started-system.ts'
import { runCommand, wordsOf } from './transcript.ts'

const system = cliSystem('erasures')
const { place, run, dataOf } = system
const folder = join(place.state, 'hospitals/hospital-a')
const file = join(folder, 'hospital.json')

interface Asked {
  readonly record: string
  readonly reason?: string
  readonly state: string
}

let bob: string
let fhir: ReturnType<typeof asker>

before(async () => {
  await system.start()
  await run('patient register "Bob Li" --hospital hospital-a')
  await run('warrant issue --doctor hospital-a --until 30d --as bob-li')
  await run('stop')
  const configuration = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...configuration, fhirDelete: 'request-erase' }))
  await system.start()
  const { programs } = JSON.parse(readFileSync(join(place.state, 'system.json'), 'utf8')) as {
    programs: Record<string, { url: string }>
  }
  const base = `${programs['hospital-a']?.url}/fhir`
  fhir = asker(base, `Bearer ${readFileSync(join(folder, 'fhir-token'), 'utf8').trim()}`)
  const { json } = await fhir('GET', '/Patient?name=Bob')
  bob = (json as { entry: [{ resource: { id: string } }] }).entry[0].resource.id
})

/** Written by the hospital, and taken out of its own use. */
async function deleted(id: string, reason: string): Promise<void> {
  assert.equal((await fhir('PUT', `/Observation/${id}`, hba1c(bob, 41, { id }))).status, 201)
  const headers = { 'x-trusthealth-reason': reason }
  assert.equal((await fhir('DELETE', `/Observation/${id}`, undefined, headers)).status, 202)
}

const asked = async (reason: string, as = 'bob-li'): Promise<Asked> => {
  const all = await dataOf<readonly Asked[]>(`record erasures --as ${as}`)
  const found = all.find((one) => one.reason === reason)
  assert.ok(found !== undefined, JSON.stringify(all))
  return found
}

test('both see what was asked; the patient says no, once, and the record stays', async () => {
  await deleted('first', 'entered twice')
  const { record } = await asked('entered twice')
  const { out } = await run('record erasures --as bob-li')
  assert.match(out, /entered twice +waits for the patient/)
  assert.match(out, /Keep: +trusthealth record keep r-/)
  const dry = await run(`record keep ${record} --dry-run --as bob-li`)
  assert.match(dry.out, /^Would keep r-/)
  assert.equal((await asked('entered twice')).state, 'requested')
  assert.match((await run(`record keep ${record} --as bob-li`)).out, /The hospital sees that you said no/)
  assert.equal((await asked('entered twice', 'hospital-a')).state, 'kept')
  await run(`record get ${record} --as bob-li`)
  const again = await runCommand(place, ['record', 'keep', record, '--as', 'bob-li'])
  assert.notEqual(again.exit, 0)
  assert.match(again.err, /No single request of the hospital is about r-/)
})

test('whoever erases the record tells the hospital', async () => {
  await deleted('second', 'wrong person')
  const { record } = await asked('wrong person')
  const { code } = await dataOf<{ readonly code: string }>(`record erase ${record} --dry-run --as bob-li`)
  await run(`record erase ${record} --confirm ${code} --as bob-li`)
  assert.equal((await asked('wrong person', 'hospital-a')).state, 'erased')
})

test('what the hospital must keep is not erased, by the patient or by its own programs, until it is released', async () => {
  assert.match((await run('retention show')).out, /Hospital A +nothing stated/)
  assert.match(
    (await run('retention set 10y --hospital "Hospital A" --dry-run')).out,
    /Would keep for 10 years .*HospitalA/,
  )
  assert.match((await run('retention set 10y --hospital "Hospital A"')).out, /Hospital A +10 years +since/)
  assert.equal((await fhir('PUT', '/Observation/third', hba1c(bob, 43, { id: 'third' }))).status, 201)
  const [{ record }] = await dataOf<readonly [{ readonly record: string }]>('record list --limit 1 --as bob-li')
  const { code } = await dataOf<{ readonly code: string }>(`record erase ${record} --dry-run --as bob-li`)
  const refused = await runCommand(place, ['record', 'erase', record, '--confirm', code, '--as', 'bob-li'])
  assert.equal(refused.exit, 5)
  const year = new Date().getFullYear() + 10
  assert.match(refused.err, new RegExp(`Not erased: Hospital A must keep it until \\d+ \\w+ (${year}|${year + 1})\\.`))
  assert.match(refused.err, /RETENTION_APPLIES/)
  assert.match((await run('access-log --as bob-li --json')).out, /RETENTION_APPLIES/)

  const answer = await fhir('DELETE', '/Observation/third')
  assert.equal(answer.status, 409)
  const { issue } = answer.json as { readonly issue: readonly [{ readonly diagnostics: string }] }
  assert.match(issue[0].diagnostics, /HospitalA must keep it until \d{4}-/)
  assert.equal((await fhir('GET', '/Observation/third')).status, 200)

  const release = ['retention', 'release', record, '--hospital', 'hospital-a']
  assert.equal((await runCommand(place, [...release, '--reason', 'Bob asked', '--yes'])).exit, 2)
  assert.equal((await runCommand(place, [...release, '--reason', 'wrong-patient'])).exit, 2)
  await run(`retention release ${record.slice(0, 12)} --hospital hospital-a --reason wrong-patient --yes`)
  await run(`record erase ${record} --confirm ${code} --as bob-li`)
  for (const line of [
    'set 101y --hospital hospital-a',
    'set 10 --hospital hospital-a',
    'set 10y',
    'set 1y --hospital none',
  ]) {
    assert.equal((await runCommand(place, ['retention', ...wordsOf(line)])).exit, 2, line)
  }
  assert.match((await run('retention set none --hospital hospital-a')).out, /Hospital A +no time +since/)
})

test('a configuration that is no JSON is named, and left to the person', async () => {
  await run('stop')
  writeFileSync(file, '{"fhirDelete": "refuse",}')
  const { exit, text } = await system.start()
  assert.equal(exit, 2)
  assert.match(text, /The configuration of Hospital A is not JSON\./)
  assert.match(text, /hospitals\/hospital-a\/hospital\.json/)
  assert.equal(readFileSync(file, 'utf8'), '{"fhirDelete": "refuse",}')
})
