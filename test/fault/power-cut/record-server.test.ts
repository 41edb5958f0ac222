/**
 * The power goes off at every moment of the record server's store: what it wrote is recorded, and the trusted application
 * is started from what the disk may have had then. It must start, and have every record that it had acknowledged.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equalBytes } from '../../../shared/crypto/src/index.ts'
import { TaWorld, type Upload } from '../../../testkit/src/ta-world.ts'
import { copyFolder } from '../../../testkit/src/world/index.ts'
import type { Files } from './disk.ts'
import { checkWhole, tryMoments, type Recorded } from './moments.ts'
import { record, whyNoRecording } from './recorder.ts'

const skip = whyNoRecording() ?? false
const RECORDS = 6

/** Some uploads and a read, then the application ends, which folds its write-ahead log into the file. */
async function recordUploads(world: TaWorld): Promise<{
  readonly recorded: Recorded
  readonly uploads: readonly Upload[]
  readonly patient: Awaited<ReturnType<TaWorld['patient']>>
}> {
  const doctor = await world.doctor()
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  await world.settle()
  // Nothing is anchored: with what the ledger would know, some of these moments would rightly be too old.
  world.behaviour = async (effect, honest) => {
    if (effect.fx !== 'anchor') await honest(effect)
  }
  world.kill()
  const start: Files = copyFolder(world.folder)
  const uploads: Upload[] = []
  const recording = await record(world.folder)
  let events: Recorded['events'] = []
  try {
    await world.restart()
    const author = await world.connect(doctor)
    for (let i = 0; i < RECORDS; i++) {
      const upload = world.upload(patient, { author: doctor, warrant })
      const stored = author.request('record.store', { envelope: upload.envelope })
      await world.commit(upload)
      await stored
      uploads.push(upload)
      recording.mark(uploads.length)
    }
    const reader = await world.connect(patient)
    await reader.request('record.read', { record: (uploads[0] as Upload).commitment.recordId })
    await world.settle()
    world.kill()
  } finally {
    events = await recording.stop()
  }
  return { recorded: { folder: world.folder, start, events }, uploads, patient }
}

test('at every moment the record server starts again with everything it acknowledged', { skip }, async (context) => {
  const world = await TaWorld.open()
  try {
    const { recorded, uploads, patient } = await recordUploads(world)
    checkWhole(recorded)
    let served = 0
    const tried = await tryMoments(recorded, async (acknowledged, where) => {
      await world.restart()
      assert.equal(world.app.state, 'serving', `${where}: ${world.fatal ?? ''}`)
      const reader = await world.connect(patient)
      for (const { commitment, ehr } of uploads.slice(0, acknowledged)) {
        const answer = await reader.request('record.read', { record: commitment.recordId })
        assert.ok(equalBytes(answer['ehr'] as Uint8Array, ehr), where)
        served++
      }
      world.kill()
    })
    assert.ok(served > tried, `${served} reads at ${tried} moments`)
    context.diagnostic(`${tried} moments of ${recorded.events.length} events, ${served} records read again`)
  } finally {
    world.close()
  }
})

test('a disk that loses what was synced is found by this suite', { skip }, async () => {
  const world = await TaWorld.open()
  try {
    const { recorded, uploads, patient } = await recordUploads(world)
    // Every sync is a lie: nothing but what was there at the beginning survives.
    const events = recorded.events.filter(({ kind }) => kind !== 'sync' && kind !== 'truncate')
    const lost: string[] = []
    await tryMoments({ ...recorded, events }, async (acknowledged, where) => {
      await world.restart()
      if (world.app.state !== 'serving') lost.push(where)
      else {
        const reader = await world.connect(patient)
        for (const { commitment } of uploads.slice(0, acknowledged)) {
          const answer = reader.answer('record.read', { record: commitment.recordId })
          // The application may also end when it finds out.
          const isThere = await answer.then(
            ({ ok }) => ok === true,
            () => false,
          )
          if (!isThere) lost.push(where)
        }
      }
      world.kill()
    })
    assert.ok(lost.length > 0)
  } finally {
    world.close()
  }
})
