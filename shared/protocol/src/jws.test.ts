import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as jose from 'jose'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { pointToJwk } from '../../crypto/src/spki.ts'
import {
  checkStatementSignature,
  kidOf,
  parseStatement,
  prepareStatement,
  signStatement,
  STATEMENT_TYPES,
  type StatementType,
  verifyStatement,
  verifyStatementByKid,
} from './jws.ts'
import { optional, struct, text, uint } from './shape.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const verifyingKey = crypto.importVerifyingKey(key.publicKey)
const kid = kidOf(crypto, key.publicKey)
const typ = 'trusthealth-grant+jwt'
const shape = struct({ a: uint(), b: optional(text({ max: 20_000 })) })
const MALFORMED = { name: 'ProtocolError', code: 'STATEMENT_MALFORMED' }
const INVALID = { name: 'ProtocolError', code: 'STATEMENT_SIGNATURE_INVALID' }

const verify = (jws: string): unknown => verifyStatement(crypto, verifyingKey, jws, typ, shape)

/** A statement with any header and payload text, properly signed. */
function signRaw(header: string, payload: string): string {
  const input = `${encodeBase64url(encodeUtf8(header))}.${encodeBase64url(encodeUtf8(payload))}`
  return `${input}.${encodeBase64url(crypto.sign(key, encodeUtf8(input)))}`
}
const HEADER = `{"alg":"ES256","kid":"${kid}","typ":"${typ}"}`

test('a signed statement verifies, with its header written in one form', () => {
  const jws = signStatement(crypto, key, typ, { a: 1 })
  assert.deepEqual(verify(jws), { a: 1 })
  assert.equal(decodeUtf8(decodeBase64url(jws.split('.')[0] as string)), HEADER)
  assert.deepEqual(verify(signRaw(HEADER, '{"a":1}')), { a: 1 })
})

test('jose takes our statements and we take those of jose', async () => {
  const jwk = pointToJwk(key.publicKey)
  const ours = signStatement(crypto, key, typ, { a: 1, b: 'é' })
  const checked = await jose.jwtVerify(ours, await jose.importJWK(jwk, 'ES256'), { algorithms: ['ES256'], typ })
  assert.deepEqual(checked.payload, { a: 1, b: 'é' })

  const d = encodeBase64url(crypto.exportSigningKey(key))
  const theirs = await new jose.SignJWT({ b: 'é', a: 1 })
    .setProtectedHeader({ alg: 'ES256', kid, typ })
    .sign(await jose.importJWK({ ...jwk, d }, 'ES256'))
  assert.deepEqual(verify(theirs), { a: 1, b: 'é' })

  const otherOrder = await new jose.SignJWT({ a: 1 })
    .setProtectedHeader({ typ, alg: 'ES256', kid })
    .sign(await jose.importJWK({ ...jwk, d }, 'ES256'))
  assert.throws(() => verify(otherOrder), MALFORMED)
})

test('the key id is the thumbprint that jose computes', async () => {
  assert.equal(kid, await jose.calculateJwkThumbprint(pointToJwk(key.publicKey)))
})

test('a signer elsewhere signs in two steps', () => {
  const unsigned = prepareStatement(kid, typ, { a: 1 })
  assert.deepEqual(verify(unsigned.withSignature(crypto.sign(key, unsigned.signingInput))), { a: 1 })
  assert.throws(() => unsigned.withSignature(new Uint8Array(63)), RangeError)
})

test('another algorithm is refused', () => {
  for (const alg of ['none', 'HS256', 'ES384', 'es256', 'RS256', 'EdDSA']) {
    assert.throws(() => verify(signRaw(HEADER.replace('ES256', alg), '{"a":1}')), MALFORMED)
  }
})

test('another typ is refused, that of every other kind too', () => {
  for (const other of Object.keys(STATEMENT_TYPES) as StatementType[]) {
    if (other === typ) continue
    assert.throws(() => verify(signRaw(HEADER.replace(typ, other), '{"a":1}')), MALFORMED)
  }
  assert.throws(() => verify(signRaw(HEADER.replace(typ, 'JWT'), '{"a":1}')), MALFORMED)
  assert.throws(() => verify(signRaw(`{"alg":"ES256","kid":"${kid}"}`, '{"a":1}')), MALFORMED)
})

test('any other text of the same header is refused', () => {
  for (const header of [
    `{"typ":"${typ}","kid":"${kid}","alg":"ES256"}`,
    ` ${HEADER}`,
    `${HEADER} `,
    HEADER.replace(',', ', '),
    HEADER.replace('alg', '\\u0061lg'),
    HEADER.replace('}', ',"crit":[]}'),
    HEADER.replace('}', ',"b64":true}'),
    HEADER.replace('}', ',"jwk":{}}'),
    HEADER.replace('}', ',"x5c":[]}'),
    HEADER.replace('}', ',"x5c":[""]}'),
    HEADER.replace('}', ',"alg":"ES256"}'),
    HEADER.replace(kid, kid.slice(1)),
    HEADER.replace(kid, `${kid.slice(0, 42)}!`),
    '',
    '{}',
    'null',
  ]) {
    assert.throws(() => verify(signRaw(header, '{"a":1}')), MALFORMED)
  }
})

test('other numbers of parts and other base64 are refused', () => {
  const jws = signStatement(crypto, key, typ, { a: 1 })
  const [header, payload, signature] = jws.split('.') as [string, string, string]
  for (const bad of [
    '',
    '.',
    '..',
    header,
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}..${signature}`,
    `.${payload}.${signature}`,
    `${jws}.`,
    `${jws}.x`,
    `.${jws}`,
    ` ${jws}`,
    `${jws}\n`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}==.${signature}`,
    `${header}.${payload}.${signature.slice(1)}`,
    `${header}.${payload}.${signature}A`,
    `${header}.${payload}.${signature.slice(0, 85)}${nextLetter(signature)}`,
    `${header}.${payload}.+${signature.slice(1)}`,
    JSON.stringify({ protected: header, payload, signature }),
  ]) {
    assert.throws(() => verify(bad), MALFORMED)
  }
  assert.throws(() => verify(undefined as unknown as string), MALFORMED)
})

/** The last character holds two bits that count and four that must be zero: this one has another of the four. */
function nextLetter(signature: string): string {
  return String.fromCharCode(signature.charCodeAt(85) + 1)
}

test('a payload with a member twice, an unknown member or another form is refused', () => {
  for (const payload of [
    '{"a":1,"a":1}',
    '{"a":1,"c":1}',
    '{}',
    '{"a":"1"}',
    '[1]',
    'null',
    '',
    '{"a":1}x',
    '{"a":1.0}',
  ]) {
    assert.throws(() => verify(signRaw(HEADER, payload)), MALFORMED)
  }
})

test('a payload that is not UTF-8 is refused', () => {
  const input = `${encodeBase64url(encodeUtf8(HEADER))}.${encodeBase64url(Uint8Array.of(0x22, 0xff, 0x22))}`
  assert.throws(() => verify(`${input}.${encodeBase64url(crypto.sign(key, encodeUtf8(input)))}`), MALFORMED)
})

test('white space and member order of the payload are free', () => {
  assert.deepEqual(verify(signRaw(HEADER, ' {"b" : "x",\n"a":1} ')), { a: 1, b: 'x' })
})

test('statements have at most 16 KiB', () => {
  const longest = (16_384 - 2 - 86 - encodeBase64url(encodeUtf8(HEADER)).length) * 0.75
  const b = 'x'.repeat(Math.floor(longest) - '{"a":1,"b":""}'.length)
  const jws = signStatement(crypto, key, typ, { a: 1, b })
  assert.ok(jws.length <= 16_384 && jws.length > 16_380)
  assert.deepEqual(verify(jws), { a: 1, b })
  assert.throws(() => signStatement(crypto, key, typ, { a: 1, b: `${b}xxxx` }), RangeError)
  assert.throws(() => verify(signRaw(HEADER, `{"a":1,"b":"${b}xxxx"}`)), MALFORMED)
})

test('up to the very limit what is signed is read; one byte more is not signed', () => {
  const lengthOf = (n: number): number =>
    prepareStatement(kid, typ, { a: 1, b: 'x'.repeat(n) }).signingInput.length + 87
  let longest = 11_000
  assert.throws(() => {
    for (;;) assert.ok(lengthOf(longest) <= 16_384, String(longest++))
  }, RangeError)
  const jws = signStatement(crypto, key, typ, { a: 1, b: 'x'.repeat(longest - 1) })
  assert.ok(jws.length > 16_384 - 3)
  assert.equal((verify(jws) as { readonly b: string }).b.length, longest - 1)
})

test('a payload that says something else of itself than it has, or has names that no reader takes, is not signed', () => {
  class Disguised {
    readonly a = 1
    toJSON(): unknown {
      return { a: -1 }
    }
  }
  const named = (name: string): object => Object.defineProperty({}, name, { value: 'x', enumerable: true })
  for (const payload of [new Disguised(), named('__proto__'), named('\ud800')]) {
    assert.throws(() => signStatement(crypto, key, typ, payload), TypeError)
  }
})

test('a payload that no reader would take is not signed', () => {
  for (const payload of [{ a: -1 }, { a: 1.5 }, { a: '\ud800' }]) {
    assert.throws(() => signStatement(crypto, key, typ, payload), TypeError)
  }
})

test('a signature of another key is refused, also when the header names the right one', () => {
  const other = crypto.generateSigningKey()
  assert.throws(() => verify(signStatement(crypto, other, typ, { a: 1 })), INVALID)
  const unsigned = prepareStatement(kid, typ, { a: 1 })
  assert.throws(() => verify(unsigned.withSignature(crypto.sign(other, unsigned.signingInput))), INVALID)
})

test('a header that names another key is refused, also when the signature is of the right one', () => {
  const other = kidOf(crypto, crypto.generateSigningKey().publicKey)
  const unsigned = prepareStatement(other, typ, { a: 1 })
  assert.throws(() => verify(unsigned.withSignature(crypto.sign(key, unsigned.signingInput))), INVALID)
})

test('the key is found by the id in the header; an unknown one is refused', () => {
  const jws = signStatement(crypto, key, typ, { a: 1 })
  assert.deepEqual(verifyStatementByKid(crypto, new Map([[kid, verifyingKey]]), jws, typ, shape), { a: 1 })
  assert.throws(() => verifyStatementByKid(crypto, new Map(), jws, typ, shape), INVALID)
  const wrong = crypto.importVerifyingKey(crypto.generateSigningKey().publicKey)
  assert.throws(() => verifyStatementByKid(crypto, new Map([[kid, wrong]]), jws, typ, shape), INVALID)
})

test('parsing alone does not verify and says so by its type', () => {
  const unsigned = prepareStatement(kid, typ, { a: 1 }).withSignature(new Uint8Array(64))
  const statement = parseStatement(unsigned, typ, shape)
  assert.equal(statement.header.kid, kid)
  assert.throws(() => checkStatementSignature(crypto, verifyingKey, statement), INVALID)
})

test('a certificate chain stands in the header where the kind has one', () => {
  const chain = [Uint8Array.of(0x30, 1, 0xff), Uint8Array.of(0x30, 2, 0xfb, 0xef)]
  const jws = signStatement(crypto, key, 'trusthealth-credential+jwt', { a: 1 }, chain)
  assert.deepEqual(parseStatement(jws, 'trusthealth-credential+jwt', shape).header, { kid, x5c: chain })
  assert.deepEqual(
    jose.decodeProtectedHeader(jws).x5c,
    chain.map((der) => Buffer.from(der).toString('base64')),
  )
  const evidence = signStatement(crypto, key, 'trusthealth-evidence+jwt', { a: 1 })
  assert.deepEqual(parseStatement(evidence, 'trusthealth-evidence+jwt', shape).header, { kid })
})

test('a chain has up to three certificates of up to 8 KiB', () => {
  const credential = 'trusthealth-credential+jwt'
  for (const chain of [[new Uint8Array(8_192)], [1, 2, 3].map(() => new Uint8Array(1))]) {
    const jws = signStatement(crypto, key, credential, { a: 1 }, chain)
    assert.deepEqual(parseStatement(jws, credential, shape).header.x5c, chain)
  }
  for (const chain of [[], [new Uint8Array(0)], [new Uint8Array(8_193)], [1, 2, 3, 4].map(() => new Uint8Array(1))]) {
    assert.throws(() => signStatement(crypto, key, credential, { a: 1 }, chain), RangeError)
  }
})

test('a chain where none belongs, none where one belongs, and other chains are refused', () => {
  const with5c = (kind: StatementType, x5c: string): string =>
    signRaw(`{"alg":"ES256","kid":"${kid}","typ":"${kind}"${x5c}}`, '{"a":1}')
  const credential = 'trusthealth-credential+jwt'
  assert.doesNotThrow(() => parseStatement(with5c(credential, ',"x5c":["MAE="]'), credential, shape))
  for (const x5c of [
    '',
    ',"x5c":[]',
    ',"x5c":[""]',
    ',"x5c":["MAE"]',
    ',"x5c":["MAF="]',
    ',"x5c":["-w=="]',
    ',"x5c":["MAE=", "MAE="]',
    ',"x5c":["MAE=","MAE=","MAE=","MAE="]',
    ',"x5c":"MAE="',
    `,"x5c":["${'AAAA'.repeat(2_731)}"]`,
  ]) {
    assert.throws(() => parseStatement(with5c(credential, x5c), credential, shape), MALFORMED)
  }
  assert.throws(() => parseStatement(with5c(typ, ',"x5c":["MAE="]'), typ, shape), MALFORMED)
  assert.throws(() => signStatement(crypto, key, typ, { a: 1 }, [Uint8Array.of(1)]), TypeError)
  assert.throws(() => signStatement(crypto, key, credential, { a: 1 }), TypeError)
  assert.throws(() => signStatement(crypto, key, credential, { a: 1 }, []), RangeError)
})

test('every flipped bit is refused', () => {
  const jws = signStatement(crypto, key, typ, { a: 1, b: 'note' })
  for (let bit = 0; bit < jws.length * 8; bit++) {
    const bytes = Uint8Array.from(jws, (character) => character.charCodeAt(0))
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.throws(() => verify(String.fromCharCode(...bytes)), { name: 'ProtocolError' })
  }
})

test('whatever the text, the refusal is one of ours', () => {
  const parts = fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((three) => three.join('.'))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), parts), (jws) => {
      assert.throws(() => verify(jws), MALFORMED)
    }),
  )
})
