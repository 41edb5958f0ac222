/**
 * The life of a record (docs/life-of-a-record.md) through every part of the system: the embedded ledger, two hospital
 * services, the record server with the real trusted application, the clients of the SDK.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealOf } from '../../clients/sdk/src/index.ts'
import { decodeUtf8 } from '../../shared/crypto/src/index.ts'
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'

test('a result goes from the doctor to the store, to the ledger, to the patient, and can be checked', async () => {
  await using world = await openTestWorld()
  const bob = await world.patient('bob')
  const alice = await world.doctor('alice')
  const { warrant } = await world.permit(bob, [alice])
  const ehr = labResult(47, world.canary())
  const stored = await alice.store({ patient: bob.ref, warrant, ehr })
  const answer = await bob.read(stored.recordId)
  assert.equal(decodeUtf8(answer.ehr), decodeUtf8(ehr))
  const report = await bob.verify(answer)
  assert.deepEqual(
    report.checks.filter(({ result }) => result !== 'pass'),
    [],
  )
  assert.equal(sealOf(report, { date: String, time: String }).word, 'Verified unchanged (practice)')
  const { records, checks, blocks } = await world.verifyEverything()
  assert.deepEqual([records, checks], [1, 7])
  assert.ok(blocks > 5)
})
