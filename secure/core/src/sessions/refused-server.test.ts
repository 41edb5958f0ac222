import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { issueEvidence, type EvidenceClaims } from '../../../../shared/protocol/src/evidence.ts'
import { newRef } from '../../../../shared/protocol/src/ids.ts'
import { startHandshake } from '../../../../shared/protocol/src/session/client.ts'
import {
  serverConfirmation,
  serverSigningInput,
  transcriptOfShares,
  type SessionKeys,
} from '../../../../shared/protocol/src/session/key-schedule.ts'
import { decodeCore, decodeReply, encodeReply, type Reply } from '../../../../shared/protocol/src/session/messages.ts'
import { answerHello, type ServerIdentity } from '../../../../shared/protocol/src/session/server.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../../../shared/protocol/src/cbor.ts'
import { openSessionWorld } from '../../../../testkit/src/session-world.ts'

const world = openSessionWorld()
const { crypto } = world
const doctor = world.participant('doctor')

/** What the client says to a reply. */
function clientTakes(change: (reply: Reply, hello: Uint8Array) => Uint8Array | Reply, server = world.server): void {
  const pending = startHandshake(crypto)
  const { reply } = answerHello(crypto, pending.hello, server)
  const changed = change(decodeReply(reply), pending.hello)
  const bytes = changed instanceof Uint8Array ? changed : encodeReply(changed)
  pending.checkServer(bytes, world.check, doctor.identity)
}

/** A reply of somebody who holds the server's identity key: a server that cheats, or our own mistakes. */
function signed(reply: Reply, hello: Uint8Array, keys?: SessionKeys): Reply {
  const t1 = transcriptOfShares(crypto, hello, reply.core)
  const sig = crypto.sign(world.server.identityKey, serverSigningInput(crypto, t1, reply.evidence))
  return { ...reply, sig, ...(keys === undefined ? {} : { mac: serverConfirmation(crypto, keys, t1, 's') }) }
}

function withCore(reply: Reply, change: Readonly<Record<string, CborValue>>): Reply {
  return { ...reply, core: encodeCbor({ ...(decodeCbor(reply.core) as Record<string, CborValue>), ...change }) }
}

test('the reply as it came is taken', () => {
  clientTakes((reply) => reply)
})

test('SESSION_SERVER_SIGNATURE: another core, evidence, signature, hello or server', () => {
  const refused = { code: 'SESSION_SERVER_SIGNATURE' }
  const other = answerHello(crypto, startHandshake(crypto).hello, world.server)
  const otherReply = decodeReply(other.reply)
  assert.throws(() => clientTakes((reply) => withCore(reply, { nonce: new Uint8Array(32) })), refused)
  assert.throws(() => clientTakes((reply) => withCore(reply, { sid: new Uint8Array(16) })), refused)
  assert.throws(() => clientTakes((reply) => ({ ...reply, core: otherReply.core })), refused)
  assert.throws(() => clientTakes((reply) => ({ ...reply, evidence: otherReply.evidence })), refused)
  assert.throws(() => clientTakes((reply) => ({ ...reply, sig: otherReply.sig })), refused)
  assert.throws(() => clientTakes(() => otherReply), refused)
  // The registration on the ledger decides which server it is, not the reply.
  const elsewhere = openSessionWorld(crypto)
  assert.throws(() => clientTakes((reply) => reply, elsewhere.server), refused)
  const impostor: ServerIdentity = { ...world.server, identityKey: crypto.generateSigningKey() }
  assert.throws(() => clientTakes((reply) => reply, impostor), refused)
})

test('SESSION_SERVER_SIGNATURE: identity misbinding, the honest reply of another registered server', () => {
  // Both servers are honest and registered; the host of ours sends the hello on to the other one.
  const other: ServerIdentity = { ...world.server, ref: newRef(crypto, 's') }
  assert.throws(() => clientTakes((reply) => reply, other), { code: 'SESSION_SERVER_SIGNATURE' })
})

test('SESSION_SERVER_CONFIRMATION: signed, but the keys are not held', () => {
  const refused = { code: 'SESSION_SERVER_CONFIRMATION' }
  assert.throws(() => clientTakes((reply) => ({ ...reply, mac: new Uint8Array(32) })), refused)
  const shares = crypto.generateAgreementKey().publicKey
  assert.throws(() => clientTakes((reply, hello) => signed(withCore(reply, { x: shares }), hello)), refused)
  const ct = crypto.encapsulate(crypto.generateKemKey().publicKey).ciphertext
  assert.throws(() => clientTakes((reply, hello) => signed(withCore(reply, { ct }), hello)), refused)
})

test('SESSION_WEAK_SHARED_SECRET: points of small order in the core', () => {
  for (const x of smallOrderPoints()) {
    assert.throws(() => clientTakes((reply, hello) => signed(withCore(reply, { x }), hello)), {
      code: 'SESSION_WEAK_SHARED_SECRET',
    })
  }
})

test('SESSION_WEAK_SHARED_SECRET: points of small order in the hello', () => {
  for (const x of smallOrderPoints()) {
    const hello = encodeCbor({ ...(decodeCbor(startHandshake(crypto).hello) as Record<string, CborValue>), x })
    assert.throws(() => answerHello(crypto, hello, world.server), { code: 'SESSION_WEAK_SHARED_SECRET' })
  }
})

test('MESSAGE_MALFORMED: another version, a missing, unknown or oversized member', () => {
  const refused = { code: 'MESSAGE_MALFORMED' }
  assert.throws(() => clientTakes((reply, hello) => signed(withCore(reply, { v: 2 }), hello)), refused)
  assert.throws(() => clientTakes((reply, hello) => signed(withCore(reply, { suite: 1 }), hello)), refused)
  assert.throws(() => clientTakes((reply) => encodeCbor({ ...reply, extra: 1 })), refused)
  assert.throws(() => clientTakes(({ core, sig, mac }) => encodeCbor({ core, sig, mac })), refused)
  const hello = decodeCbor(startHandshake(crypto).hello) as Record<string, CborValue>
  for (const change of [{ v: 0 }, { v: 2 }, { client: doctor.ref }, { x: new Uint8Array(31) }, { nonce: null }]) {
    assert.throws(() => answerHello(crypto, encodeCbor({ ...hello, ...change }), world.server), refused)
  }
  assert.throws(() => answerHello(crypto, new Uint8Array(5_000), world.server), { code: 'CBOR_MALFORMED' })
  assert.throws(() => clientTakes(() => new Uint8Array(100_000)), { code: 'CBOR_MALFORMED' })
})

test('CRYPTO_BAD_KEY: a KEM key whose numbers are not reduced', () => {
  const hello = decodeCbor(startHandshake(crypto).hello) as Record<string, CborValue>
  const kem = new Uint8Array(1184).fill(0xff)
  assert.throws(() => answerHello(crypto, encodeCbor({ ...hello, kem }), world.server), { code: 'CRYPTO_BAD_KEY' })
})

test('ATTESTATION: evidence of another session, and evidence that says the wrong thing', () => {
  const attest = (change: Partial<EvidenceClaims>): ServerIdentity => ({
    ...world.server,
    attest: (nonce) => issueEvidence(crypto, world.deviceKey, { ...world.claims, nonce, ...change }),
  })
  const refuses = (code: string, server: ServerIdentity): void =>
    assert.throws(() => clientTakes((reply) => reply, server), { code })
  refuses('ATTESTATION_NONCE', attest({ nonce: new Uint8Array(32) }))
  refuses('ATTESTATION_KIND', attest({ tee: 'tdx' }))
  refuses('ATTESTATION_DEBUG', attest({ debug: true }))
  refuses('ATTESTATION_SECURITY_VERSION', attest({ securityVersion: 2 }))
  refuses('ATTESTATION_MEASUREMENT', attest({ measurement: world.claims.configDigest }))
  refuses('ATTESTATION_IDENTITY', attest({ identityKey: doctor.key.publicKey }))
  refuses('ATTESTATION_CONFIG', attest({ configDigest: world.claims.measurement }))
  refuses('ATTESTATION_SIGNATURE', {
    ...world.server,
    attest: (nonce) => issueEvidence(crypto, doctor.key, { ...world.claims, nonce }),
  })
  const pending = startHandshake(crypto)
  const { reply } = answerHello(crypto, pending.hello, world.server)
  const { allowSimulated: _, ...policy } = world.check.policy
  assert.throws(() => pending.checkServer(reply, { ...world.check, policy }, doctor.identity), {
    code: 'ATTESTATION_SIMULATED',
  })
})

test('reflection: the client does not take its own hello as a reply', () => {
  assert.throws(() => clientTakes((_reply, hello) => hello), { code: 'MESSAGE_MALFORMED' })
})

test('any changed byte of a reply is refused, and nothing is signed for it', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (place, flip) => {
      const pending = startHandshake(crypto)
      const { reply } = answerHello(crypto, pending.hello, world.server)
      const at = place % reply.length
      reply[at] = (reply[at] as number) ^ flip
      assert.throws(
        () => pending.checkServer(reply, world.check, doctor.identity),
        (error: { code?: string }) => /^(SESSION_SERVER|CBOR|MESSAGE)_/.test(error.code ?? ''),
      )
    }),
    { numRuns: 400 },
  )
})

test('a step of the handshake is taken once', () => {
  const pending = startHandshake(crypto)
  const { reply } = answerHello(crypto, pending.hello, world.server)
  const checked = pending.checkServer(reply, world.check, doctor.identity)
  assert.throws(() => pending.checkServer(reply, world.check, doctor.identity), TypeError)
  assert.throws(() => checked.finishWith(new Uint8Array(63)), RangeError)
  assert.throws(() => checked.finishWith(new Uint8Array(64)), TypeError)
  assert.equal(decodeCore(decodeReply(reply).core).server, world.server.ref)
})

/** RFC 7748 §6.1 and its literature: 0, 1, the two points of order 8, p - 1, p, p + 1. */
function smallOrderPoints(): Uint8Array[] {
  return [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ].map((text) => Uint8Array.from(Buffer.from(text, 'hex')))
}
