import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { encodeBase64url } from '../../crypto/src/bytes.ts'
import { type EvidenceClaims, issueEvidence, parseEvidence, verifyEvidence } from './evidence.ts'
import { kidOf, prepareStatement, signStatement } from './jws.ts'
import { newRef, sha256Hex } from './ids.ts'

const { crypto, server, doctor } = makeProtocolParties()
const device = crypto.generateSigningKey()
const digest = () => sha256Hex(crypto.randomBytes(32))
const claims: EvidenceClaims = {
  nonce: crypto.randomBytes(32),
  iat: 1_700_000_000,
  tee: 'process',
  simulated: true,
  debug: false,
  measurement: digest(),
  runtime: digest(),
  securityVersion: 3,
  serverRef: server.ref,
  identityKey: server.key.publicKey,
  configDigest: digest(),
  isolation: ['own-process', 'no-network'],
}
const registration = {
  serverRef: server.ref,
  identityKey: server.key.publicKey,
  teeKind: 'process',
  measurements: [digest(), claims.measurement],
  configDigest: claims.configDigest,
  attestationKeys: [doctor.key.publicKey, device.publicKey],
}
const policy = { teeKinds: ['process', 'optee'], minSecurityVersion: 3, allowSimulated: true }
const check = { expectedNonce: claims.nonce, registration, policy }
const jws = issueEvidence(crypto, device, claims)

type Change = { registration?: object; policy?: object; expectedNonce?: Uint8Array; claims?: object }
function verify(change: Change = {}): unknown {
  const text = change.claims === undefined ? jws : issueEvidence(crypto, device, { ...claims, ...change.claims })
  return verifyEvidence(crypto, text, {
    expectedNonce: change.expectedNonce ?? claims.nonce,
    registration: { ...registration, ...change.registration },
    policy: { ...policy, ...change.policy },
  })
}
function refuses(code: string, change: Change): void {
  assert.throws(() => verify(change), { name: 'ProtocolError', code: `ATTESTATION_${code}` })
}

test('evidence that satisfies registration and policy gives its claims', () => {
  assert.deepEqual(verify(), { ...claims, attestationKid: kidOf(crypto, device.publicKey) })
  assert.deepEqual(parseEvidence(jws).payload, claims)
  assert.deepEqual(parseEvidence(jws).header, { kid: kidOf(crypto, device.publicKey) })
})

test('reference values of another kind of TEE in the registration say nothing of a process', () => {
  const optee = { reportKeys: [], cores: [], programs: [] }
  assert.deepEqual(verify({ registration: { optee } }), verify())
  refuses('MEASUREMENT', { registration: { optee, measurements: [] } })
})

test('a platform chain may stand in the header', () => {
  const chain = [Uint8Array.of(0x30, 0)]
  const text = issueEvidence(crypto, device, claims, chain)
  assert.deepEqual(parseEvidence(text).header.x5c, chain)
  assert.doesNotThrow(() => verifyEvidence(crypto, text, check))
})

test('other forms are malformed', () => {
  const malformed = (text: string): void => {
    assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_MALFORMED' })
    assert.throws(() => parseEvidence(text), { code: 'ATTESTATION_MALFORMED' })
  }
  malformed('')
  malformed(`${jws}.`)
  malformed(signStatement(crypto, device, 'trusthealth-receipt+jwt', { a: 1 }))
  const payload = JSON.parse(Buffer.from(jws.split('.')[1] as string, 'base64url').toString()) as Record<
    string,
    unknown
  >
  const { isolation: _isolation, ...without } = payload
  for (const bad of [
    without,
    { ...payload, more: 1 },
    { ...payload, eat_profile: 'https://trusthealth.example/eat/2' },
    { ...payload, eat_nonce: encodeBase64url(new Uint8Array(31)) },
    { ...payload, tee: 'sgx' },
    { ...payload, simulated: 'true' },
    { ...payload, measurement: 'AB'.repeat(32) },
    { ...payload, identityKey: encodeBase64url(new Uint8Array(64)) },
    { ...payload, isolation: ['a', 'a'] },
    { ...payload, isolation: Array.from({ length: 17 }, (_, i) => `a${i}`) },
    { ...payload, isolation: ['No Network'] },
  ]) {
    malformed(signStatement(crypto, device, 'trusthealth-evidence+jwt', bad))
  }
})

test('evidence of a process that is not marked as simulated is malformed, and is not issued', () => {
  const payload = JSON.parse(Buffer.from(jws.split('.')[1] as string, 'base64url').toString()) as object
  const text = signStatement(crypto, device, 'trusthealth-evidence+jwt', { ...payload, simulated: false })
  assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_MALFORMED' })
  assert.throws(() => issueEvidence(crypto, device, { ...claims, simulated: false }), { code: 'MESSAGE_MALFORMED' })
})

test('a signature of a key that is not registered is refused', () => {
  refuses('SIGNATURE', { registration: { attestationKeys: [] } })
  refuses('SIGNATURE', { registration: { attestationKeys: [doctor.key.publicKey] } })
  const parsed = parseEvidence(jws)
  assert.equal(parsed.signature.length, 64)
  const payload = JSON.parse(Buffer.from(jws.split('.')[1] as string, 'base64url').toString()) as object
  const unsigned = prepareStatement(parsed.header.kid, 'trusthealth-evidence+jwt', payload)
  const forged = unsigned.withSignature(crypto.sign(server.key, unsigned.signingInput))
  assert.throws(() => verifyEvidence(crypto, forged, check), { code: 'ATTESTATION_SIGNATURE' })
})

test('the identity key of the server does not sign its own evidence', () => {
  assert.throws(() => verifyEvidence(crypto, issueEvidence(crypto, server.key, claims), check), {
    code: 'ATTESTATION_SIGNATURE',
  })
})

test('evidence of another session is refused', () => {
  refuses('NONCE', { expectedNonce: crypto.randomBytes(32) })
})

test('a kind that the policy or the registration does not name is refused', () => {
  refuses('KIND', { policy: { teeKinds: ['optee'] } })
  refuses('KIND', { policy: { teeKinds: [] } })
  refuses('KIND', { registration: { teeKind: 'optee' } })
})

test('a simulated TEE is refused unless the policy allows it', () => {
  refuses('SIMULATED', { policy: { allowSimulated: false } })
  assert.throws(
    () => verifyEvidence(crypto, jws, { ...check, policy: { teeKinds: ['process'], minSecurityVersion: 0 } }),
    { code: 'ATTESTATION_SIMULATED' },
  )
  refuses('SIMULATED', {
    claims: { tee: 'tdx', simulated: true },
    registration: { teeKind: 'tdx' },
    policy: { teeKinds: ['tdx'], allowSimulated: false },
  })
})

test('a TEE in debug mode is refused unless the policy allows it', () => {
  refuses('DEBUG', { claims: { debug: true } })
  assert.doesNotThrow(() => verify({ claims: { debug: true }, policy: { allowDebug: true } }))
})

test('an old program is refused', () => {
  refuses('SECURITY_VERSION', { policy: { minSecurityVersion: 4 } })
})

test('a program that the ledger does not list is refused, whatever the policy lists', () => {
  refuses('MEASUREMENT', { registration: { measurements: [] } })
  refuses('MEASUREMENT', { registration: { measurements: [digest()] }, policy: { measurements: [claims.measurement] } })
})

test('a policy can accept less than the ledger', () => {
  assert.doesNotThrow(() => verify({ policy: { measurements: [claims.measurement] } }))
  refuses('MEASUREMENT', { policy: { measurements: [] } })
  refuses('MEASUREMENT', { policy: { measurements: [registration.measurements[0]] } })
})

test('another identity key or server is refused', () => {
  refuses('IDENTITY', { registration: { identityKey: doctor.key.publicKey } })
  refuses('IDENTITY', { registration: { serverRef: newRef(crypto, 's') } })
})

test('another configuration is refused', () => {
  refuses('CONFIG', { registration: { configDigest: digest() } })
})

test('the first thing that is wrong, in the order of the section, is the refusal', () => {
  const steps: [string, Change][] = [
    ['SIGNATURE', { registration: { attestationKeys: [] } }],
    ['NONCE', { expectedNonce: crypto.randomBytes(32) }],
    ['KIND', { policy: { teeKinds: [] } }],
    ['SIMULATED', { policy: { allowSimulated: false } }],
    ['DEBUG', { claims: { debug: true } }],
    ['SECURITY_VERSION', { policy: { minSecurityVersion: 9 } }],
    ['MEASUREMENT', { registration: { measurements: [] } }],
    ['IDENTITY', { registration: { serverRef: newRef(crypto, 's') } }],
    ['CONFIG', { registration: { configDigest: digest() } }],
  ]
  // All wrong from step i on: step i is named.
  for (let i = 0; i < steps.length; i++) {
    const wrong: Required<Change> = { claims: {}, registration: {}, policy: {}, expectedNonce: claims.nonce }
    for (const [, change] of steps.slice(i)) {
      Object.assign(wrong.claims, change.claims)
      Object.assign(wrong.registration, change.registration)
      Object.assign(wrong.policy, change.policy)
      if (change.expectedNonce !== undefined) wrong.expectedNonce = change.expectedNonce
    }
    refuses((steps[i] as [string, Change])[0], wrong)
  }
})

test('every flipped bit is refused', () => {
  forEachFlippedCharacterBit(jws, (flipped) => {
    assert.throws(() => verifyEvidence(crypto, flipped, check), { name: 'ProtocolError' })
  })
})

test('a nonce of another length is a mistake of the caller', () => {
  assert.throws(() => verify({ expectedNonce: new Uint8Array(31) }), RangeError)
  assert.throws(() => issueEvidence(crypto, device, { ...claims, nonce: new Uint8Array(31) }), RangeError)
})
