/**
 * The power goes off at every moment of a hospital's store while it takes records into its outbox: each one that it said
 * yes to is there, and the store opens.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openHospitalDatabase } from '../../../hospital/src/database.ts'
import { Outbox } from '../../../hospital/src/outbox/outbox.ts'
import { equalBytes } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { deriveTreatmentKey, newRef, sealEnvelope, type HospitalRef } from '../../../shared/protocol/src/index.ts'
import { commitGroup } from '../../../testkit/src/suites/ledger-world.ts'
import { copyFolder } from '../../../testkit/src/world/index.ts'
import { checkWhole, tryMoments, type Recorded } from './moments.ts'
import { record, whyNoRecording } from './recorder.ts'

const crypto = createNodeCrypto()
const RECORDS = 8

test(
  'at every moment the outbox opens with everything that it took',
  { skip: whyNoRecording() ?? false },
  async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'trusthealth-outbox-'))
    try {
      openHospitalDatabase(folder).close()
      const author = { ref: newRef(crypto, 'h') satisfies HospitalRef, signingKey: crypto.generateSigningKey() }
      const patient = newRef(crypto, 'p')
      const key = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
      const kept = Array.from({ length: RECORDS }, () => ({
        group: commitGroup(author, patient),
        envelope: sealEnvelope(crypto, key, patient, 'record', crypto.randomBytes(3_000)),
      }))
      const start = copyFolder(folder)
      const recording = await record(folder)
      let events: Recorded['events'] = []
      try {
        const database = openHospitalDatabase(folder)
        const outbox = new Outbox(database)
        for (const [i, { group, envelope }] of kept.entries()) {
          outbox.keep(group, envelope, 1_000 + i)
          recording.mark(i + 1)
        }
        database.close()
      } finally {
        events = await recording.stop()
      }
      const recorded = { folder, start, events }
      checkWhole(recorded, /-shm$/)
      let found = 0
      const tried = await tryMoments(recorded, async (acknowledged, where) => {
        const database = openHospitalDatabase(folder)
        try {
          const outbox = new Outbox(database)
          for (const { group, envelope } of kept.slice(0, acknowledged)) {
            const content = outbox.content(group.items[0]?.recordId ?? '', 1)
            assert.ok(content !== undefined && equalBytes(content.envelope, envelope), where)
            found++
          }
          assert.equal(database.pragma('integrity_check', { simple: true }), 'ok', where)
        } finally {
          database.close()
        }
      })
      assert.ok(found > tried)
      context.diagnostic(`${tried} moments of ${events.length} events, ${found} records found again`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
