/**
 * A server whose program, platform or configuration is not what the ledger says of it gets nothing from any client:
 * each way in which evidence can be wrong. docs/protocol/05 §5.4, 09.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readServerRegistration, type DoctorClient, type ParticipantOptions } from '../../clients/sdk/src/index.ts'
import type { EvidencePort } from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex, type SigningKey } from '../../shared/crypto/src/index.ts'
import {
  issueEvidence,
  newRef,
  parseEvidence,
  signStatement,
  type EvidenceClaims,
} from '../../shared/protocol/src/index.ts'
import {
  openScene,
  otherServer,
  PRACTICE,
  refusedWith,
  transportTo,
  type Scene,
} from '../../testkit/src/world/index.ts'

let scene: Scene
/** Of a second platform of the same server, so that a test can let it say what is wrong. */
let attestationKey: SigningKey
before(async () => {
  scene = await openScene()
  await scene.world.server.stop()
  attestationKey = scene.world.crypto.generateSigningKey()
  await register({ attestationKeys: [encodeBase64url(attestationKey.publicKey)] })
})
after(() => scene?.world.close())

const clientTo = (changes: Partial<ParticipantOptions>): Promise<DoctorClient> =>
  scene.world.doctor('alice', {}, changes)

/** Runs the server's own files with another program or platform, and asks as Alice. */
async function refusedBy(
  tee: { readonly measurement?: Uint8Array; readonly evidence?: (port: EvidencePort) => EvidencePort },
  code: string,
  policy = PRACTICE,
): Promise<void> {
  const server = otherServer(scene.world, { name: 'server', tee })
  try {
    await server.start()
    await server.serving()
    const alice = await clientTo({ transport: transportTo(server), policy })
    await assert.rejects(alice.session.request('ping'), refusedWith(code))
  } finally {
    await server.stop()
  }
}

/** The evidence says something else than the platform does; the registered attestation key signs it. */
function saying(change: Partial<EvidenceClaims>): (port: EvidencePort) => EvidencePort {
  return (port) => ({
    ...port,
    attest(nonce, claims) {
      const honest = parseEvidence(port.attest(nonce, claims)).payload
      return issueEvidence(scene.world.crypto, attestationKey, { ...honest, ...change })
    },
  })
}

/** Replaces members of the server's registration on the ledger. */
async function register(change: object): Promise<void> {
  const { world } = scene
  const record = JSON.parse(
    await world.ledger.ledger.query({ fn: 'participant', args: [world.serverRef] }),
  ) as Readonly<Record<string, unknown>> & { readonly server: object }
  const { ref, kind, publicKey, certSerial, attributes } = record
  const registration = { ref, kind, publicKey, certSerial, attributes, server: { ...record.server, ...change } }
  await world.submitAsAdmin('a', 'renewParticipant', [JSON.stringify(registration)])
}

test('another program on the same files: the ledger does not list its measurement', async () => {
  const evidence = saying({ measurement: encodeHex(new Uint8Array(32).fill(7)) as EvidenceClaims['measurement'] })
  await refusedBy({ evidence }, 'ATTESTATION_MEASUREMENT')
})

test('evidence of another session, or made before', async () => {
  await refusedBy({ evidence: saying({ nonce: new Uint8Array(32) }) }, 'ATTESTATION_NONCE')
  let first: string | undefined
  const evidence = (port: EvidencePort): EvidencePort => ({
    ...port,
    attest: (nonce, claims) => (first ??= saying({})(port).attest(nonce, claims)),
  })
  const server = otherServer(scene.world, { name: 'server', tee: { evidence } })
  try {
    await server.start()
    await server.serving()
    await (await clientTo({ transport: transportTo(server) })).session.request('ping')
    const second = await clientTo({ transport: transportTo(server) })
    await assert.rejects(second.session.request('ping'), refusedWith('ATTESTATION_NONCE'))
  } finally {
    await server.stop()
  }
})

test('evidence that nobody signed whom the ledger knows', async () => {
  const { crypto } = scene.world
  const stranger = crypto.generateSigningKey()
  const evidence = (port: EvidencePort): EvidencePort => ({
    ...port,
    attest: (nonce, claims) => issueEvidence(crypto, stranger, parseEvidence(port.attest(nonce, claims)).payload),
  })
  await refusedBy({ evidence }, 'ATTESTATION_SIGNATURE')
  // The real key of the platform, which the ledger does not list any more.
  await refusedBy({}, 'ATTESTATION_SIGNATURE')
})

test('evidence that is no evidence, or hides that nothing protects the process', async () => {
  const { crypto } = scene.world
  const signed =
    (payload: (honest: Record<string, unknown>) => object) =>
    (port: EvidencePort): EvidencePort => ({
      ...port,
      attest(nonce, claims) {
        const jws = saying({})(port).attest(nonce, claims)
        const honest = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Record<
          string,
          unknown
        >
        return signStatement(crypto, attestationKey, 'trusthealth-evidence+jwt', payload(honest))
      },
    })
  await refusedBy({ evidence: signed((honest) => ({ ...honest, simulated: false })) }, 'ATTESTATION_MALFORMED')
  await refusedBy({ evidence: signed(() => ({})) }, 'ATTESTATION_MALFORMED')
})

test('debug mode, and simulation where the client did not ask for practice', async () => {
  await refusedBy({ evidence: saying({ debug: true }) }, 'ATTESTATION_DEBUG')
  const strict = { teeKinds: ['process'], minSecurityVersion: 0 }
  await refusedBy({ evidence: saying({}) }, 'ATTESTATION_SIMULATED', strict)
})

test('another kind of TEE than registered, or than the client accepts', async () => {
  await refusedBy({ evidence: saying({ tee: 'tdx' }) }, 'ATTESTATION_KIND')
  await refusedBy({ evidence: saying({}) }, 'ATTESTATION_KIND', { ...PRACTICE, teeKinds: ['optee'] })
})

test('an older program than the client accepts, and one that the client does not accept although the ledger does', async () => {
  await refusedBy({ evidence: saying({}) }, 'ATTESTATION_SECURITY_VERSION', { ...PRACTICE, minSecurityVersion: 2 })
  const measurements = ['ab'.repeat(32)]
  await refusedBy({ evidence: saying({}) }, 'ATTESTATION_MEASUREMENT', { ...PRACTICE, measurements })
})

test('evidence of another server, or of another key', async () => {
  const { crypto } = scene.world
  await refusedBy({ evidence: saying({ serverRef: newRef(crypto, 's') }) }, 'ATTESTATION_IDENTITY')
  await refusedBy({ evidence: saying({ identityKey: crypto.generateSigningKey().publicKey }) }, 'ATTESTATION_IDENTITY')
})

test('another configuration than registered', async () => {
  const configDigest = 'cd'.repeat(32) as EvidenceClaims['configDigest']
  await refusedBy({ evidence: saying({ configDigest }) }, 'ATTESTATION_CONFIG')
})

test('a program that the hospitals do not approve any more', async () => {
  const { world } = scene
  const { measurements } = await readServerRegistration((await clientTo({})).options.ledger, world.serverRef)
  await world.submitAsAdmin('a', 'setMeasurements', [world.serverRef, JSON.stringify([])])
  await refusedBy({ evidence: saying({}) }, 'ATTESTATION_MEASUREMENT')
  await world.submitAsAdmin('a', 'setMeasurements', [world.serverRef, JSON.stringify(measurements)])
})

test('with what was registered, everything is as it was', async () => {
  const { world } = scene
  await world.server.start()
  await world.server.serving()
  const { attestationKey: own } = await world.server.tee.request('status', {})
  assert.ok(own !== undefined)
  await register({ attestationKeys: [encodeBase64url(own)] })
  assert.equal((await world.verifyEverything()).records, 1)
})
