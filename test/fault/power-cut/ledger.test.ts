/**
 * The power goes off at every moment of an embedded ledger's files: it opens again, its chain verifies, and every
 * transaction that it acknowledged is where it was.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { LedgerNode, verifyLedger } from '../../../ledger/embedded/src/index.ts'
import {
  createPatient,
  patientRegistrationOf,
  registrationOf,
  type TestIdentity,
} from '../../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'
import { copyFolder } from '../../../testkit/src/world/index.ts'
import { checkWhole, tryMoments, type Recorded } from './moments.ts'
import { record, whyNoRecording } from './recorder.ts'

const crypto = createNodeCrypto()
const TRANSACTIONS = 8

test(
  'at every moment the ledger opens, verifies, and has what it acknowledged',
  { skip: whyNoRecording() ?? false },
  async (context) => {
    const { consortium, folder, node, a, close } = await openTestNode()
    const { genesis, nodeKey, nowMs } = consortium
    const register = (to: LedgerNode, identity: TestIdentity, registration: object) =>
      to.submit(proposalOf(consortium, identity, { fn: 'registerParticipant', args: [JSON.stringify(registration)] }))
    const reopen = (): LedgerNode => LedgerNode.open({ crypto, folder, genesis, nodeKey, nowMs })
    try {
      await register(node, a.admin, registrationOf(a.hospital))
      node.close()
      const start = copyFolder(folder)
      const recording = await record(folder)
      const placed: Awaited<ReturnType<typeof register>>[] = []
      let events: Recorded['events'] = []
      try {
        const again = reopen()
        for (let i = 0; i < TRANSACTIONS; i++) {
          placed.push(await register(again, a.hospital, patientRegistrationOf(createPatient())))
          recording.mark(placed.length)
        }
        again.close()
      } finally {
        events = await recording.stop()
      }
      const recorded = { folder, start, events }
      checkWhole(recorded, /-shm$/)
      let found = 0
      const tried = await tryMoments(recorded, async (acknowledged, where) => {
        const opened = reopen()
        try {
          for (const { block, index, transaction } of placed.slice(0, acknowledged)) {
            const there = opened.transaction(transaction.txId)
            assert.deepEqual([there?.block, there?.index], [block, index], where)
            found++
          }
        } finally {
          opened.close()
        }
        const report = await verifyLedger(folder, { crypto, genesis })
        assert.ok(report.transactions >= acknowledged, where)
      })
      assert.ok(found > tried)
      context.diagnostic(`${tried} moments of ${events.length} events, ${found} transactions found again`)
    } finally {
      close()
    }
  },
)
