import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import { type FabricProfile, formatFabricProfile, parseFabricProfile } from './profile.ts'

const tlsRootPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const peer = { mspId: 'HospitalA' as MspId, endpoint: 'localhost:7051', tlsRootPem }
const profile: FabricProfile = {
  channel: 'health',
  chaincode: 'trusthealth',
  peers: [peer, { ...peer, endpoint: '[::1]:7051', serverName: 'peer0.hospitala' }],
  orderers: [],
}

test('a profile survives its file', () => {
  assert.deepEqual(parseFabricProfile(formatFabricProfile(profile)), profile)
})

test('refused: other forms', () => {
  const wrong: Record<string, unknown> = {
    'no peer': { ...profile, peers: [] },
    'no channel': { ...profile, channel: undefined },
    'an unknown member': { ...profile, more: 1 },
    'no port': { ...profile, peers: [{ ...peer, endpoint: 'localhost' }] },
    'a URL': { ...profile, peers: [{ ...peer, endpoint: 'https://localhost:7051' }] },
    'no certificate': { ...profile, peers: [{ ...peer, tlsRootPem: 'ca.pem' }] },
    'a chaincode with a path': { ...profile, chaincode: '../trusthealth' },
  }
  for (const [what, value] of Object.entries(wrong)) {
    const refuse = () => parseFabricProfile(JSON.stringify(value))
    assert.throws(refuse, { code: 'LEDGER_CONFIGURATION_REJECTED' }, what)
  }
  assert.throws(() => parseFabricProfile('{'), { code: 'LEDGER_CONFIGURATION_REJECTED' })
})
