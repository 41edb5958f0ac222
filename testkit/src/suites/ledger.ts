/**
 * The suite that every implementation of the Ledger port passes: the embedded ledger in its process and over HTTP, and
 * Hyperledger Fabric. Every function of docs/protocol/07-ledger.md §7.2 with what it does and every way it refuses.
 *
 * @module
 */
import { after, before, describe } from 'node:test'
import { createConsortium } from '../consortium.ts'
import { describeCommitments } from './ledger-commitments.ts'
import { describeParticipants } from './ledger-participants.ts'
import { describePatients } from './ledger-patients.ts'
import { describePermissions } from './ledger-permissions.ts'
import { describePort } from './ledger-port.ts'
import { describeRetention } from './ledger-retention.ts'
import { type LedgerWorld, openLedgerWorld, type OpenLedger } from './ledger-world.ts'

export type { LedgerUnderTest, OpenLedger } from './ledger-world.ts'

/** @param open makes an empty ledger of the consortium; the suite closes it. */
export function describeLedger(name: string, open: OpenLedger): void {
  describe(`ledger: ${name}`, () => {
    let opened: LedgerWorld | undefined
    const world = () => {
      if (opened === undefined) throw new Error('the ledger was not opened')
      return opened
    }
    before(async () => {
      const consortium = await createConsortium({ names: ['HospitalA', 'HospitalB', 'Silent'] })
      opened = await openLedgerWorld(consortium, await open(consortium))
    })
    after(() => opened?.close())

    describePort(world)
    describeParticipants(world)
    describePatients(world)
    describePermissions(world)
    describeCommitments(world)
    describeRetention(world)
  })
}
