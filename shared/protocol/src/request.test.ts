import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeUtf8 } from '../../crypto/src/bytes.ts'
import { newRef } from './ids.ts'
import { signStatement } from './jws.ts'
import { checkRequestStatement, parseRequestStatement, requestStatement } from './request.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const iss = newRef(crypto, 'd')
const nowMs = 1_800_000_000_000
const body = encodeUtf8('{"a":1}')
const request = { method: 'POST', path: '/v1/appointments?day=1', body }

function header(change: object = {}, signedBy = key): string {
  const payload = requestStatement(crypto, { iss, method: 'POST', path: '/v1/appointments?day=1' }, body, nowMs)
  return `TrustHealth ${signStatement(crypto, signedBy, 'trusthealth-request+jwt', { ...payload, ...change })}`
}
function check(authorization: string | undefined, change: Partial<typeof request> = {}, timeMs = nowMs): void {
  const statement = parseRequestStatement(authorization)
  checkRequestStatement(crypto, statement, crypto.importVerifyingKey(key.publicKey), { ...request, ...change }, timeMs)
}
const rejected = { code: 'REQUEST_REJECTED' }

test('a signed request is accepted as it was sent', () => {
  assert.equal(parseRequestStatement(header()).payload.iss, iss)
  check(header())
})

test('another method, path or body is refused', () => {
  assert.throws(() => check(header(), { method: 'GET' }), rejected)
  assert.throws(() => check(header(), { path: '/v1/appointments?day=2' }), rejected)
  assert.throws(() => check(header(), { body: encodeUtf8('{"a":2}') }), rejected)
})

test('too old or from the future is refused', () => {
  check(header(), {}, nowMs + 60_000)
  check(header(), {}, nowMs - 60_000)
  assert.throws(() => check(header(), {}, nowMs + 60_001), rejected)
  assert.throws(() => check(header(), {}, nowMs - 60_001), rejected)
  assert.throws(() => check(header(), {}, nowMs + 61_000), rejected)
  assert.throws(() => check(header(), {}, nowMs - 61_000), rejected)
})

test('another key, no header, another scheme and an unknown member are refused', () => {
  assert.throws(() => check(header({}, crypto.generateSigningKey())), rejected)
  assert.throws(() => check(undefined), rejected)
  assert.throws(() => check(header().replace('TrustHealth', 'Bearer')), rejected)
  assert.throws(() => check(header().replace('TrustHealth', 'trusthealth')), rejected)
  assert.throws(() => check(header({ admin: true })), rejected)
})
