/**
 * What the ledger of the running system refuses over HTTP before and inside its functions: proposals of nobody, altered,
 * old, for another channel; roles; arguments; checkpoints of a server that contradicts itself; configurations that the
 * organisations did not sign. docs/protocol/07 §7.1, §7.2, §7.4, §7.12.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createCertificateAuthority } from '../../hospital/src/certificate-authority.ts'
import { submitCall, type LedgerIdentity } from '../../ledger/client/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import {
  anchorCallOf,
  encodeConfiguration,
  encodeConfigurationUpdate,
  encodeSignedProposal,
  logOriginOf,
  signAnchorStatement,
  signConfiguration,
  signProposal,
  type Proposal,
  type SignedProposal,
} from '../../shared/ledger-model/src/index.ts'
import {
  issueWarrant,
  makeWarrantRecord,
  newId,
  newRef,
  parseWarrant,
  type MspId,
  type ServerRef,
} from '../../shared/protocol/src/index.ts'
import { signCheckpoint } from '../../shared/tlog/src/index.ts'
import { certify, openScene, refusedWith, type Certified, type Scene } from '../../testkit/src/world/index.ts'

let scene: Scene
let doctor: Certified
let hospital: Certified
before(async () => {
  scene = await openScene()
  doctor = await certify(scene.world, 'doctor', { registered: true })
  hospital = await certify(scene.world, 'hospital', { registered: true })
})
after(() => scene?.world.close())

const post = async (path: string, body: Uint8Array): Promise<string> => {
  const headers = { 'content-type': 'application/cbor' }
  const answer = await fetch(scene.world.ledger.url + path, { method: 'POST', headers, body: new Uint8Array(body) })
  const { code } = (await answer.json()) as { code?: string }
  return code ?? String(answer.status)
}

/** A proposal that would be taken, with some members changed before it is signed. */
function propose(change: Partial<Proposal> = {}, by: LedgerIdentity = scene.world.organization('a').admin) {
  const { crypto, clock, genesis } = scene.world
  return signProposal(crypto, by.signingKey, {
    channel: genesis.channel,
    mspId: by.mspId,
    cert: by.cert,
    nonce: crypto.randomBytes(24),
    timeMs: clock.nowMs(),
    fn: 'revokeCertificate',
    args: ['ab', 'test'],
    ...change,
  })
}
const answerTo = (signed: SignedProposal) => post('/v1/proposals', encodeSignedProposal(signed))
const call = (by: LedgerIdentity, fn: string, ...args: readonly string[]) =>
  submitCall(scene.world.ledger.ledger, by, { fn, args })
const query = (fn: string, ...args: readonly string[]) => scene.world.ledger.ledger.query({ fn, args })

test('a good proposal is taken, and answered the same when it comes again', async () => {
  const signed = propose()
  assert.equal(await answerTo(signed), '200')
  assert.equal(await answerTo(signed), '200')
})

test('what is no proposal, of another channel, of nobody, altered, or of another time', async () => {
  const { world } = scene
  const { crypto, clock } = world
  assert.equal(await post('/v1/proposals', new Uint8Array(8)), 'LEDGER_BAD_PROPOSAL')
  assert.equal(await answerTo(propose({ fn: 'participant', args: [world.serverRef] })), 'LEDGER_BAD_PROPOSAL')
  const nonce = crypto.randomBytes(24)
  assert.equal(await answerTo(propose({ nonce })), '200')
  assert.equal(await answerTo(propose({ nonce, args: ['cd', 'test'] })), 'LEDGER_BAD_PROPOSAL')
  assert.equal(await answerTo(propose({ channel: 'other' })), 'LEDGER_WRONG_CHANNEL')
  assert.equal(await answerTo(propose({ mspId: 'Nobody' as MspId })), 'LEDGER_IDENTITY_REJECTED')
  assert.equal(await answerTo(propose({ mspId: world.organization('b').mspId })), 'LEDGER_IDENTITY_REJECTED')
  const { mspId } = world.organization('a')
  const authority = await createCertificateAuthority({ crypto, mspId, nowMs: () => clock.nowMs() })
  const stranger = await certify(world, 'doctor', { authority })
  assert.equal(await answerTo(propose({}, stranger.ledger)), 'LEDGER_IDENTITY_REJECTED')
  const thief = { ...world.organization('a').admin, signingKey: stranger.keys.signingKey }
  assert.equal(await answerTo(propose({}, thief)), 'LEDGER_SIGNATURE_INVALID')
  const { signature } = propose()
  assert.equal(await answerTo({ ...propose(), signature }), 'LEDGER_SIGNATURE_INVALID')
  // Certificates are a little older than their people.
  clock.advanceMs(10_000)
  for (const offMs of [-301_000, 301_000]) {
    assert.equal(await answerTo(propose({ timeMs: clock.nowMs() + offMs })), 'LEDGER_STALE_PROPOSAL')
  }
})

test('functions that are not there, arguments that are none', async () => {
  assert.equal(await answerTo(propose({ fn: 'dropEverything', args: [] })), 'LEDGER_UNKNOWN_FUNCTION')
  assert.equal(await answerTo(propose({ args: [] })), 'LEDGER_BAD_ARGUMENT')
  const wrong = [
    ['zz', 'test'],
    ['ab', 'a sentence about Bob'],
    ['ab', ''],
    ['AB', 'test'],
  ]
  for (const args of wrong) assert.equal(await answerTo(propose({ args })), 'LEDGER_BAD_ARGUMENT', args.join())
  const admin = scene.world.organization('a').admin
  for (const text of ['', '{', '[]', '{"ref":"x"}', '{"ref":"x","ref":"x"}', '['.repeat(10_000)]) {
    await assert.rejects(call(admin, 'registerParticipant', text), refusedWith('LEDGER_BAD_ARGUMENT'))
  }
})

test('roles keep to their functions, organisations to their people', async () => {
  const { world, bob } = scene
  const { admin } = world.organization('b')
  const forbidden = refusedWith('LEDGER_FORBIDDEN')
  await assert.rejects(call(doctor.ledger, 'suspendParticipant', doctor.identity.ref, 'x'), forbidden)
  await assert.rejects(call(doctor.ledger, 'setMeasurements', world.serverRef, '[]'), forbidden)
  await assert.rejects(call(admin, 'setMeasurements', world.serverRef, '[]'), refusedWith('LEDGER_FORBIDDEN'))
  await assert.rejects(call(admin, 'suspendParticipant', bob.ref, 'x'), refusedWith('LEDGER_FORBIDDEN'))
  const unregistered = await certify(world, 'hospital')
  const ref = newRef(world.crypto, 'p')
  const create = [ref, '1', 'new', 'lab', 'ab'.repeat(32), JSON.stringify([unregistered.identity.ref])]
  await assert.rejects(call(unregistered.ledger, 'create', ...create), refusedWith('PARTICIPANT_UNKNOWN'))
})

test('what is there is not made again, what is not there is not found', async () => {
  const { world, bob, warrant } = scene
  const { crypto } = world
  const ref = newRef(crypto, 'p')
  const own = JSON.stringify([hospital.identity.ref])
  const record = [ref, '1700000000000', 'active', 'lab', 'ab'.repeat(32), own] as const
  await call(hospital.ledger, 'create', ...record)
  await assert.rejects(call(hospital.ledger, 'create', ...record), refusedWith('PATIENT_EXISTS'))
  const nobody = newRef(crypto, 'p')
  await assert.rejects(query('query', nobody), refusedWith('PATIENT_NOT_FOUND'))
  await assert.rejects(query('keysOf', nobody), refusedWith('PATIENT_NOT_FOUND'))
  await assert.rejects(query('participant', newRef(crypto, 'd')), refusedWith('PARTICIPANT_UNKNOWN'))
  await assert.rejects(query('organizationPolicy', 'Nobody'), refusedWith('ORGANIZATION_UNKNOWN'))
  await assert.rejects(query('warrant', newId(crypto, 'w')), refusedWith('WARRANT_UNKNOWN'))
  const other = {
    ref: doctor.identity.ref,
    kind: 'doctor',
    publicKey: encodeBase64url(crypto.generateSigningKey().publicKey),
    sealKey: encodeBase64url(doctor.keys.sealKey.publicKey),
    certSerial: doctor.certSerial,
    attributes: {},
  }
  const registering = world.submitAsAdmin('a', 'registerParticipant', [JSON.stringify(other)])
  await assert.rejects(registering, refusedWith('PARTICIPANT_EXISTS'))
  const own2 = (await world.keysOf('bob')).keys.signingKey
  const terms = parseWarrant(warrant).payload
  const again = makeWarrantRecord(crypto, own2, issueWarrant(crypto, own2, { ...terms, exp: terms.exp + 60 }))
  const recording = bob.options.hospital.submitStatement(bob.requestSigner, 'recordWarrant', again)
  await assert.rejects(recording, refusedWith('WARRANT_EXISTS'))
})

test('a server that goes back, tells two histories or lets another speak is refused its checkpoint', async () => {
  const { world } = scene
  const { crypto } = world
  const ref = newRef(crypto, 's')
  const server = await certify(world, 'server', { ref })
  const { admin } = world.organization('a')
  const registration = {
    ref,
    kind: 'server',
    publicKey: encodeBase64url(server.keys.signingKey.publicKey),
    certSerial: server.certSerial,
    attributes: {},
    server: {
      certificate: encodeBase64url(server.ledger.cert),
      teeKind: 'process',
      measurements: [],
      configDigest: '00'.repeat(32),
      attestationKeys: [],
    },
  }
  await call(admin, 'registerParticipant', JSON.stringify(registration))
  await assert.rejects(query('checkpoint', ref), refusedWith('CHECKPOINT_NOT_FOUND'))
  const key = server.keys.signingKey
  const note = (size: number, fill = 1, origin = logOriginOf(ref)) =>
    signCheckpoint(crypto, key, { origin, size, root: new Uint8Array(32).fill(fill), extensions: [] })
  const anchor = (epoch: number, checkpoint: string, by = key, serverRef: ServerRef = ref) => {
    const statement = { serverRef, epoch, checkpoint }
    const { fn, args } = anchorCallOf(statement, signAnchorStatement(crypto, by, statement))
    return call(admin, fn, ...args)
  }
  await anchor(1, note(5))
  const refused = (code: string, work: Promise<unknown>) => assert.rejects(work, refusedWith(code))
  await refused('CHECKPOINT_EPOCH', anchor(1, note(6)))
  await refused('CHECKPOINT_EPOCH', anchor(3, note(6)))
  await refused('CHECKPOINT_SMALLER', anchor(2, note(4)))
  await refused('CHECKPOINT_FORKED', anchor(2, note(5, 2)))
  await refused('CHECKPOINT_INVALID', anchor(2, 'no note'))
  await refused('CHECKPOINT_INVALID', anchor(2, note(6, 1, 'trusthealth/another')))
  await refused('CHECKPOINT_INVALID', anchor(2, note(6), admin.signingKey))
  await refused('CHECKPOINT_INVALID', anchor(2, note(6), key, world.serverRef))
  await call(admin, 'suspendParticipant', ref, 'stolen')
  await refused('PARTICIPANT_SUSPENDED', anchor(2, note(6)))
})

test('a vote for who holds the store is of an administrator, and does not go back to an earlier term', async () => {
  const { world } = scene
  const { admin } = world.organization('a')
  const vote = (term: number) => JSON.stringify({ term, instance: 'ab'.repeat(32) })
  const refused = (code: string, work: Promise<unknown>) => assert.rejects(work, refusedWith(code))
  await refused('LEDGER_FORBIDDEN', call(hospital.ledger, 'approveSuccession', world.serverRef, vote(1)))
  await refused('PARTICIPANT_UNKNOWN', call(admin, 'approveSuccession', newRef(world.crypto, 's'), vote(1)))
  await refused('LEDGER_BAD_ARGUMENT', call(admin, 'approveSuccession', world.serverRef, vote(0)))
  await call(admin, 'approveSuccession', world.serverRef, vote(2))
  await refused('SUCCESSION_OLD_TERM', call(admin, 'approveSuccession', world.serverRef, vote(1)))
  await call(admin, 'withdrawSuccession', world.serverRef, '2')
})

test('a configuration that not every organisation signed is not taken', async () => {
  const { world } = scene
  const { crypto, genesis } = world
  const [a, b] = [world.organization('a').admin, world.organization('b').admin]
  const next = { ...genesis, sequence: 1, quorum: 1, nodes: genesis.nodes, organizations: genesis.organizations }
  const configure = (configuration: typeof next, ...admins: readonly LedgerIdentity[]) => {
    const encoded = encodeConfiguration(configuration)
    const signatures = admins.map((admin) => signConfiguration(crypto, admin, encoded))
    return post('/v1/configurations', encodeConfigurationUpdate({ configuration: encoded, signatures }))
  }
  const code = 'LEDGER_CONFIGURATION_REJECTED'
  assert.equal(await configure(next), code)
  assert.equal(await configure(next, a), code)
  assert.equal(await configure(next, a, a), code)
  assert.equal(await configure(next, a, doctor.ledger), code)
  assert.equal(await configure({ ...next, sequence: 2 }, a, b), code)
  assert.equal(await configure({ ...next, channel: 'other' }, a, b), code)
  assert.equal(await post('/v1/configurations', new Uint8Array(8)), code)
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
