import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TaWorld } from '../../../testkit/src/ta-world.ts'
import { SMALL_LIMITS } from './limits.ts'

for (const listedRows of [2, 3, 4]) {
  test(`what does not fit into memory is stored, listed and read, with ${listedRows} rows kept`, () =>
    storeMore(listedRows))
}

/** Four patients with three records each. */
async function storeMore(listedRows: number): Promise<void> {
  const world = await TaWorld.open({
    limits: { ...SMALL_LIMITS, patients: 2, warrants: 2, listedRows, stateChanges: 8, unindexed: 5 },
  })
  try {
    const doctor = await world.doctor()
    const people = []
    for (let i = 0; i < 4; i++) {
      const patient = await world.patient()
      people.push({ patient, warrant: await world.warrant(patient, [doctor]) })
    }
    for (let i = 0; i < 3; i++) {
      for (const { patient, warrant } of people) {
        await world.store(patient, { author: doctor, warrant })
        const { items } = await (await world.connect(patient)).request('record.list', { patient: patient.ref })
        assert.equal((items as readonly unknown[]).length, i + 1)
      }
    }
    for (let start = 0; start < 2; start++) {
      for (const { patient } of people) {
        const session = await world.connect(patient)
        const { items } = await session.request('record.list', { patient: patient.ref })
        const records = (items as readonly { readonly record: string }[]).map(({ record }) => record)
        assert.equal(records.length, 3)
        for (const record of records) assert.ok((await session.request('record.read', { record }))['ehr'])
      }
      await world.restart()
    }
  } finally {
    world.close()
  }
}
