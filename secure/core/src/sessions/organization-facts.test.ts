import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import type { OrganizationPolicy, ParticipantRecord } from '../../../../shared/ledger-model/src/participants.ts'
import { organizationFacts } from './organization-facts.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey().publicKey

function record(ref: string, status: 'active' | 'suspended'): ParticipantRecord {
  return {
    ref: ref as ParticipantRecord['ref'],
    kind: 'doctor',
    mspId: 'HospitalA' as ParticipantRecord['mspId'],
    status,
    flagged: false,
    publicKey: encodeBase64url(key),
    certSerial: '0a',
    attributes: {},
    registeredMs: 0,
    changedMs: 0,
    earlierKeys: [],
  }
}

test('active, suspended and unknown participants are told apart, and serials are found', () => {
  const policy: OrganizationPolicy = {
    mspId: 'HospitalA' as OrganizationPolicy['mspId'],
    participants: [record('d-1', 'active'), record('d-2', 'suspended')],
    revokedSerials: ['0b'],
  }
  const facts = organizationFacts(policy)
  assert.deepEqual(facts.findParticipant('d-1'), { isActive: true, publicKey: key })
  assert.equal(facts.findParticipant('d-2')?.isActive, false)
  assert.equal(facts.findParticipant('d-3'), undefined)
  assert.equal(facts.findParticipant('__proto__'), undefined)
  assert.ok(facts.revokedSerials.has('0b') && !facts.revokedSerials.has('0a'))
  assert.equal(organizationFacts(policy), facts)
})
