/**
 * Many records in TrustZone: a hospital stores them a hundred in a batch, the trusted application keeps within its secure
 * memory, and after a restart it has them all. TRUSTHEALTH_LONG=1: ten thousand, which takes hours under emulation;
 * TRUSTHEALTH_OPTEE_RECORDS: another number.
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
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'
import type { QemuMachine } from '../../tee/optee/src/index.ts'

const RECORDS = Number(
  process.env['TRUSTHEALTH_OPTEE_RECORDS'] ?? (process.env['TRUSTHEALTH_LONG'] === '1' ? 10_000 : 100),
)
/** Some 250 kB: more than the trusted application takes in one request. */
const AT_ONCE = 100
const PATIENTS = 3
/** A record as large as the paper's. */
const NOTE = 'no remarks '.repeat(100)
const ATTEMPTS = 20
const TOLD_EVERY = 100
const MEMORY = ['engine', 'engine-peak', 'sqlite', 'sqlite-peak', 'heap-used', 'heap-peak', 'heap']

test(`${RECORDS} records are stored within the secure memory, and are there after a restart`, async (t) => {
  let machine: QemuMachine | undefined
  await using world = await openTestWorld({ tee: opteeTee((now) => (machine = now)) })
  const tellMemory = async (when: string): Promise<void> => {
    const said = await (machine ?? assert.fail()).describe()
    t.diagnostic(`${when}: ${MEMORY.map((name) => `${name} ${said.get(name) ?? ''}`).join(', ')}`)
  }

  const hospital = world.hospital('a')
  const people: { readonly patient: PatientClient; readonly permission: IssuedWarrant }[] = []
  for (let i = 0; i < PATIENTS; i++) {
    const patient = await world.patient(`patient-${i}`)
    people.push({ patient, permission: await world.permit(patient, [hospital]) })
  }
  const personOf = (record: number) => people[record % PATIENTS] ?? assert.fail()
  await tellMemory('empty')
  const startMs = performance.now()
  let last: StoreOutcome | undefined
  for (let first = 0; first < RECORDS; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, RECORDS - first) }, (_, i) => first + i)
    const records = numbers.map((number) => {
      const { patient, permission } = personOf(number)
      return { patient: patient.ref, warrant: permission.warrant, ehr: labResult(number, NOTE) }
    })
    const outcomes = await storeAll(hospital, records)
    for (const outcome of outcomes) assert.ok(!('code' in outcome), 'code' in outcome ? outcome.code : '')
    last = outcomes.at(-1)
    const stored = first + records.length
    if (stored % TOLD_EVERY === 0) {
      await tellMemory(`${stored} records, ${Math.round((performance.now() - startMs) / 1000)} s`)
    }
  }
  assert.equal(world.server.tee.restarts, 0)
  assert.equal((await world.server.tee.request('status', {})).records, RECORDS)
  await tellMemory(`all ${RECORDS}, ${Math.round((performance.now() - startMs) / 1000)} s`)

  await world.server.stop()
  await world.server.start()
  await world.server.serving()
  assert.equal((await world.server.tee.request('status', {})).records, RECORDS)
  const { patient } = personOf(RECORDS - 1)
  const read = await patient.read((last ?? assert.fail()).recordId)
  assert.deepEqual(read.ehr, labResult(RECORDS - 1, NOTE))
  await tellMemory('after a restart')
})

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
