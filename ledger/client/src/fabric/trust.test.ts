import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mspIdShape, ProtocolError } from '../../../../shared/protocol/src/index.ts'
import { fabricTrustShape, formatFabricTrust } from './trust.ts'

const trust = {
  chaincode: 'trusthealth',
  organizations: [{ mspId: mspIdShape('HospitalA', 'mspId'), roots: [Uint8Array.of(0x30, 0)] }],
}

test('what is written is what is read', () => {
  const written: unknown = JSON.parse(JSON.stringify(formatFabricTrust(trust)))
  assert.deepEqual(fabricTrustShape(written, 'fabric'), trust)
})

test('other forms are refused', () => {
  const organization = { mspId: 'HospitalA', roots: ['MAA'] }
  const refused = [
    undefined,
    { chaincode: 'trusthealth' },
    { chaincode: 'trusthealth', organizations: [] },
    { chaincode: 'not a name', organizations: [organization] },
    { chaincode: 'trusthealth', organizations: [{ ...organization, roots: [] }] },
    { chaincode: 'trusthealth', organizations: [{ ...organization, roots: ['M'] }] },
    { chaincode: 'trusthealth', organizations: [{ ...organization, roots: ['M+=='] }] },
    { chaincode: 'trusthealth', organizations: [organization], more: 1 },
  ]
  for (const one of refused) assert.throws(() => fabricTrustShape(one, 'fabric'), ProtocolError)
})
