import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import { decodeHex, encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { decodeCbor } from '../../../shared/protocol/src/cbor.ts'
import type { ServerRef } from '../../../shared/protocol/src/ids.ts'
import { startHandshake, type ServerCheck } from '../../../shared/protocol/src/session/client.ts'
import { transcriptOfServer, transcriptOfShares } from '../../../shared/protocol/src/session/key-schedule.ts'
import { decodeReply, type ClientRef } from '../../../shared/protocol/src/session/messages.ts'
import { SessionTable } from '../../../secure/core/src/sessions/table.ts'
import { replayCrypto } from '../../../testkit/src/taped-crypto.ts'
import { makeSessionVector, type SessionVector } from './session-vectors.ts'

const vector = JSON.parse(readFileSync(new URL('session.json', import.meta.url), 'utf8')) as SessionVector
const node = createNodeCrypto()
const IMPLEMENTATIONS: readonly Crypto[] = [node, createPortableCrypto((length) => node.randomBytes(length))]
const now = { monotonicMs: 0, unixMs: vector.nowMs }

function checkOf({ server }: SessionVector, crypto: Crypto): ServerCheck {
  const { attestationKey, ...registration } = server.registration
  return {
    server: {
      ...registration,
      identityKey: crypto.importSigningKey(decodeHex(server.identityKey)).publicKey,
      attestationKeys: [decodeHex(attestationKey)],
    },
    policy: { teeKinds: ['process'], minSecurityVersion: 3, allowSimulated: true },
  }
}

function runClient(crypto: Crypto, v: SessionVector): void {
  const taped = replayCrypto(crypto, v.client.draws)
  const pending = startHandshake(taped)
  assert.equal(encodeHex(pending.hello), v.hello)
  const key = taped.importSigningKey(decodeHex(v.client.key))
  const checked = pending.checkServer(decodeHex(v.reply), checkOf(v, crypto), {
    ref: v.client.ref as ClientRef,
    credential: { kind: 'x509', chain: [decodeHex(v.client.certificate)] },
  })
  assert.equal(encodeHex(checked.toBeSigned), v.toBeSigned)
  const signature = taped.sign(key, checked.toBeSigned)
  assert.ok(crypto.verify(crypto.importVerifyingKey(key.publicKey), checked.toBeSigned, signature))
  const unconfirmed = checked.finishWith(signature)
  assert.equal(encodeHex(unconfirmed.finish), v.finish)
  const session = unconfirmed.confirm(decodeHex(v.finishAnswer), now.monotonicMs)
  assert.equal(encodeHex(session.exporter), v.exporter)
  for (const { seq, request, frame, answer, answerFrame } of v.requests) {
    const sealed = session.sealRequest(decodeCbor(decodeHex(request)), now.monotonicMs)
    assert.deepEqual([sealed.seq, encodeHex(sealed.frame)], [seq, frame])
    assert.deepEqual(session.openAnswer(seq, decodeHex(answerFrame)), decodeCbor(decodeHex(answer)))
  }
}

function runServer(crypto: Crypto, v: SessionVector): void {
  const taped = replayCrypto(crypto, v.server.draws)
  const identityKey = taped.importSigningKey(decodeHex(v.server.identityKey))
  const server = {
    ref: v.server.ref as ServerRef,
    identityKey,
    attest(nonce: Uint8Array) {
      assert.equal(encodeHex(nonce), v.t1)
      return v.evidence
    },
  }
  const table = new SessionTable(taped, server, [{ mspId: v.server.mspId, roots: [decodeHex(v.server.root)] }])
  assert.equal(encodeHex(table.hello(decodeHex(v.hello), 1, now)), v.reply)
  const publicKey = crypto.importSigningKey(decodeHex(v.client.key)).publicKey
  const { record, session } = table.completeFinish(
    table.finish(decodeHex(v.finish), now),
    {
      mspId: v.server.mspId,
      findParticipant: (ref) => (ref === v.client.ref ? { isActive: true, publicKey } : undefined),
      revokedSerials: new Set(),
    },
    now,
  )
  assert.equal(encodeHex(record), v.finishAnswer)
  assert.equal(encodeHex(session.exporter), v.exporter)
  for (const { seq, request, frame, answer, answerFrame } of v.requests) {
    const opened = table.openRecord(decodeHex(frame), now)
    assert.deepEqual([opened.seq, opened.request], [seq, decodeCbor(decodeHex(request))])
    assert.equal(encodeHex(table.sealAnswer(session, seq, decodeCbor(decodeHex(answer)))), answerFrame)
  }
}

for (const crypto of IMPLEMENTATIONS) {
  test(`the client makes the vector's messages, byte for byte (${crypto.name})`, () => runClient(crypto, vector))
  test(`the server makes the vector's messages, byte for byte (${crypto.name})`, () => runServer(crypto, vector))
  test(`a transcript of today is the vector's kind (${crypto.name})`, () => {
    const fresh = makeSessionVector()
    runClient(crypto, fresh)
    runServer(crypto, fresh)
  })
}

test('the transcript hashes of the vector', () => {
  const { core, sig, evidence } = decodeReply(decodeHex(vector.reply))
  const t1 = transcriptOfShares(node, decodeHex(vector.hello), core)
  assert.equal(encodeHex(t1), vector.t1)
  assert.equal(encodeHex(transcriptOfServer(node, t1, sig, evidence)), vector.t2)
})
