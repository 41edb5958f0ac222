import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TaWorld } from '../../../testkit/src/ta-world.ts'
import { verifyReceipt } from '../../../shared/protocol/src/index.ts'

const world = await TaWorld.open()
after(() => world.close())

test('a record goes from the doctor to the store, to the ledger, to the patient', async () => {
  const doctor = await world.doctor()
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const upload = world.upload(patient, { author: doctor, warrant })
  const session = await world.connect(doctor)
  const stored = session.request('record.store', { envelope: upload.envelope })
  await world.commit(upload)
  const { receipt } = await stored
  const key = world.crypto.importVerifyingKey(world.registration().identityKey)
  const checked = verifyReceipt(world.crypto, receipt as string, {
    server: world.serverRef,
    key,
    commitment: upload.commitment,
  })
  assert.equal(checked.recordId, upload.commitment.recordId)
  const reader = await world.connect(patient)
  const read = await reader.request('record.read', { record: upload.commitment.recordId })
  assert.deepEqual(read['ehr'], upload.ehr)
  assert.equal(world.fatal, undefined)
})
