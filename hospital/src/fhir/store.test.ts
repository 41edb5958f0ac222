/** Works of one moment share a transaction, and fail alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import { openHospitalDatabase } from '../database.ts'
import { FhirStore } from './store.ts'

test('each of many works is kept or fails by itself; what threw left nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-fhir-store-'))
  const db = openHospitalDatabase(folder)
  try {
    const store = new FhirStore(db)
    const row = (id: string) => ({ type: 'Location', id, version: 1, changedMs: 1, values: {} })
    const failing = new Error('no')
    const outcomes = await Promise.allSettled([
      store.together(() => store.put(row('first'))),
      store.together(() => {
        store.put(row('half'))
        throw failing
      }),
      store.together(() => {
        store.atOnce(() => store.put(row('last')))
        return 'value'
      }),
    ])
    assert.deepEqual(outcomes, [
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: failing },
      { status: 'fulfilled', value: 'value' },
    ])
    assert.equal(db.inTransaction, false)
    assert.deepEqual(
      ['first', 'half', 'last'].map((id) => store.find('Location', id)?.id),
      ['first', undefined, 'last'],
    )
    await store.together(() => store.put(row('later')))
    assert.equal(store.find('Location', 'later')?.id, 'later')
  } finally {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('what was indexed by other tables is indexed again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-fhir-store-'))
  const db = openHospitalDatabase(folder)
  try {
    const store = new FhirStore(db)
    const patient = `p-${'1'.repeat(32)}` as PatientRef
    const record = (n: number) => `r-${String(n).repeat(32)}` as RecordId
    const location = { type: 'Location', id: 'a', version: 1, changedMs: 1, values: {} }
    store.putLocal(location, '{"resourceType":"Location","id":"a","name":"Ward 1"}')
    const own = { type: 'Observation', patient, version: 2, changedMs: 1, values: {} }
    store.put({ ...own, id: 'b', record: record(1) })
    store.put({ ...own, id: 'c', record: record(2), gone: 'deleted' })
    store.setStamp(patient, '4')
    assert.deepEqual(new FhirStore(db).find('Location', 'a')?.values, {})

    db.prepare(`UPDATE fhir_index SET tables = 'other'`).run()
    const again = new FhirStore(db)
    assert.deepEqual(again.find('Location', 'a')?.values['name'], ['Ward 1'])
    // Read again from the record server when it is searched.
    assert.equal(again.find('Observation', 'b')?.version, 0)
    assert.equal(again.stampOf(patient), undefined)
    assert.deepEqual([again.find('Observation', 'c')?.version, again.find('Observation', 'c')?.gone], [2, 'deleted'])
  } finally {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
