/**
 * The examples of the SDK run, one for each client, against a whole system.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { auditEverything } from '../../clients/sdk/examples/auditor.ts'
import { storeAndCorrect } from '../../clients/sdk/examples/doctor.ts'
import { inviteAndRegister } from '../../clients/sdk/examples/hospital.ts'
import { lookShareAndTakeBack } from '../../clients/sdk/examples/patient.ts'
import { AuditorClient, type BlockPage } from '../../clients/sdk/src/index.ts'
import { decodeBlock, type EncodedBlock } from '../../shared/ledger-model/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld

before(async () => {
  world = await openTestWorld()
})
after(async () => {
  await world.close()
})

type Change = (block: EncodedBlock, number: number) => EncodedBlock

async function fetchBlocks(from: number, change: Change = (block) => block): Promise<BlockPage> {
  const { ledger } = world.ledger
  const height = await ledger.height()
  const blocks: EncodedBlock[] = []
  for (let number = from; number <= Math.min(height, from + 6); number++) {
    const block = await ledger.block(number)
    assert.ok(block !== undefined)
    blocks.push(change(decodeBlock(block.encoded), number))
  }
  return { height, blocks }
}

async function auditor(change?: Change): Promise<AuditorClient> {
  const bob = await world.patient('bob')
  return new AuditorClient({
    crypto: world.crypto,
    ledger: bob.options.ledger,
    fetchBlocks: (from) => fetchBlocks(from, change),
    consistencyProof: (from, to) => bob.consistencyProof(from, to),
  })
}

test('doctor: stores under a permission and corrects', async () => {
  const bob = await world.patient('bob')
  const alice = await world.doctor('alice')
  await world.permit(bob, [alice])
  const corrected = await storeAndCorrect(alice, bob.ref)
  assert.equal(corrected.version, 2)
  assert.deepEqual(
    (await bob.versions(corrected.recordId)).map(({ version }) => version).toSorted((a, b) => a - b),
    [1, 2],
  )
})

test('patient: looks, shares and takes back', async () => {
  const bob = await world.patient('bob')
  const omar = await world.doctor('omar', { hospital: 'b' })
  const { word, givenInBlock, takenBackInBlock } = await lookShareAndTakeBack(bob, omar.ref, world.clock.nowMs())
  assert.equal(word, 'Verified unchanged (practice)')
  assert.ok(takenBackInBlock > givenInBlock)
  const [item] = (await bob.records({ limit: 1 })).items
  assert.ok(item !== undefined)
  await assert.rejects(omar.read(item.record), { code: 'GRANT_REVOKED' })
})

test('hospital: invites, and a device registers', async () => {
  const staff = world.hospital('a')
  const api = staff.options.hospital
  const registered = await inviteAndRegister(staff, { api, crypto: world.crypto }, 'Emi Sato')
  assert.equal(registered.kind, 'patient')
  assert.ok((await staff.patients()).some(({ ref }) => ref === registered.ref))
})

test('auditor: checks the ledger and the log, and finds the block that was changed', async () => {
  const { ledger, log } = await auditEverything(await auditor(), world.serverRef)
  assert.ok(ledger.blocks > 10)
  assert.ok(log.checkpoints >= 1 && log.epoch === log.checkpoints)
  const flip: Change = (block, number) => {
    if (number !== 3) return block
    const [first = new Uint8Array(), ...rest] = block.transactions
    const changed = first.slice()
    changed[40] = (changed[40] ?? 0) ^ 1
    return { ...block, transactions: [changed, ...rest] }
  }
  const wrong = await auditor(flip)
  await assert.rejects(wrong.verifyLedger(), { code: 'LEDGER_BLOCK_INVALID', block: 3 })
})
