/** Blocks that are made under load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_BLOCK_TRANSACTIONS } from '../../../shared/ledger-model/src/index.ts'
import { createPatient, patientRegistrationOf, registrationOf } from '../../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'

test('what arrives together is one block, up to its limit; a conflict is found across two of them', async () => {
  const { node, consortium, a, close } = await openTestNode()
  const propose = (by: typeof a.admin, registration: object) =>
    node.submit(proposalOf(consortium, by, { fn: 'registerParticipant', args: [JSON.stringify(registration)] }))
  await propose(a.admin, registrationOf(a.hospital))
  const patient = patientRegistrationOf(createPatient())
  const others = Array.from({ length: MAX_BLOCK_TRANSACTIONS - 1 }, () => patientRegistrationOf(createPatient()))
  const last = patientRegistrationOf(createPatient())
  const outcomes = await Promise.allSettled([patient, ...others, patient, last].map((one) => propose(a.hospital, one)))
  const blocks = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.block : 'conflict'))
  assert.deepEqual(blocks, [...Array.from({ length: MAX_BLOCK_TRANSACTIONS }, () => 2), 'conflict', 3])
  assert.equal(node.block(2)?.transactions.length, MAX_BLOCK_TRANSACTIONS)
  assert.equal(node.block(3)?.transactions.length, 2)
  close()
})

test('closing writes what waits', async () => {
  const { node, consortium, a, close } = await openTestNode()
  const args = [JSON.stringify(registrationOf(a.hospital))]
  const placed = node.submit(proposalOf(consortium, a.admin, { fn: 'registerParticipant', args }))
  for (let i = 0; i < 100; i++) await Promise.resolve()
  node.close()
  assert.equal((await placed).block, 1)
  const late = node.submit(proposalOf(consortium, a.admin, { fn: 'registerParticipant', args }))
  await assert.rejects(late, { code: 'LEDGER_UNAVAILABLE' })
  close()
})
