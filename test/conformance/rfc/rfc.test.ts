import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  concat,
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  encodeUtf8,
  hpkeOpen,
  jwkToPoint,
  pointToJwk,
} from '../../../shared/crypto/src/index.ts'
import { hpkeSealWithEphemeral } from '../../../shared/crypto/src/hpke.ts'
import { hex, node, onEach, readJson, refusalOf } from '../crypto-vectors.ts'

/** RFC 4231 §4.2 to §4.8; §4.6 gives the first 16 bytes only. */
const RFC_4231 = [
  {
    key: '0b'.repeat(20),
    message: '4869205468657265',
    mac: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  },
  {
    key: '4a656665',
    message: '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    mac: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  {
    key: 'aa'.repeat(20),
    message: 'dd'.repeat(50),
    mac: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  },
  {
    key: '0102030405060708090a0b0c0d0e0f10111213141516171819',
    message: 'cd'.repeat(50),
    mac: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  },
  {
    key: 'aa'.repeat(131),
    message:
      '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
    mac: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  },
  {
    key: 'aa'.repeat(131),
    message:
      '5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e',
    mac: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  },
  {
    key: '0c'.repeat(20),
    message: '546573742057697468205472756e636174696f6e',
    mac: 'a3b6167473100ee06e0c796c2955552b',
  },
]

onEach('RFC 4231 HMAC-SHA-256', 7, (crypto) => {
  for (const { key, message, mac } of RFC_4231) {
    const result = crypto.hmac(crypto.importHmacKey(hex(key)), hex(message))
    assert.equal(encodeHex(result.subarray(0, mac.length / 2)), mac)
  }
  return RFC_4231.length
})

/** RFC 5869 A.1 to A.3. */
const RFC_5869 = [
  {
    ikm: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    ikm: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f',
    salt: '606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf',
    info: 'b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
    prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    ikm: '0b'.repeat(22),
    salt: '',
    info: '',
    prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
]

onEach('RFC 5869 HKDF-SHA-256', 3, (crypto) => {
  for (const { ikm, salt, info, prk, okm } of RFC_5869) {
    assert.equal(encodeHex(crypto.hkdfExtract(hex(salt), hex(ikm))), prk)
    assert.equal(encodeHex(crypto.hkdfExpand(hex(prk), hex(info), okm.length / 2)), okm)
  }
  return RFC_5869.length
})

onEach('FIPS 180-4 SHA-256, one million times a', 2, (crypto) => {
  const expected = 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'
  const thousand = new Uint8Array(1_000).fill(0x61)
  const parts = Array.from({ length: 1_000 }, () => thousand)
  assert.equal(encodeHex(crypto.sha256(...parts)), expected)
  assert.equal(encodeHex(crypto.sha256(concat(...parts))), expected)
  return 2
})

/** RFC 7748 §5.2 and §6.1: scalar, u, result. */
const NINE = '09'.padEnd(64, '0')
const RFC_7748 = [
  ['a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4', 'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c', 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552'],
  ['4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d', 'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493', '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957'],
  [NINE, NINE, '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079'],
  ['77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a', 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f', '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'],
  ['5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'],
  ['77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a', NINE, '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'],
  ['5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', NINE, 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'],
] as const // prettier-ignore

onEach('RFC 7748 X25519', 14, (crypto) => {
  for (const [scalar, u, result] of RFC_7748) {
    const key = crypto.importAgreementKey(hex(scalar))
    assert.equal(encodeHex(crypto.agree(key, hex(u))), result)
    if (u === NINE) assert.equal(encodeHex(key.publicKey), result)
  }
  return RFC_7748.length * 2
})

// On node:crypto only: the portable implementation takes seconds and runs the 518 vectors of Wycheproof.
test('RFC 7748 §5.2 X25519, 1,000 iterations (node)', () => {
  let [k, u] = [hex(NINE), hex(NINE)]
  for (let i = 0; i < 1_000; i++) [k, u] = [node.agree(node.importAgreementKey(k), u), k]
  assert.equal(encodeHex(k), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51')
})

onEach('RFC 6979 A.2.5 ECDSA P-256 with SHA-256', 2, (crypto) => {
  const key = crypto.importSigningKey(hex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'))
  const ux = '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6'
  const uy = '7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299'
  assert.deepEqual(key.publicKey, hex(`04${ux}${uy}`))
  const verifying = crypto.importVerifyingKey(key.publicKey)
  const signatures = {
    sample:
      'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716' +
      'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
    test:
      'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367' +
      '019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083',
  }
  for (const [message, signature] of Object.entries(signatures)) {
    assert.equal(crypto.verify(verifying, encodeUtf8(message), hex(signature)), true)
    assert.equal(crypto.verify(verifying, encodeUtf8(`${message} `), hex(signature)), false)
  }
  return 2
})

onEach('RFC 7515 A.3 ES256', 1, (crypto) => {
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  }
  const point = jwkToPoint(jwk)
  assert.deepEqual(pointToJwk(point), jwk)
  const key = crypto.importSigningKey(decodeBase64url('jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI'))
  assert.deepEqual(key.publicKey, point)
  const signingInput =
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
  const signature = decodeBase64url(
    'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
  )
  assert.ok(crypto.verify(crypto.importVerifyingKey(point), encodeUtf8(signingInput), signature))
  return 1
})

onEach('RFC 4648 §10 base64url without padding, base16', 7, () => {
  const expected = ['', 'Zg', 'Zm8', 'Zm9v', 'Zm9vYg', 'Zm9vYmE', 'Zm9vYmFy']
  expected.forEach((text, length) => {
    const bytes = encodeUtf8('foobar'.slice(0, length))
    assert.equal(encodeBase64url(bytes), text)
    assert.deepEqual(decodeBase64url(text), bytes)
    assert.equal(encodeHex(bytes), '666f6f626172'.slice(0, 2 * length))
  })
  return expected.length
})

onEach('RFC 9180 base mode, X25519, HKDF-SHA256, AES-256-GCM', 1, (crypto) => {
  type Message = Record<'aad' | 'ct' | 'pt', string>
  const v = readJson<Record<'info' | 'skRm' | 'pkRm' | 'skEm' | 'enc', string> & { encryptions: [Message, Message] }>(
    new URL('vectors/rfc9180-x25519-aes256gcm.json', import.meta.url),
  )
  const [first, second] = v.encryptions
  const recipient = crypto.importAgreementKey(hex(v.skRm))
  assert.equal(encodeHex(recipient.publicKey), v.pkRm)
  const ephemeral = crypto.importAgreementKey(hex(v.skEm))
  const sealed = hpkeSealWithEphemeral(crypto, ephemeral, hex(v.pkRm), hex(v.info), hex(first.aad), hex(first.pt))
  assert.equal(encodeHex(sealed), v.enc + first.ct)
  assert.equal(encodeHex(hpkeOpen(crypto, recipient, hex(v.info), hex(first.aad), sealed)), first.pt)
  // Sequence number 1 of the same context: a single shot has no second message.
  const later = hex(v.enc + second.ct)
  const refusal = refusalOf(() => hpkeOpen(crypto, recipient, hex(v.info), hex(second.aad), later))
  assert.equal(refusal, 'CRYPTO_DECRYPTION_FAILED')
  return 1
})
