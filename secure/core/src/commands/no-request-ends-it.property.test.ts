import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { newId, newRecordId, newRef, type CborValue } from '../../../../shared/protocol/src/index.ts'
import { TaWorld } from '../../../../testkit/src/ta-world.ts'
import { COMMANDS } from './table.ts'

const world = await TaWorld.open()
after(() => world.close())
const doctor = await world.doctor({ emergency: true })
const patient = await world.patient()
const other = await world.patient()
const warrant = await world.warrant(patient, [doctor])
const first = await world.store(patient, { author: doctor, warrant })
const gone = await world.store(patient, { author: doctor, warrant })
const byPatient = await world.connect(patient)
await byPatient.request('record.erase', { record: gone.commitment.recordId, confirm: gone.commitment.ehrHash })
const byDoctor = await world.connect(doctor)
const { emergency } = await byDoctor.request('emergency.open', {
  patient: patient.ref,
  reason: 'other',
  text: 'a reason that is long enough',
})
const sessions = [
  byPatient,
  byDoctor,
  await world.connect(world.hospital),
  await world.connect(world.organizations[1].hospital),
  await world.connect(other),
  await world.connect(await world.auditor()),
]

const record = fc.constantFrom<CborValue>(
  first.commitment.recordId,
  gone.commitment.recordId,
  newRecordId(world.crypto, world.clock.nowMs()),
)
const patientRef = fc.constantFrom<CborValue>(patient.ref, other.ref, newRef(world.crypto, 'p'))
const number = fc.constantFrom<CborValue>(0, 1, 2, 7, 500, 2 ** 40)
const digest = fc.constantFrom<CborValue>(first.commitment.ehrHash, gone.commitment.ehrHash, new Uint8Array(32))
const envelope = fc.constantFrom<CborValue>(
  first.envelope,
  gone.envelope,
  world.upload(patient, { author: doctor, warrant }).envelope,
  new Uint8Array(5),
)
const word = fc.constantFrom<CborValue>('hba1c', '', '"', '4548-4', 'é', '!!')
const cursor = fc.constantFrom<CborValue>(
  '1',
  '3-1',
  '0',
  `2-${'0'.repeat(64)}`,
  `1-${encodeHex(new Uint8Array(32))}`,
  '-',
)

/** Values for members by their names; whatever a command does not know makes it refuse, which is a case too. */
const MEMBERS: Readonly<Record<string, fc.Arbitrary<CborValue>>> = {
  record,
  records: fc.array(record, { maxLength: 3 }),
  patient: patientRef,
  version: number,
  minHeight: fc.constantFrom<CborValue>(0, 1, world.ledger.height),
  purpose: fc.constantFrom<CborValue>('TREAT', 'HRESCH', 'x'),
  limit: number,
  cursor,
  ehrType: fc.constantFrom<CborValue>('lab', 'imaging', 'x'),
  resourceType: word,
  code: word,
  text: fc.constantFrom<CborValue>('hba1c', 'unconscious on arrival', '', '"'),
  fromMs: number,
  toMs: number,
  confirm: digest,
  envelope,
  envelopes: fc.array(envelope, { maxLength: 3 }),
  warrant: fc.constantFrom<CborValue>(warrant, 'a.b.c', ''),
  ptk: fc.constantFrom<CborValue>(patient.ptk, new Uint8Array(32)),
  name: word,
  ref: fc.constantFrom<CborValue>(doctor.ref, newRef(world.crypto, 'd')),
  department: word,
  emergency: fc.constantFrom<CborValue>(emergency as string, newId(world.crypto, 'e'), true),
  reason: fc.constantFrom<CborValue>('other', 'x'),
  index: number,
  size: number,
  from: number,
  to: number,
  data: fc.constant<CborValue>(new Uint8Array(3)),
  kind: fc.constant<CborValue>('record'),
}

/** Which members a command has, found out by asking its shape. */
const KNOWN = new Map<string, readonly string[]>()
for (const [cmd, { shape }] of Object.entries(COMMANDS)) {
  const known = Object.keys(MEMBERS).filter((name) => {
    try {
      shape({ cmd, [name]: {} }, '')
      return true
    } catch (error) {
      return !/unknown member/.test((error as Error).message)
    }
  })
  KNOWN.set(cmd, known)
}

const request = fc.constantFrom(...Object.keys(COMMANDS)).chain((cmd) => {
  const members = KNOWN.get(cmd) ?? []
  const shape = Object.fromEntries(members.map((name) => [name, MEMBERS[name] as fc.Arbitrary<CborValue>]))
  return fc.record({
    cmd: fc.constant(cmd),
    who: fc.nat({ max: sessions.length - 1 }),
    body: fc.record(shape, { requiredKeys: [] }),
  })
})

test('no request of anybody ends the application: it is answered or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
      const answers = requests.map(({ cmd, who, body }) =>
        (sessions[who] as (typeof sessions)[number]).answer(cmd, body as Readonly<Record<string, CborValue>>),
      )
      await world.settle()
      world.clock.advanceMs(31_000)
      world.tick()
      for (const answer of await Promise.all(answers)) {
        assert.ok(answer['ok'] === true || typeof answer['code'] === 'string')
        assert.notEqual(answer['code'], 'TEE_FAULT')
      }
      assert.equal(world.app.state, 'serving')
    }),
    { numRuns: 60 },
  )
})

test('the requests were made of members that the commands have, and the application still serves', async () => {
  assert.ok([...KNOWN.values()].filter((members) => members.length > 0).length >= 18)
  const again = await world.connect(patient)
  // One of the requests may have erased a record.
  assert.ok(await again.request('record.list', { patient: patient.ref }))
})
