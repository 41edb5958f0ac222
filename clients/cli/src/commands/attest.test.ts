import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { newRef, sha256Hex, type EvidenceResult, type Kid } from '../../../../shared/protocol/src/index.ts'
import { Output } from '../output.ts'
import { wordsOf } from './attest.ts'

const crypto = createNodeCrypto()
const digest = () => sha256Hex(crypto.randomBytes(32))
const silent = { write: () => true, isTTY: false, columns: 90 }
const output = new Output({ json: 'off', quiet: false, verbose: false, color: false }, silent, silent, {})

const result: EvidenceResult = {
  nonce: new Uint8Array(32),
  iat: 1_700_000_000,
  tee: 'optee',
  simulated: false,
  debug: false,
  measurement: digest(),
  runtime: digest(),
  securityVersion: 2,
  serverRef: newRef(crypto, 's'),
  identityKey: new Uint8Array(65),
  configDigest: digest(),
  isolation: ['trustzone'],
  optee: { core: digest(), version: '4.10.0', signer: digest(), reportKey: new Uint8Array(384) },
  attestationKid: 'A'.repeat(43) as Kid,
}
const { identityKey, serverRef, configDigest, measurement } = result
const registration = {
  serverRef,
  identityKey,
  teeKind: 'optee',
  measurements: [digest(), measurement],
  configDigest,
  attestationKeys: [],
}
const say = (change: Partial<EvidenceResult> = {}, isFresh = true) =>
  wordsOf({ output }, { ...result, ...change }, registration, isFresh)

test('evidence of TrustZone is explained: program, signer, system below, and what nobody proved', () => {
  const words = say()
  assert.match(words, /number 2/)
  assert.match(words, /ARM TrustZone with OP-TEE/)
  assert.match(words, /OP-TEE 4\.10\.0/)
  assert.ok(words.includes(result.runtime.slice(0, 16)) && words.includes(result.optee?.signer.slice(0, 16) ?? '-'))
  assert.match(words, /booted securely/)
  assert.doesNotMatch(words, /PRACTICE/)
})

test('an emulated TrustZone is practice, a debug build is readable, old evidence is old', () => {
  assert.match(say({ simulated: true, isolation: ['trustzone', 'emulated'] }), /PRACTICE: this TrustZone is emulated/)
  assert.match(say({ isolation: ['trustzone', 'rpmb'] }), /cannot be put back to an older one/)
  assert.match(say({ debug: true }), /its operator can read everything/)
  assert.match(say({}, false), /what runs now may be something else/)
})

test('evidence of a process says so', () => {
  const { optee: _, ...process } = result
  assert.match(wordsOf({ output }, { ...process, tee: 'process', simulated: true }, registration, true), /simulated/)
})
