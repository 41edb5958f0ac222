/**
 * The machine's clock jumps: some minutes, hours, days, years, forward and back. The ledger's time counts. What is further
 * off than five minutes is refused as CLOCK_SKEW, or the credential as one that is not in its period; nothing is opened
 * early or late, nothing is lost, and with a good clock everything goes on by itself (docs/operations/faults.md).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TestIdentity } from '../../testkit/src/consortium.ts'
import { TaWorld, type Upload, type WorldPatient } from '../../testkit/src/ta-world.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

let world: TaWorld
let doctor: TestIdentity
let patient: WorldPatient
let warrant: string
let stored: Upload

before(async () => {
  world = await TaWorld.open()
  doctor = await world.doctor()
  patient = await world.patient()
  warrant = await world.warrant(patient, [doctor])
  stored = await world.store(patient, { author: doctor, warrant })
})
after(() => world?.close())

/** The machine's clock is off by so much, the ledger's is right. */
function setSkew(skewMs: number): void {
  const trueMs = world.clock.nowMs() + world.ledgerOffsetMs
  world.clock.setNowMs(trueMs + skewMs)
  world.ledgerOffsetMs = -skewMs
}

for (const minutes of [-4, 4]) {
  test(`${minutes} minutes: tolerated`, async () => {
    setSkew(minutes * MINUTE_MS)
    const session = await world.connect(doctor)
    assert.ok(await session.request('record.read', { record: stored.commitment.recordId }))
    setSkew(0)
  })
}

const JUMPS = {
  'ten minutes': 10 * MINUTE_MS,
  'five hours': 300 * MINUTE_MS,
  'three days': 3 * DAY_MS,
  'twenty years': 7_300 * DAY_MS,
}
for (const [much, jumpMs] of Object.entries(JUMPS)) {
  for (const [way, skewMs] of [
    ['forward', jumpMs],
    ['back', -jumpMs],
  ] as const) {
    test(`${much} ${way}: refused with a code, and by itself well again`, async () => {
      const open = await world.connect(doctor)
      const upload = world.upload(patient, { author: doctor, warrant })
      setSkew(skewMs)
      await assert.rejects(open.request('record.read', { record: stored.commitment.recordId }), { code: 'CLOCK_SKEW' })
      await assert.rejects(open.request('record.store', { envelope: upload.envelope }), { code: 'CLOCK_SKEW' })
      // A certificate's period is looked at first: of some jumps this refuses new sessions.
      const joined = await world.connect(patient).then(
        () => 'open',
        (error: unknown) => (error as { readonly code?: unknown }).code,
      )
      assert.ok(joined === 'open' || joined === 'CREDENTIAL_REJECTED', String(joined))
      assert.equal(world.app.state, 'serving')
      setSkew(0)
      const again = open.request('record.store', { envelope: upload.envelope })
      await world.commit(upload)
      await again
      const reader = await world.connect(patient)
      const { ehr } = await reader.request('record.read', { record: stored.commitment.recordId })
      assert.deepEqual(ehr, stored.ehr)
    })
  }
}

test('a start with a clock that is days off: it serves, refuses, and goes on when the clock is right', async () => {
  setSkew(3 * DAY_MS)
  await world.restart()
  assert.equal(world.app.state, 'serving')
  setSkew(0)
  const reader = await world.connect(patient)
  assert.ok(await reader.request('record.read', { record: stored.commitment.recordId }))
})
