/**
 * Many records in TrustZone: a hospital stores them a hundred in a batch, and what the trusted application keeps in its
 * secure memory does not grow with them; it lists and gives out what it has, after a restart, too. TRUSTHEALTH_LONG=1:
 * ten thousand, twenty minutes and more under emulation; TRUSTHEALTH_OPTEE_RECORDS: another number.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isUnavailable,
  type HospitalClient,
  type IssuedWarrant,
  type NewRecord,
  type PatientClient,
  type StoreOutcome,
} from '../../clients/sdk/src/index.ts'
import type { RecordId } from '../../shared/protocol/src/index.ts'
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'
import type { QemuMachine } from '../../tee/optee/src/index.ts'

const RECORDS = Number(
  process.env['TRUSTHEALTH_OPTEE_RECORDS'] ?? (process.env['TRUSTHEALTH_LONG'] === '1' ? 10_000 : 400),
)
/** Some 250 kB: more than the trusted application takes in one request. */
const AT_ONCE = 100
const PATIENTS = 3
/**
 * Words of a note, no two the same in all records: what is collected for the index of words until a transaction ends was
 * more than the secure heap has, and a store with real records in it did not open any more.
 */
const WORDS = 150
const ATTEMPTS = 20
/** Read again after the restart, evenly spread over all. */
const SAMPLES = 20
const MOST_TOLD = 10
/**
 * Between a half and all of the records: what waits for the next writing of the indexes comes and goes. A record that
 * stayed in memory would take 8 KiB.
 */
const MAX_GROWTH_KIB = 256
const MEMORY = ['engine-live', 'engine-peak', 'engine-taken-peak', 'sqlite-peak', 'heap-peak']

test(`${RECORDS} records are stored within the secure memory, and are there after a restart`, async (t) => {
  let machine: QemuMachine | undefined
  await using world = await openTestWorld({ tee: opteeTee((now) => (machine = now)) })
  const memory = async (when: string): Promise<ReadonlyMap<string, number>> => {
    const said = await (machine ?? assert.fail()).describe()
    const kib = new Map(MEMORY.map((name) => [name, Math.round(Number(said.get(name)) / 1024)]))
    t.diagnostic(`${when}: ${[...kib].map(([name, value]) => `${name} ${value}`).join(', ')} KiB`)
    return kib
  }

  const hospital = world.hospital('a')
  const people: { readonly patient: PatientClient; readonly permission: IssuedWarrant }[] = []
  for (let i = 0; i < PATIENTS; i++) {
    const patient = await world.patient(`patient-${i}`)
    people.push({ patient, permission: await world.permit(patient, [hospital]) })
  }
  const personOf = (record: number) => people[record % PATIENTS] ?? assert.fail()
  await memory('empty')
  const startMs = performance.now()
  const tellEvery = AT_ONCE * Math.ceil(RECORDS / AT_ONCE / MOST_TOLD)
  const stored: RecordId[] = []
  let live: number | undefined
  while (stored.length < RECORDS) {
    const count = Math.min(AT_ONCE, RECORDS - stored.length)
    const records = Array.from({ length: count }, (_, i) => {
      const number = stored.length + i
      const { patient, permission } = personOf(number)
      return { patient: patient.ref, warrant: permission.warrant, ehr: labResult(number, noteOf(number)) }
    })
    for (const outcome of await storeAll(hospital, records)) {
      assert.ok(!('code' in outcome), 'code' in outcome ? outcome.code : '')
      stored.push(outcome.recordId)
    }
    const isHalf = stored.length >= RECORDS / 2 && live === undefined
    if (!isHalf && stored.length % tellEvery !== 0 && stored.length < RECORDS) continue
    const seconds = (performance.now() - startMs) / 1000
    const rate = (stored.length / seconds).toFixed(1)
    const kib = await memory(`${stored.length} records, ${Math.round(seconds)} s, ${rate} a second`)
    if (isHalf) live = kib.get('engine-live')
    else if (stored.length === RECORDS) assert.ok((kib.get('engine-live') ?? NaN) <= (live ?? NaN) + MAX_GROWTH_KIB)
  }
  assert.equal(world.server.tee.restarts, 0)
  assert.equal((await world.server.tee.request('status', {})).records, RECORDS)

  await world.server.stop()
  await world.server.start()
  await world.server.serving()
  assert.equal((await world.server.tee.request('status', {})).records, RECORDS)
  for (let i = 0; i < SAMPLES; i++) {
    const number = Math.floor((i * (RECORDS - 1)) / (SAMPLES - 1))
    const read = await personOf(number).patient.read(stored[number] ?? assert.fail())
    assert.deepEqual(read.ehr, labResult(number, noteOf(number)))
  }
  for (const { patient } of people) {
    const { items, cursor } = await patient.list(patient.ref)
    const before = await patient.list(patient.ref, { cursor: cursor ?? assert.fail('all on one page') })
    assert.ok(before.items.length > 0)
    assert.notEqual(before.items[0]?.record, items[0]?.record)
  }
  await memory(`restarted, ${SAMPLES} read, ${PATIENTS} lists`)
})

/** A record as large as the paper's. */
function noteOf(record: number): string {
  return Array.from({ length: WORDS }, (_, i) => `w${(record * WORDS + i).toString(36)}`).join(' ')
}

/** As an import does: while a part is away or has too much to do, the same records go again, and are stored once. */
async function storeAll(hospital: HospitalClient, records: readonly NewRecord[]): Promise<readonly StoreOutcome[]> {
  const prepared = await Promise.all(records.map((record) => hospital.prepare(record)))
  for (let attempt = 1; ; attempt++) {
    try {
      return await hospital.sendMany(prepared)
    } catch (error) {
      if (!isUnavailable(error) || attempt === ATTEMPTS) throw error
    }
  }
}
