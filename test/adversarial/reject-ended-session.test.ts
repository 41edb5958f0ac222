/**
 * A session that is over serves nobody: after its hour, after the server was started again, after the end of the
 * credential, and with a number that was used. The client opens a new one once by itself. docs/protocol/05 §5.6, §5.7.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { parseIdentityFile, PatientClient, readServerRegistration } from '../../clients/sdk/src/index.ts'
import { serviceIdentityPath } from '../../hospital/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { issueCredential } from '../../shared/protocol/src/index.ts'
import { RECORD_HEADER_BYTES, startHandshake, type ClientSession } from '../../shared/protocol/src/session/index.ts'
import { handmadeOptions, openScene, PRACTICE, refusedWith, type Scene } from '../../testkit/src/world/index.ts'

const HOUR_MS = 3_600_000
let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene?.world.close())

/** Alice's session in single steps: nothing opens a new one behind the test's back. */
async function openSession(): Promise<ClientSession> {
  const { world, alice } = scene
  const { ref, credential } = alice.identity
  const { signingKey } = (await world.keysOf('alice')).keys
  const server = await readServerRegistration(alice.options.ledger, world.serverRef)
  const transport = world.transport()
  const pending = startHandshake(world.crypto)
  const check = { server, policy: PRACTICE }
  const sign = (message: Uint8Array) => world.crypto.sign(signingKey, message)
  const unconfirmed = pending.complete(await transport.hello(pending.hello), check, { ref, credential, sign })
  // The client's clock stands still: only the server's tells that the session is over.
  return unconfirmed.confirm(await transport.finish(unconfirmed.finish), 0)
}

async function ask(session: ClientSession): Promise<unknown> {
  const { seq, frame } = session.sealRequest({ cmd: 'ping' }, 0)
  return session.openAnswer(seq, await scene.world.transport().record(frame))
}

test('after an hour it is over, in the middle of whatever', async () => {
  const session = await openSession()
  await ask(session)
  scene.world.clock.advanceMs(HOUR_MS - 1_000)
  await ask(session)
  scene.world.clock.advanceMs(1_000)
  await assert.rejects(ask(session), refusedWith('SESSION_EXPIRED'))
  await assert.rejects(ask(session), refusedWith('SESSION_EXPIRED', 'SESSION_UNKNOWN'))
})

test('after the server was started again nobody goes on, and the client opens a new one by itself', async () => {
  const { world, alice, stored } = scene
  const session = await openSession()
  await ask(session)
  await world.server.restart()
  await world.server.serving()
  await assert.rejects(ask(session), refusedWith('SESSION_UNKNOWN'))
  await alice.read(stored.recordId)
})

test('with the end of the credential it is over, and none like it opens another', async () => {
  const { world, bob } = scene
  const { crypto } = world
  const service = parseIdentityFile(crypto, readFileSync(serviceIdentityPath(world.hospitalFolder('a')), 'utf8'))
  if (service.identity.credential.kind !== 'x509') throw new TypeError('a hospital has a certificate')
  const iat = Math.floor(world.clock.nowMs() / 1000)
  const jws = issueCredential(crypto, service.keys.signingKey, service.identity.credential.chain, {
    iss: world.hospitalRef('a'),
    sub: bob.ref,
    publicKey: encodeBase64url(bob.identity.signer.publicKey),
    sealKey: encodeBase64url(bob.identity.sealKey.publicKey),
    iat,
    exp: iat + 600,
  })
  const credential = { kind: 'patient', jws } as const
  const client = new PatientClient(handmadeOptions(world, { ...bob.identity, credential }))
  await client.records()
  world.clock.advanceMs(601_000)
  await assert.rejects(client.records(), refusedWith('CREDENTIAL_EXPIRED'))
})

test('a number that was used, or is too old, is refused, and does not end the session', async () => {
  const { world } = scene
  const session = await openSession()
  const frames = Array.from({ length: 1_030 }, () => {
    const sealed = session.sealRequest({ cmd: 'ping' }, 0)
    // So many may not wait for answers at once.
    session.forget(sealed.seq)
    return sealed
  })
  const send = (frame: Uint8Array) => world.transport().record(frame)
  const [first, second] = frames.map(({ frame }) => frame)
  const last = frames.at(-1)?.frame
  assert.ok(first !== undefined && second !== undefined && last !== undefined)
  await send(first)
  await assert.rejects(send(first), refusedWith('SESSION_REPLAY'))
  await send(last)
  // It was never sent, and is more than 1,024 behind.
  await assert.rejects(send(second), refusedWith('SESSION_REPLAY'))
  await ask(session)
})

test('a record that is too short, of nobody, or changed does not end the session', async () => {
  const { world } = scene
  const session = await openSession()
  const { seq, frame } = session.sealRequest({ cmd: 'ping' }, 0)
  const send = (bytes: Uint8Array) => world.transport().record(bytes)
  await assert.rejects(send(frame.slice(0, RECORD_HEADER_BYTES)), refusedWith('SESSION_RECORD_REJECTED'))
  const stranger = frame.slice()
  stranger.set(world.crypto.randomBytes(16))
  await assert.rejects(send(stranger), refusedWith('SESSION_UNKNOWN'))
  const changed = frame.slice()
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1
  await assert.rejects(send(changed), refusedWith('SESSION_RECORD_REJECTED'))
  session.openAnswer(seq, await send(frame))
})

test('after all that everything is as it was', async () => {
  assert.equal((await scene.world.verifyEverything()).records, 1)
})
