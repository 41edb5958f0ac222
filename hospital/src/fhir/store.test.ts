/** Works of one moment share a transaction, and fail alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
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
