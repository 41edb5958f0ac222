import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { verifyReceipt } from '../../../../shared/protocol/src/index.ts'
import { StorageError, type DatabasePort } from '../index.ts'
import { TaWorld, type Upload, type WorldPatient } from '../../../../testkit/src/ta-world.ts'
import type { TestIdentity } from '../../../../testkit/src/consortium.ts'

interface Scene {
  readonly world: TaWorld
  readonly doctor: TestIdentity
  readonly patient: WorldPatient
  readonly warrant: string
}

const worlds: TaWorld[] = []
after(() => {
  for (const world of worlds) world.close()
})

async function scene(options: Parameters<typeof TaWorld.open>[0] = {}): Promise<Scene> {
  const world = await TaWorld.open(options)
  worlds.push(world)
  const doctor = await world.doctor()
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  await world.settle()
  return { world, doctor, patient, warrant }
}

/** Everything that must hold after any crash and a repeated upload: the record is there once, and its receipt is good. */
async function checkStoredOnce(
  { world, doctor, patient }: Scene,
  upload: Upload,
  recordsBefore: number,
): Promise<void> {
  const { recordId } = upload.commitment
  const session = await world.connect(doctor)
  const answered = session.request('record.store', { envelope: upload.envelope })
  if (world.ledger.findCommitted(recordId, 1) === undefined) await world.commit(upload)
  const { receipt, log } = await answered
  verifyReceipt(world.crypto, receipt as string, {
    server: world.serverRef,
    key: world.crypto.importVerifyingKey(world.registration().identityKey),
    commitment: upload.commitment,
  })
  world.verifyLogProof(log, { kind: 'store', record: recordId })
  assert.equal((await world.ask('status', {})).records, recordsBefore + 1)
  const reader = await world.connect(patient)
  assert.deepEqual((await reader.request('record.read', { record: recordId }))['ehr'], upload.ehr)
  const { entries } = await reader.request('access-log', { patient: patient.ref, limit: 500 })
  const stores = (entries as readonly Readonly<Record<string, unknown>>[]).filter(
    ({ kind, records }) => kind === 'store' && JSON.stringify(records).includes(recordId),
  )
  assert.equal(stores.length, 1)
  const { items } = await reader.request('record.list', { patient: patient.ref })
  assert.equal((items as readonly unknown[]).length, recordsBefore + 1)
}

/**
 * Runs an upload until the host has given the application `calls` messages or rounds, then kills it: in a round either
 * before anything is durable, or after it with all its answers lost.
 * @returns whether the upload had been answered before that.
 */
async function crashAfter({ world, doctor }: Scene, upload: Upload, calls: number, lost: boolean): Promise<boolean> {
  const session = await world.connect(doctor)
  await world.settle()
  let left = calls
  let isDead = false
  let isAnswered = false
  const { app } = world
  const die = (): void => {
    isDead = true
    setImmediate(() => world.abandon())
  }
  world.app = {
    get state() {
      return app.state
    },
    get isDue() {
      return app.isDue
    },
    get isFatal() {
      return app.isFatal
    },
    handle(message) {
      if (!isDead && left-- > 0) app.handle(message)
      else die()
    },
    commit() {
      if (isDead) return []
      if (left-- > 0) return app.commit()
      if (lost) app.commit()
      die()
      return []
    },
  }
  const answered = session.request('record.store', { envelope: upload.envelope }).then(
    () => (isAnswered = true),
    () => {},
  )
  await world.commit(upload)
  await world.settle()
  world.abandon()
  await answered
  return isAnswered
}

for (const lost of [false, true]) {
  const when = lost ? 'after each commit, its answers lost' : 'before each commit'
  test(`a crash ${when}: nothing acknowledged is lost, nothing is stored twice`, async () => {
    const one = await scene()
    const { world, doctor, patient, warrant } = one
    let records = 0
    for (let calls = 0; ; calls++) {
      const upload = world.upload(patient, { author: doctor, warrant })
      const isAnswered = await crashAfter(one, upload, calls, lost)
      await world.restart()
      assert.equal(world.app.state, 'serving', `after ${calls} calls`)
      const { waiting } = await world.ask('status', {})
      assert.ok(!isAnswered || waiting === 0)
      await checkStoredOnce(one, upload, records)
      records++
      if (isAnswered) break
      assert.ok(calls < 60)
    }
    assert.ok(records > 6)
  })
}

test('a record that was staged before a crash is completed by its commitment, without its client', async () => {
  const one = await scene()
  const { world, doctor, patient, warrant } = one
  const upload = world.upload(patient, { author: doctor, warrant })
  const session = await world.connect(doctor)
  session.request('record.store', { envelope: upload.envelope }).catch(() => {})
  await world.settle()
  assert.equal((await world.ask('status', {})).waiting, 1)
  await world.restart()
  assert.equal((await world.ask('status', {})).waiting, 1)
  await world.commit(upload)
  await world.settle()
  const { waiting, records } = await world.ask('status', {})
  assert.deepEqual([waiting, records], [0, 1])
  await checkStoredOnce(one, upload, 0)
})

/** A database whose commits fail from a chosen moment on. */
function failing(): { readonly wrap: (port: DatabasePort) => DatabasePort; fail: boolean } {
  const fault = {
    fail: false,
    wrap: (port: DatabasePort): DatabasePort => ({
      open: (name, key) => {
        const database = port.open(name, key)
        return {
          ...database,
          exec(sql) {
            if (fault.fail && sql === 'COMMIT') throw new StorageError('STORE_FAILED', 'the disk is full')
            database.exec(sql)
          },
        }
      },
    }),
  }
  return fault
}

test('a commit that fails ends the application: no answer of its round leaves, and nothing is lost', async () => {
  const fault = failing()
  const one = await scene({ database: fault.wrap })
  const { world, doctor, patient, warrant } = one
  const stored = await world.store(patient, { author: doctor, warrant })
  const session = await world.connect(patient)
  await world.settle()
  fault.fail = true
  let isAnswered = false
  session.request('record.read', { record: stored.commitment.recordId }).then(
    () => (isAnswered = true),
    () => {},
  )
  await world.settle()
  assert.deepEqual([world.fatal, world.app.state, isAnswered], ['STORE_FAILED', 'stopped', false])
  world.app.handle(new Uint8Array(1))
  assert.deepEqual(world.app.commit(), [])
  fault.fail = false
  await world.restart()
  await checkStoredOnce(one, stored, 0)
})

test('a fault in one command is refused as TEE_FAULT while nothing was written, and ends everything after a write', async () => {
  let failOn = ''
  const one = await scene({
    database: (port) => ({
      open: (name, key) => {
        const database = port.open(name, key)
        return {
          ...database,
          prepare(sql) {
            const statement = database.prepare(sql)
            const check = <T>(result: T): T => {
              if (failOn !== '' && sql.includes(failOn)) throw new TypeError('a fault of our own')
              return result
            }
            return {
              run: (...parameters) => statement.run(...check(parameters)),
              get: (...parameters) => statement.get(...check(parameters)),
              all: (...parameters) => statement.all(...check(parameters)),
              iterate: (...parameters) => statement.iterate(...check(parameters)),
            }
          },
        }
      },
    }),
  })
  const { world, doctor, patient, warrant } = one
  const stored = await world.store(patient, { author: doctor, warrant })
  const session = await world.connect(patient)
  failOn = 'SELECT body FROM record_body'
  await assert.rejects(session.request('record.read', { record: stored.commitment.recordId }), { code: 'TEE_FAULT' })
  assert.equal(world.app.state, 'serving')
  failOn = ''
  assert.ok(await session.request('record.read', { record: stored.commitment.recordId }))

  failOn = 'INSERT INTO record_body'
  const next = world.upload(patient, { author: doctor, warrant })
  const author = await world.connect(doctor)
  author.request('record.store', { envelope: next.envelope }).catch(() => {})
  await world.settle()
  assert.deepEqual([world.fatal, world.app.state], ['TEE_FAULT', 'stopped'])
  failOn = ''
  await world.restart()
  await checkStoredOnce(one, next, 1)
})
