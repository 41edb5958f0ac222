import assert from 'node:assert/strict'
import { constants, createPublicKey, verify as verifyRsa } from 'node:crypto'
import { test } from 'node:test'
import { makeOpteePlatform, makeTestDevice, reportsOf, type TestPrograms } from '../../../testkit/src/optee-platform.ts'
import { forEachFlippedCharacterBit, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { decodeBase64url, decodeHex, encodeBase64url } from '../../crypto/src/bytes.ts'
import { type EvidenceClaims, issueEvidence, issueOpteeEvidence, parseEvidence, verifyEvidence } from './evidence.ts'
import { newRef, sha256Hex } from './ids.ts'
import { kidOf, signStatement } from './jws.ts'
import { type OpteePlatform, opteeReferenceShape, opteeReportNonce, reportKeyThumbprint } from './optee-evidence.ts'

const { crypto, server, doctor } = makeProtocolParties()
const attestationKey = crypto.generateSigningKey()
const device = makeTestDevice()
const digest = () => sha256Hex(crypto.randomBytes(32))
const programs: TestPrograms = { program: digest(), core: digest(), signer: digest(), version: '4.5.0' }
const platform = makeOpteePlatform(device, programs)

const claims = {
  nonce: crypto.randomBytes(32),
  iat: 1_700_000_000,
  simulated: false,
  debug: false,
  measurement: digest(),
  securityVersion: 3,
  serverRef: server.ref,
  identityKey: server.key.publicKey,
  configDigest: digest(),
  isolation: ['trustzone'],
}
const core = { digest: programs.core, version: '4.5.0', signer: programs.signer, debug: false, simulated: false }
const program = {
  digest: programs.program,
  measurement: claims.measurement,
  signer: programs.signer,
  securityVersion: 3,
  debug: false,
}
const optee = { reportKeys: [reportKeyThumbprint(crypto, device.reportKey)], cores: [core], programs: [program] }
const registration = {
  serverRef: server.ref,
  identityKey: server.key.publicKey,
  teeKind: 'optee',
  measurements: [claims.measurement],
  configDigest: claims.configDigest,
  attestationKeys: [attestationKey.publicKey],
  optee,
}
const policy = { teeKinds: ['optee'], minSecurityVersion: 3 }
const check = { expectedNonce: claims.nonce, registration, policy }
const jws = issueOpteeEvidence(crypto, attestationKey, claims, platform)

interface Change {
  readonly claims?: Partial<Omit<EvidenceClaims, 'tee' | 'runtime' | 'optee'>>
  readonly platform?: Partial<OpteePlatform>
  readonly optee?: Partial<typeof optee>
  readonly registration?: object
  readonly policy?: object
  readonly expectedNonce?: Uint8Array
}
function verify(change: Change = {}) {
  const text = issueOpteeEvidence(
    crypto,
    attestationKey,
    { ...claims, ...change.claims },
    { ...platform, ...change.platform },
  )
  return verifyEvidence(crypto, text, {
    expectedNonce: change.expectedNonce ?? claims.nonce,
    registration: { ...registration, optee: { ...optee, ...change.optee }, ...change.registration },
    policy: { ...policy, ...change.policy },
  })
}
function refuses(code: string, change: Change): void {
  assert.throws(() => verify(change), { name: 'ProtocolError', code })
}

test('evidence of a registered device, OP-TEE and program gives its claims, without any leave of the policy', () => {
  const { reportKey } = device
  const { version, signer } = programs
  assert.deepEqual(verifyEvidence(crypto, jws, check), {
    ...claims,
    tee: 'optee',
    runtime: programs.program,
    optee: { core: programs.core, version, signer, reportKey },
    attestationKid: kidOf(crypto, attestationKey.publicKey),
  })
  assert.equal(parseEvidence(jws).payload.runtime, programs.program)
})

test('the reports are RSASSA-PSS of the device over the nonce of all claims and one digest', () => {
  const { optee: said, ...rest } = payloadOf(jws) as { optee: Record<string, string> }
  const { programReport = '', coreReport = '', ...reported } = said
  const nonce = opteeReportNonce(crypto, { ...rest, optee: reported })
  const key = { key: createPublicKey(device.key), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  for (const [one, signature] of [
    [programs.program, programReport],
    [programs.core, coreReport],
  ] as const) {
    assert.ok(verifyRsa('sha256', Buffer.concat([nonce, decodeHex(one)]), key, decodeBase64url(signature)))
  }
})

test('a program with one changed byte is refused', () => {
  const changed = makeOpteePlatform(device, { ...programs, program: digest() })
  refuses('ATTESTATION_MEASUREMENT', { platform: changed })
  refuses('ATTESTATION_MEASUREMENT', { optee: { programs: [] } })
})

test('a bundle that is not the one in that program is refused, also one that the ledger accepts', () => {
  const other = digest()
  refuses('ATTESTATION_MEASUREMENT', { claims: { measurement: other } })
  refuses('ATTESTATION_MEASUREMENT', { claims: { measurement: other }, registration: { measurements: [other] } })
  refuses('ATTESTATION_MEASUREMENT', { registration: { measurements: [] } })
  refuses('ATTESTATION_MEASUREMENT', { policy: { measurements: [] } })
})

test('another signer of the program is refused, whoever says so', () => {
  refuses('ATTESTATION_SIGNER', { platform: makeOpteePlatform(device, { ...programs, signer: digest() }) })
  refuses('ATTESTATION_SIGNER', { optee: { cores: [{ ...core, signer: digest() }] } })
  refuses('ATTESTATION_SIGNER', { optee: { programs: [{ ...program, signer: digest() }] } })
})

test('another OP-TEE, and another version of it, is refused', () => {
  refuses('ATTESTATION_PLATFORM', { platform: makeOpteePlatform(device, { ...programs, core: digest() }) })
  refuses('ATTESTATION_PLATFORM', { optee: { cores: [] } })
  refuses('ATTESTATION_PLATFORM', { platform: makeOpteePlatform(device, { ...programs, version: '4.4.0' }) })
})

test('a debug build is refused: said by the program, or known of it or of OP-TEE', () => {
  refuses('ATTESTATION_DEBUG', { claims: { debug: true } })
  refuses('ATTESTATION_DEBUG', { optee: { programs: [{ ...program, debug: true }] } })
  refuses('ATTESTATION_DEBUG', { optee: { cores: [{ ...core, debug: true }] } })
  assert.equal(verify({ optee: { cores: [{ ...core, debug: true }] }, policy: { allowDebug: true } }).debug, true)
})

test('an emulated machine is simulated, whatever the program says', () => {
  refuses('ATTESTATION_SIMULATED', { claims: { simulated: true } })
  refuses('ATTESTATION_SIMULATED', { optee: { cores: [{ ...core, simulated: true }] } })
  const allowed = verify({ optee: { cores: [{ ...core, simulated: true }] }, policy: { allowSimulated: true } })
  assert.equal(allowed.simulated, true)
})

test('an old version is refused, and one that says it is newer than it is', () => {
  refuses('ATTESTATION_SECURITY_VERSION', { policy: { minSecurityVersion: 4 } })
  refuses('ATTESTATION_SECURITY_VERSION', { claims: { securityVersion: 4 }, policy: { minSecurityVersion: 4 } })
  refuses('ATTESTATION_SECURITY_VERSION', { optee: { programs: [{ ...program, securityVersion: 2 }] } })
})

test('another device is refused, and a server without reference values', () => {
  refuses('ATTESTATION_REPORT', { platform: makeOpteePlatform(makeTestDevice(), programs) })
  refuses('ATTESTATION_REPORT', { optee: { reportKeys: [] } })
  const { optee: _, ...without } = registration
  assert.throws(() => verifyEvidence(crypto, jws, { ...check, registration: without }), { code: 'ATTESTATION_REPORT' })
})

test('reports over another nonce, over other digests or of no key are refused', () => {
  refuses('ATTESTATION_REPORT', { platform: { report: () => reportsOf(device, crypto.randomBytes(32), programs) } })
  refuses('ATTESTATION_REPORT', {
    platform: { report: (nonce) => reportsOf(device, nonce, { ...programs, core: digest() }) },
  })
  refuses('ATTESTATION_REPORT', {
    platform: { report: (nonce) => reportsOf(device, nonce, { ...programs, program: digest() }) },
  })
  refuses('ATTESTATION_REPORT', { platform: { reportKey: new Uint8Array(384) } })
  // The two reports of one evidence do not stand for each other.
  refuses('ATTESTATION_REPORT', {
    platform: {
      report: (nonce) => {
        const { program: one, core: other } = platform.report(nonce)
        return { program: other, core: one }
      },
    },
  })
})

test('reports bind every claim: with one changed and the outer signature made again they are refused', () => {
  const payload = payloadOf(jws)
  const changes = {
    iat: claims.iat + 1,
    simulated: true,
    debug: true,
    measurement: digest(),
    runtime: digest(),
    securityVersion: 4,
    serverRef: newRef(crypto, 's'),
    identityKey: encodeBase64url(doctor.key.publicKey),
    configDigest: digest(),
    isolation: [],
    optee: { ...(payload['optee'] as object), signer: digest() },
  }
  for (const [name, value] of Object.entries(changes)) {
    const text = signStatement(crypto, attestationKey, 'trusthealth-evidence+jwt', { ...payload, [name]: value })
    assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_REPORT' }, name)
  }
  const nonce = crypto.randomBytes(32)
  const later = { ...payload, eat_nonce: encodeBase64url(nonce) }
  const text = signStatement(crypto, attestationKey, 'trusthealth-evidence+jwt', later)
  assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_NONCE' })
  assert.throws(() => verifyEvidence(crypto, text, { ...check, expectedNonce: nonce }), { code: 'ATTESTATION_REPORT' })
})

test('evidence of OP-TEE without reports, and reports of others, are malformed', () => {
  const { optee: said, ...rest } = payloadOf(jws) as { optee: Record<string, unknown> }
  const { coreReport: _, ...fewer } = said
  for (const bad of [
    rest,
    { ...rest, optee: fewer },
    { ...rest, optee: { ...said, more: 1 } },
    { ...rest, optee: { ...said, reportKey: encodeBase64url(new Uint8Array(383)) } },
    { ...rest, optee: { ...said, version: '' } },
    { ...rest, optee: { ...said, core: 'AB'.repeat(32) } },
    { ...rest, tee: 'process', simulated: true, optee: said },
    { ...rest, tee: 'sev-snp', optee: said },
  ]) {
    const text = signStatement(crypto, attestationKey, 'trusthealth-evidence+jwt', bad)
    assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_MALFORMED' })
  }
  const plain = { ...claims, tee: 'optee', runtime: digest() } as const
  assert.throws(() => issueEvidence(crypto, attestationKey, plain), { code: 'MESSAGE_MALFORMED' })
})

test('the first thing that is wrong, in the order of the section, is the refusal', () => {
  const steps: [string, Change][] = [
    ['ATTESTATION_SIGNATURE', { registration: { attestationKeys: [] } }],
    ['ATTESTATION_NONCE', { expectedNonce: crypto.randomBytes(32) }],
    ['ATTESTATION_KIND', { policy: { teeKinds: [] } }],
    ['ATTESTATION_REPORT', { optee: { reportKeys: [] } }],
    ['ATTESTATION_SIMULATED', { claims: { simulated: true } }],
    ['ATTESTATION_DEBUG', { claims: { debug: true } }],
    ['ATTESTATION_SECURITY_VERSION', { policy: { minSecurityVersion: 9 } }],
    ['ATTESTATION_PLATFORM', { optee: { cores: [] } }],
    ['ATTESTATION_SIGNER', { optee: { programs: [{ ...program, signer: digest() }] } }],
    ['ATTESTATION_MEASUREMENT', { registration: { measurements: [] } }],
    ['ATTESTATION_IDENTITY', { registration: { serverRef: newRef(crypto, 's') } }],
    ['ATTESTATION_CONFIG', { registration: { configDigest: digest() } }],
  ]
  // All wrong from step i on: step i is named.
  for (let i = 0; i < steps.length; i++) {
    const wrong = { claims: {}, optee: {}, registration: {}, policy: {}, expectedNonce: claims.nonce }
    for (const [, change] of steps.slice(i)) {
      Object.assign(wrong.claims, change.claims)
      Object.assign(wrong.optee, change.optee)
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

test('every flipped bit of a report is refused with its own code, the outer signature made again', () => {
  const payload = payloadOf(jws) as { optee: Record<string, string> }
  for (const name of ['programReport', 'coreReport', 'reportKey'] as const) {
    const bytes = decodeBase64url(payload.optee[name] as string)
    for (let bit = 0; bit < bytes.length * 8; bit += 11) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const changed = { ...payload, optee: { ...payload.optee, [name]: encodeBase64url(flipped) } }
      const text = signStatement(crypto, attestationKey, 'trusthealth-evidence+jwt', changed)
      assert.throws(() => verifyEvidence(crypto, text, check), { code: 'ATTESTATION_REPORT' }, `${name} ${bit}`)
    }
  }
})

test('reference values: a digest twice, too many or other forms are refused', () => {
  assert.deepEqual(opteeReferenceShape(optee, 'optee'), optee)
  for (const bad of [
    { ...optee, cores: [core, { ...core, simulated: true }] },
    { ...optee, programs: [program, { ...program, debug: true }] },
    { ...optee, reportKeys: [...optee.reportKeys, ...optee.reportKeys] },
    { ...optee, reportKeys: ['short'] },
    { ...optee, cores: Array.from({ length: 9 }, () => ({ ...core, digest: digest() })) },
    { ...optee, more: [] },
    { ...optee, cores: [{ ...core, debug: 'no' }] },
  ]) {
    assert.throws(() => opteeReferenceShape(bad, 'optee'), { code: 'MESSAGE_MALFORMED' })
  }
})

function payloadOf(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text.split('.')[1] as string, 'base64url').toString()) as Record<string, unknown>
}
