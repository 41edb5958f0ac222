/** Configuration blocks and opening a folder (docs/protocol/07-ledger.md §7.4). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  type ChannelConfiguration,
  encodeConfiguration,
  signConfiguration,
} from '../../../shared/ledger-model/src/index.ts'
import {
  createConsortium,
  createOrganization,
  registrationOf,
  type TestIdentity,
} from '../../../testkit/src/consortium.ts'
import { makeFolder, openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'
import { LedgerNode, verifyLedger } from './index.ts'

const crypto = createNodeCrypto()

function update(configuration: ChannelConfiguration, ...admins: readonly TestIdentity[]) {
  const encoded = encodeConfiguration(configuration)
  return { configuration: encoded, signatures: admins.map((admin) => signConfiguration(crypto, admin, encoded)) }
}

test('an organisation joins with the signatures of a majority and its own, and is a member then', async () => {
  const { node, consortium, folder, a, b, close } = await openTestNode()
  const joining = await createOrganization('HospitalC')
  const { genesis, nodeKey, nowMs } = consortium
  const organizations = [...genesis.organizations, { mspId: joining.mspId, roots: [joining.authority.root] }]
  const next = { ...genesis, sequence: 1, organizations }
  const register = () =>
    proposalOf(consortium, joining.admin, {
      fn: 'registerParticipant',
      args: [JSON.stringify(registrationOf(joining.hospital))],
    })
  await assert.rejects(node.submit(register()), { code: 'LEDGER_IDENTITY_REJECTED' })
  const block = node.configure(update(next, a.admin, b.admin, joining.admin))
  assert.equal(block, 1)
  assert.deepEqual(node.configuration, next)
  await node.submit(register())

  node.close()
  const again = LedgerNode.open({ crypto, folder, genesis, nodeKey, nowMs })
  assert.deepEqual(again.configuration, next)
  again.close()
  const { blocks, transactions } = await verifyLedger(folder, { crypto, genesis, replay: true })
  assert.deepEqual([blocks, transactions], [3, 1])
  close()
})

test('an organisation that leaves is no member any more, although its certificates were known', async () => {
  const { node, consortium, a, b, close } = await openTestNode()
  const { genesis } = consortium
  const register = () =>
    proposalOf(consortium, b.admin, {
      fn: 'registerParticipant',
      args: [JSON.stringify(registrationOf(b.hospital))],
    })
  await node.submit(register())
  const organizations = genesis.organizations.filter(({ mspId }) => mspId !== b.mspId)
  node.configure(update({ ...genesis, sequence: 1, organizations }, a.admin, b.admin))
  await assert.rejects(node.submit(register()), { code: 'LEDGER_IDENTITY_REJECTED' })
  close()
})

test('refused: updates that are not signed as they must be, or are not the next configuration', async () => {
  const { node, consortium, a, b, close } = await openTestNode()
  const joining = await createOrganization('HospitalC')
  const { genesis } = consortium
  const organizations = [...genesis.organizations, { mspId: joining.mspId, roots: [joining.authority.root] }]
  const next = { ...genesis, sequence: 1, organizations }
  const good = update(next, a.admin, b.admin, joining.admin)
  const [first, second, third] = good.signatures
  assert.ok(first !== undefined && second !== undefined && third !== undefined)
  const otherKey = crypto.generateSigningKey().publicKey
  const elsewhere = { mspId: a.mspId, publicKey: otherKey }
  const cases: Record<string, Parameters<LedgerNode['configure']>[0]> = {
    'no signature': update(next),
    'no majority': update(next, a.admin, joining.admin),
    'not by who joins': update(next, a.admin, b.admin),
    'one organisation twice': update(next, a.admin, a.admin, joining.admin),
    'by someone who is no admin': update(next, a.hospital, b.admin, joining.admin),
    'by an admin of nobody': update(
      next,
      a.admin,
      b.admin,
      joining.admin,
      (await createOrganization('HospitalA')).admin,
    ),
    'over something else': { ...good, signatures: [first, { ...second, signature: first.signature }, third] },
    'another sequence': update({ ...next, sequence: 2 }, a.admin, b.admin, joining.admin),
    'another channel': update({ ...next, channel: 'other' }, a.admin, b.admin, joining.admin),
    'an organisation twice': update(
      { ...next, organizations: [...organizations, ...genesis.organizations] },
      a.admin,
      b.admin,
      joining.admin,
    ),
    'a root that is no CA': update(
      { ...next, organizations: [...genesis.organizations, { mspId: joining.mspId, roots: [joining.admin.cert] }] },
      a.admin,
      b.admin,
      joining.admin,
    ),
    'a root that is no certificate': update(
      { ...next, organizations: [...genesis.organizations, { mspId: joining.mspId, roots: [Uint8Array.of(1)] }] },
      a.admin,
      b.admin,
      joining.admin,
    ),
    'a node of nobody': update(
      { ...genesis, sequence: 1, nodes: [{ ...elsewhere, mspId: joining.mspId }] },
      a.admin,
      b.admin,
    ),
    'a node key off the curve': update(
      { ...genesis, sequence: 1, nodes: [...genesis.nodes, { mspId: a.mspId, publicKey: new Uint8Array(65) }] },
      a.admin,
      b.admin,
    ),
    'a node key twice': update(
      { ...genesis, sequence: 1, nodes: [...genesis.nodes, ...genesis.nodes] },
      a.admin,
      b.admin,
    ),
    'without this node’s key': update({ ...genesis, sequence: 1, nodes: [elsewhere] }, a.admin, b.admin),
    'a quorum that nobody reaches': update({ ...genesis, sequence: 1, quorum: 2 }, a.admin, b.admin),
    'no configuration': { configuration: Uint8Array.of(1), signatures: [] },
  }
  for (const [what, wrong] of Object.entries(cases)) {
    assert.throws(() => node.configure(wrong), { code: 'LEDGER_CONFIGURATION_REJECTED' }, what)
  }
  assert.equal(node.height, 0)
  const args = [b.admin.certSerial, 'left']
  await node.submit(proposalOf(consortium, b.admin, { fn: 'revokeCertificate', args }))
  assert.throws(() => node.configure(good), { code: 'LEDGER_CONFIGURATION_REJECTED' }, 'by a revoked certificate')
  close()
})

test('refused: opening a folder with another genesis, another node key, without a genesis, or twice', async () => {
  const { consortium, folder, node, close } = await openTestNode()
  const { genesis, nodeKey, nowMs } = consortium
  const open = (change: object) => () => {
    LedgerNode.open({ crypto, folder, genesis, nodeKey, nowMs, ...change }).close()
  }
  assert.throws(open({}), { code: 'LEDGER_STORAGE_FAILED' }, 'while another has it open')
  node.close()
  const other = await createConsortium()
  assert.throws(open({ genesis: { ...genesis, channel: 'other' } }), { code: 'LEDGER_WRONG_CHANNEL' })
  assert.throws(open({ nodeKey: other.nodeKey }), { code: 'LEDGER_CONFIGURATION_REJECTED' })
  open({ genesis: undefined })()
  const empty = makeFolder()
  assert.throws(open({ folder: empty.folder, genesis: undefined }), { code: 'LEDGER_CONFIGURATION_REJECTED' })
  assert.throws(open({ folder: empty.folder, genesis: { ...genesis, sequence: 1 } }), {
    code: 'LEDGER_CONFIGURATION_REJECTED',
  })
  assert.throws(open({ folder: empty.folder, nodeKey: other.nodeKey }), { code: 'LEDGER_CONFIGURATION_REJECTED' })
  // None of the refusals left anything behind.
  open({ folder: empty.folder })()
  empty.remove()
  close()
})
