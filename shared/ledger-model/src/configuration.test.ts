import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConsortium } from '../../../testkit/src/consortium.ts'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import {
  type ChannelConfiguration,
  checkConfigurationUpdate,
  checkEmbedded,
  decodeConfiguration,
  encodeConfiguration,
  endorsementTrustOf,
  signConfiguration,
} from './configuration.ts'

const crypto = createNodeCrypto()
const { genesis } = await createConsortium()
const fabric: ChannelConfiguration = { ...genesis, nodes: [], quorum: 2, fabric: { chaincode: 'trusthealth' } }
const rejected = { code: 'LEDGER_CONFIGURATION_REJECTED' }

test('a configuration of either kind survives its encoding and says whom to believe', () => {
  for (const configuration of [genesis, fabric]) {
    assert.deepEqual(decodeConfiguration(crypto, encodeConfiguration(configuration)), configuration)
  }
  assert.ok('nodes' in endorsementTrustOf(crypto, genesis))
  const { organizations } = genesis
  assert.deepEqual(endorsementTrustOf(crypto, fabric), {
    channel: 'health',
    quorum: 2,
    fabric: { chaincode: 'trusthealth', organizations },
  })
})

test('refused: neither kind, both kinds, a quorum that the organisations cannot reach', () => {
  const wrong: ChannelConfiguration[] = [
    { ...genesis, nodes: [] },
    { ...fabric, nodes: genesis.nodes },
    { ...fabric, quorum: 3 },
    { ...genesis, quorum: 2 },
    { ...fabric, fabric: { chaincode: 'a b' } },
  ]
  for (const one of wrong) assert.throws(() => decodeConfiguration(crypto, encodeConfiguration(one)), rejected)
})

test('refused: an update of an embedded ledger to a channel of Fabric', () => {
  const update = { configuration: encodeConfiguration({ ...fabric, sequence: 1 }), signatures: [] }
  assert.throws(() => checkConfigurationUpdate(crypto, genesis, update, Date.now(), () => false), rejected)
})

test('refused: an update of a channel of Fabric to an embedded ledger, to other chaincode, or to less than a majority', async () => {
  const { organizations } = await createConsortium()
  const next = { ...fabric, sequence: 1 }
  const check = (configuration: ChannelConfiguration) => {
    const encoded = encodeConfiguration(configuration)
    const signatures = organizations.map(({ admin }) => signConfiguration(crypto, admin, encoded))
    return checkConfigurationUpdate(crypto, current, { configuration: encoded, signatures }, Date.now(), () => false)
  }
  const roots = organizations.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] }))
  const current = { ...fabric, organizations: roots }
  assert.equal(check({ ...next, organizations: roots }).sequence, 1)
  const wrong: ChannelConfiguration[] = [
    { ...genesis, organizations: roots, sequence: 1 },
    { ...next, organizations: roots, fabric: { chaincode: 'other' } },
    { ...next, organizations: roots, quorum: 1 },
  ]
  for (const one of wrong) assert.throws(() => check(one), rejected)
})

test('refused by an embedded ledger: the configuration of a channel of Fabric', () => {
  checkEmbedded(genesis)
  assert.throws(() => checkEmbedded(fabric), rejected)
})
