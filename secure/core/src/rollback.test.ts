import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import type { ErrorCode } from '../../../shared/protocol/src/index.ts'
import { nodeCount } from '../../../shared/tlog/src/index.ts'
import type { TestIdentity } from '../../../testkit/src/consortium.ts'
import { observation, TaWorld, type Upload, type WorldPatient } from '../../../testkit/src/ta-world.ts'
import type { SqlDatabase } from './index.ts'

const folders: string[] = []
const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Scene {
  readonly world: TaWorld
  readonly doctor: TestIdentity
  readonly patient: WorldPatient
  readonly warrant: string
  readonly uploads: Upload[]
}

async function scene(records = 2): Promise<Scene> {
  const world = await TaWorld.open()
  worlds.push(world)
  const doctor = await world.doctor({ emergency: true })
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const uploads: Upload[] = []
  for (let i = 0; i < records; i++) uploads.push(await world.store(patient, { author: doctor, warrant }))
  await world.settle()
  return { world, doctor, patient, warrant, uploads }
}

/** Stops the application and copies its files. */
function copyOf(world: TaWorld): string {
  world.kill()
  const copy = mkdtempSync(join(tmpdir(), 'trusthealth-copy-'))
  folders.push(copy)
  cpSync(world.folder, copy, { recursive: true })
  return copy
}

function putBack(world: TaWorld, copy: string): void {
  world.kill()
  for (const file of readdirSync(world.folder)) rmSync(join(world.folder, file))
  cpSync(copy, world.folder, { recursive: true })
}

const anchor = async ({ world }: Scene): Promise<void> => {
  await world.ask('anchor-now', {})
  await world.settle()
}

test('an older copy of the whole store is not served: the ledger knows a newer one', async () => {
  const one = await scene()
  const { world, doctor, patient, warrant } = one
  const old = copyOf(world)
  await world.restart()
  await world.store(patient, { author: doctor, warrant })
  await anchor(one)
  putBack(world, old)
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

test('a store that told another history is not served: CHECKPOINT_FORKED', async () => {
  const one = await scene()
  const { world, doctor, patient, warrant } = one
  const fork = copyOf(world)
  await world.restart()
  await world.store(patient, { author: doctor, warrant })
  await anchor(one)
  const { epoch } = await world.ask('status', {})
  putBack(world, fork)
  // The other branch grows past the anchored size without the ledger knowing, with as many epochs.
  world.behaviour = async (effect, honest) => {
    if (effect.fx === 'anchor') await world.request('anchored', { epoch: effect.epoch })
    else if (effect.fx !== 'need') await honest(effect)
    else {
      // Not even a quorum that hides the checkpoints from it for a while makes it another one's successor.
      const { state, height } = world.ledger.snapshot()
      const hidden = new Map([...state].filter(([key]) => !key.startsWith('checkpoint')))
      const answers = await world.ledger.endorsedRead(effect.queries, effect.nonce, { state: hidden, height })
      await world.request('endorsement', { need: effect.need, answers })
    }
  }
  await world.restart()
  assert.equal(world.app.state, 'serving')
  for (let i = 0; i < 4; i++) await world.store(patient, { author: doctor, warrant })
  while ((await world.ask('status', {})).epoch <= epoch) {
    await (await world.connect(patient)).request('record.list', { patient: patient.ref })
    await world.ask('anchor-now', {})
    await world.settle()
    world.clock.advanceMs(1_000)
  }
  world.behaviour = undefined
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['CHECKPOINT_FORKED', 'stopped'])
})

test('of a copy that is as new as the newest anchored checkpoint, nothing can be told: the limit of 6.10', async () => {
  const one = await scene()
  const { world, doctor, patient, warrant } = one
  await anchor(one)
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'anchor') await honest(effect)
  }
  const old = copyOf(world)
  await world.restart()
  const later = await world.store(patient, { author: doctor, warrant })
  putBack(world, old)
  await world.restart()
  assert.equal(world.app.state, 'serving')
  // Who has the receipt can show that it is gone; the author's repetition brings it back.
  const reader = await world.connect(patient)
  const gone = reader.request('record.read', { record: later.commitment.recordId })
  await assert.rejects(gone, { code: 'ACCESS_DENIED' })
  const session = await world.connect(doctor)
  assert.ok(await session.request('record.store', { envelope: later.envelope }))
})

test('waiting changes of the state taken away: STATE_ROLLED_BACK when one is used', async () => {
  const one = await scene()
  const { world } = one
  world.inspect((database) => database.exec('DELETE FROM state_change'))
  await world.restart()
  await use(one)
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

test('a record of which the log tells taken away before it was indexed: STATE_ROLLED_BACK at the next start', async () => {
  const { world } = await scene()
  world.inspect((database) => database.exec('DELETE FROM record'))
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

test('the log cut in the middle of a transaction, with everything above it: STATE_ROLLED_BACK at the next start', async () => {
  const { world } = await scene()
  world.inspect((database) => {
    const { size } = database.prepare('SELECT max(position) AS size FROM log_entry').get() as { size: number }
    database.exec(`DELETE FROM log_entry WHERE position = ${size}`)
    database.exec(`DELETE FROM log_node WHERE id >= ${nodeCount(size)}`)
  })
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

test('the page that says whose the store is, put back from before it was anybody’s: nobody gets it with what is in it', async () => {
  const world = await TaWorld.openUnprovisioned()
  worlds.push(world)
  world.flush()
  const empty = copyOf(world)
  await world.restart()
  await world.provision()
  const author = await world.doctor()
  const patient = await world.patient()
  await world.store(patient, { author, warrant: await world.warrant(patient, [author]) })
  const page = world.inspect((database) =>
    database.prepare(`SELECT rootpage AS page FROM sqlite_master WHERE name = 'meta'`).get(),
  )?.['page']
  assert.equal(typeof page, 'number')
  world.kill()
  const store = readFileSync(join(world.folder, 'store.db'))
  const end = Number(page) * 8192
  readFileSync(join(empty, 'store.db')).copy(store, end - 8192, end - 8192, end)
  writeFileSync(join(world.folder, 'store.db'), store)
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

/** Runs what a patient does; a fatal code, or what was seen. */
async function use({ world, patient, uploads }: Scene): Promise<ErrorCode | readonly unknown[]> {
  const seen: unknown[] = []
  const look = async (): Promise<void> => {
    const session = await world.connect(patient)
    for (const { commitment } of uploads) {
      const answer = await session.answer('record.read', { record: commitment.recordId })
      seen.push([answer['ok'], answer['code'], answer['ehr'], answer['version']])
    }
    const list = await session.answer('record.list', { patient: patient.ref })
    seen.push(list['items'])
    const search = await session.answer('record.search', { text: 'hba1c' })
    seen.push(search['items'])
    const emergencies = await session.answer('emergency.list', {})
    seen.push(emergencies['items'])
    const { entries } = await session.answer('access-log', { patient: patient.ref, limit: 500 })
    seen.push((entries as readonly unknown[] | undefined)?.length)
  }
  try {
    await look()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'TEE_RESTARTED') throw error
  }
  return world.fatal ?? seen
}

test('whichever old page is put back into the newest store: it is noticed, or nothing that is seen changes', async () => {
  const one = await scene(3)
  const { world, doctor, patient, warrant, uploads } = one
  const session = await world.connect(doctor)
  const { emergency } = await session.request('emergency.open', {
    patient: patient.ref,
    reason: 'unconscious',
    text: 'unconscious on arrival',
  })
  const owner = await world.connect(patient)
  await owner.request('access-log', { patient: patient.ref })
  const old = copyOf(world)
  await world.restart()

  // Everything that an attacker may want undone.
  const again = await world.connect(patient)
  const [erased, corrected] = uploads as [Upload, Upload]
  await again.request('record.erase', { record: erased.commitment.recordId, confirm: erased.commitment.ehrHash })
  const ehr = encodeUtf8(JSON.stringify(observation({ status: 'corrected' })))
  const { recordId, ehrHash: previous } = corrected.commitment
  await world.store(patient, { author: doctor, warrant, recordId, version: 2, previous, ehr })
  await (await world.connect(doctor)).request('emergency.close', { emergency: emergency as string })
  uploads.push(await world.store(patient, { author: doctor, warrant }))
  const honest = await use(one)
  assert.ok(typeof honest !== 'string')
  await anchor(one)
  const newest = copyOf(world)
  const good = readFileSync(join(newest, 'store.db'))
  const before = readFileSync(join(old, 'store.db'))

  const pages = Array.from({ length: before.length / 8192 }, (_, i) => i).filter(
    (page) => !before.subarray(page * 8192, (page + 1) * 8192).equals(good.subarray(page * 8192, (page + 1) * 8192)),
  )
  assert.ok(pages.length >= 10, `${pages.length} pages differ`)
  let noticed = 0
  for (const page of pages) {
    putBack(world, newest)
    const bad = Buffer.from(good)
    before.copy(bad, page * 8192, page * 8192, (page + 1) * 8192)
    writeFileSync(join(world.folder, 'store.db'), bad)
    await world.restart()
    const seen = world.fatal ?? (await use(one))
    if (typeof seen === 'string') {
      assert.ok(seen === 'STATE_ROLLED_BACK' || seen === 'STORE_DAMAGED', `page ${page}: ${seen}`)
      noticed++
      continue
    }
    // All but the number of log entries, which grows with each look.
    assert.deepEqual(seen.slice(0, -1), honest.slice(0, -1), `page ${page}`)
  }
  assert.ok(noticed >= pages.length / 2, `${noticed} of ${pages.length}`)
})

/** A second version of the first record. */
async function correct({ world, doctor, patient, warrant, uploads }: Scene): Promise<void> {
  const { recordId, ehrHash: previous } = (uploads[0] as Upload).commitment
  const ehr = encodeUtf8(JSON.stringify(observation({ status: 'corrected' })))
  await world.store(patient, { author: doctor, warrant, recordId, version: 2, previous, ehr })
}

/** One row changed behind the application's back, and the request that must notice it. */
const TAMPERINGS: readonly {
  readonly what: string
  readonly change: (database: SqlDatabase) => void
  readonly cmd: string
  readonly body: (one: Scene) => Readonly<Record<string, string>>
  readonly code?: ErrorCode
  /** What the scene needs besides. */
  readonly before?: (one: Scene) => Promise<unknown>
}[] = [
  {
    what: 'a record row altered',
    change: (database) => database.exec(`UPDATE record SET ehr_type = 'other'`),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'a record row in a state that is none',
    change: (database) => database.exec('UPDATE record SET state = 7'),
    cmd: 'record.versions',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
    code: 'STORE_DAMAGED',
  },
  {
    what: 'a number that is none of ours in a record row',
    change: (database) => database.exec('UPDATE record SET stored_ms = 9007199254740993'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
    code: 'STORE_DAMAGED',
  },
  {
    what: 'a record row removed, then read',
    change: (database) => database.exec('DELETE FROM record'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'a record row removed, then listed',
    change: (database) => database.exec('DELETE FROM record WHERE id = 1'),
    cmd: 'record.list',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'the newest version removed, then read',
    before: correct,
    change: (database) => database.exec('DELETE FROM record WHERE version = 2'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'the newest version removed, then all versions asked for',
    before: correct,
    change: (database) => database.exec('DELETE FROM record WHERE version = 2'),
    cmd: 'record.versions',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'the first version removed, then all versions asked for',
    before: correct,
    change: (database) => database.exec('DELETE FROM record WHERE version = 1 AND superseded = 1'),
    cmd: 'record.versions',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'a record taken out of the patient’s list',
    change: (database) => database.exec('DELETE FROM patient_record WHERE id = 1'),
    cmd: 'record.list',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'a record moved to another patient',
    change: (database) => database.exec('UPDATE record SET patient = patient + 1 WHERE id = 1'),
    cmd: 'record.list',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'two bodies exchanged',
    change: (database) =>
      database.exec(
        'UPDATE record_body SET body = (SELECT body FROM record_body AS other WHERE other.id = 2) WHERE id = 1',
      ),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
    code: 'STORE_DAMAGED',
  },
  {
    what: 'words altered',
    change: (database) => database.exec(`UPDATE record_text SET text = 'nothing'`),
    cmd: 'record.search',
    body: () => ({ text: 'hba1c' }),
  },
  {
    what: 'words removed',
    change: (database) => database.exec('DELETE FROM record_text'),
    cmd: 'record.search',
    body: () => ({ text: 'hba1c' }),
  },
  {
    what: 'an entry of the patient’s log removed',
    change: (database) => database.exec('DELETE FROM patient_log WHERE number = 2'),
    cmd: 'access-log',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'the newest entry of the patient’s log altered',
    change: (database) =>
      database.exec(
        'UPDATE patient_log SET digest = zeroblob(32) WHERE number = (SELECT max(number) FROM patient_log AS l WHERE l.patient = patient_log.patient)',
      ),
    cmd: 'access-log',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'an entry of the patient’s log moved',
    change: (database) => database.exec('UPDATE patient_log SET log_index = log_index + 1 WHERE number = 1'),
    cmd: 'access-log',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'an entry of the log altered',
    change: (database) => database.exec('UPDATE log_entry SET body = zeroblob(3) WHERE position = 3'),
    cmd: 'access-log',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'an emergency access removed',
    change: (database) => database.exec('DELETE FROM emergency'),
    cmd: 'emergency.list',
    body: () => ({}),
  },
  {
    what: 'an emergency access lengthened',
    change: (database) => database.exec('UPDATE emergency SET until_ms = until_ms + 1'),
    cmd: 'emergency.list',
    body: () => ({}),
  },
  {
    what: 'a warrant’s text removed',
    change: (database) => database.exec('DELETE FROM warrant'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'a patient row altered',
    change: (database) => database.exec('UPDATE patient SET records = records - 1'),
    cmd: 'record.list',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'a patient row removed',
    change: (database) => database.exec('DELETE FROM patient'),
    cmd: 'record.list',
    body: ({ patient }) => ({ patient: patient.ref }),
  },
  {
    what: 'a patient row removed, then a record of the patient read',
    change: (database) => database.exec('DELETE FROM patient'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
  },
  {
    what: 'a treatment key removed',
    change: (database) => database.exec('DELETE FROM treatment_key'),
    cmd: 'record.read',
    body: ({ uploads }) => ({ record: uploads[0]?.commitment.recordId ?? '' }),
    code: 'STORE_DAMAGED',
  },
]

test('an entry of the patient’s log taken out, and the one before in its place: STATE_ROLLED_BACK', async () => {
  const { world, patient } = await scene()
  const session = await world.connect(patient)
  await session.request('access-log', { patient: patient.ref })
  world.inspect((database) => {
    const { last } = database.prepare('SELECT max(number) AS last FROM patient_log').get() as { last: number }
    database.exec(
      `UPDATE patient_log SET digest = (SELECT digest FROM patient_log AS gone WHERE gone.number = ${last - 1}) WHERE number = ${last - 2}`,
    )
    database.exec(`DELETE FROM patient_log WHERE number = ${last - 1}`)
  })
  session.request('access-log', { patient: patient.ref, limit: 2 }).catch(() => {})
  await world.settle()
  assert.deepEqual([world.fatal, world.app.state], ['STATE_ROLLED_BACK', 'stopped'])
})

for (const { what, change, cmd, body, code = 'STATE_ROLLED_BACK', before } of TAMPERINGS) {
  test(`${what}: ${code}, and the application ends`, async () => {
    const one = await scene()
    const { world, doctor, patient } = one
    await before?.(one)
    await (
      await world.connect(doctor)
    ).request('emergency.open', {
      patient: patient.ref,
      reason: 'other',
      text: 'a reason that is long enough',
    })
    const mine = await world.connect(patient)
    await mine.request('access-log', { patient: patient.ref })
    // A new start knows nothing from before; the rows are changed under it while it runs.
    await world.restart()
    const session = await world.connect(patient)
    await world.settle()
    world.inspect(change)
    session.request(cmd, body(one)).catch(() => {})
    await world.settle()
    assert.deepEqual([world.fatal, world.app.state], [code, 'stopped'])
  })
}
