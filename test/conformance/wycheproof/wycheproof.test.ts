import assert from 'node:assert/strict'
import {
  concat,
  decodeBase64url,
  encodeHex,
  jwkToPoint,
  signatureFromDer,
  spkiToPoint,
  verifyRsaPss,
  type Crypto,
} from '../../../shared/crypto/src/index.ts'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import { hex, onEach, portable, readJson, refusalOf } from '../crypto-vectors.ts'

interface Vector {
  readonly tcId: number
  readonly flags?: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** Calls `check` for every vector of a file; a failure names the vector. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the shape it then tests
function forEach<T, G = unknown>(file: string, check: (vector: T & Vector, group: G) => void): number {
  const url = new URL(`vectors/${file}_test.json`, import.meta.url)
  let count = 0
  for (const group of readJson<{ testGroups: (G & { tests: (T & Vector)[] })[] }>(url).testGroups) {
    for (const vector of group.tests) {
      try {
        check(vector, group)
      } catch (error) {
        throw new Error(`${file} ${vector.tcId}`, { cause: error })
      }
      count++
    }
  }
  return count
}

onEach('Wycheproof AES-256-GCM', 66, (crypto) =>
  forEach<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>>('aes_gcm', (v) => {
    const key = crypto.importAeadKey(hex(v.key))
    const ciphertext = concat(hex(v.ct), hex(v.tag))
    const decrypt = (): Uint8Array => crypto.decrypt(key, hex(v.iv), hex(v.aad), ciphertext)
    if (v.result === 'valid') {
      assert.equal(encodeHex(decrypt()), v.msg)
      assert.deepEqual(crypto.encrypt(key, hex(v.iv), hex(v.aad), hex(v.msg)), ciphertext)
    } else assert.equal(refusalOf(decrypt), 'CRYPTO_DECRYPTION_FAILED')
  }),
)

onEach('Wycheproof HMAC-SHA-256', 87, (crypto) =>
  forEach<Record<'key' | 'msg' | 'tag', string>>('hmac_sha256', (v) => {
    const tag = encodeHex(crypto.hmac(crypto.importHmacKey(hex(v.key)), hex(v.msg)))
    assert.equal(tag === v.tag, v.result === 'valid')
  }),
)

onEach('Wycheproof HKDF-SHA-256', 86, (crypto) =>
  forEach<Record<'ikm' | 'salt' | 'info' | 'okm', string> & { readonly size: number }>('hkdf_sha256', (v) => {
    const expand = (): Uint8Array => crypto.hkdfExpand(crypto.hkdfExtract(hex(v.salt), hex(v.ikm)), hex(v.info), v.size)
    if (v.result === 'valid') assert.equal(encodeHex(expand()), v.okm)
    else assert.throws(expand, RangeError)
  }),
)

onEach('Wycheproof X25519', 518, (crypto) =>
  forEach<Record<'public' | 'private' | 'shared', string>>('x25519', (v) => {
    const agree = (): Uint8Array => crypto.agree(crypto.importAgreementKey(hex(v.private)), hex(v.public))
    // "Acceptable" are twists and non-canonical points, which RFC 7748 computes, and zero results, which it refuses.
    if (/^0+$/.test(v.shared)) assert.equal(refusalOf(agree), 'CRYPTO_WEAK_SHARED_SECRET')
    else assert.equal(encodeHex(agree()), v.shared)
  }),
)

onEach('Wycheproof ECDSA P-256, P1363', 262, (crypto) =>
  forEach<Record<'msg' | 'sig', string>, { readonly publicKeyDer: string; readonly publicKeyJwk?: unknown }>(
    'ecdsa_secp256r1_sha256_p1363',
    (v, { publicKeyDer, publicKeyJwk }) => {
      const point = spkiToPoint(hex(publicKeyDer))
      if (publicKeyJwk !== undefined) assert.deepEqual(jwkToPoint(publicKeyJwk), point)
      const key = crypto.importVerifyingKey(point)
      assert.equal(crypto.verify(key, hex(v.msg), hex(v.sig)), v.result === 'valid')
    },
  ),
)

onEach('Wycheproof ECDSA P-256, DER as in certificates', 484, (crypto) =>
  forEach<Record<'msg' | 'sig', string>, { readonly publicKeyDer: string }>(
    'ecdsa_secp256r1_sha256',
    (v, { publicKeyDer }) => {
      const key = crypto.importVerifyingKey(spkiToPoint(hex(publicKeyDer)))
      let isValid = false
      const refusal = refusalOf(() => {
        isValid = crypto.verify(key, hex(v.msg), signatureFromDer(hex(v.sig)))
      })
      assert.ok(refusal === undefined || refusal === 'CRYPTO_BAD_ENCODING')
      assert.equal(isValid, v.result === 'valid')
    },
  ),
)

onEach('Wycheproof RSASSA-PSS 3072 with SHA-256', 108, (crypto) =>
  forEach<Record<'msg' | 'sig', string>, { readonly publicKeyJwk: { readonly n: string } }>(
    'rsa_pss_3072_sha256_mgf1_32',
    (v, { publicKeyJwk }) => {
      const modulus = decodeBase64url(publicKeyJwk.n)
      assert.equal(verifyRsaPss(crypto, modulus, hex(v.msg), hex(v.sig)), v.result === 'valid')
    },
  ),
)

onEach('Wycheproof ML-KEM-768 key generation', 60, (crypto) =>
  forEach<Record<'seed' | 'ek', string>>('mlkem_768_keygen_seed', (v) => {
    assert.equal(encodeHex(crypto.importKemKey(hex(v.seed)).publicKey), v.ek)
  }),
)

onEach('Wycheproof ML-KEM-768 decapsulation', 109, (crypto) =>
  forEach<Record<'seed' | 'c' | 'K', string> & { readonly ek?: string }>('mlkem_768', (v) => {
    const seed = hex(v.seed)
    if (seed.length !== 64) {
      assert.equal(v.result, 'invalid')
      assert.throws(() => crypto.importKemKey(seed), RangeError)
      return
    }
    const key = crypto.importKemKey(seed)
    assert.equal(encodeHex(key.publicKey), v.ek)
    if (v.result === 'valid') assert.equal(encodeHex(crypto.decapsulate(key, hex(v.c))), v.K)
    else
      assert.equal(
        refusalOf(() => crypto.decapsulate(key, hex(v.c))),
        'CRYPTO_DECRYPTION_FAILED',
      )
  }),
)

/** Only the portable implementation lets a test choose m; the other must accept and refuse the same keys. */
function encapsulateWith(crypto: Crypto, m: string): Crypto {
  return crypto === portable
    ? createPortableCrypto((length) => (length === 32 ? hex(m) : new Uint8Array(length)))
    : crypto
}

onEach('Wycheproof ML-KEM-768 encapsulation', 192, (crypto) =>
  forEach<Record<'ek' | 'm' | 'c' | 'K', string>>('mlkem_768_encaps', (v) => {
    const withM = encapsulateWith(crypto, v.m)
    if (v.result !== 'valid') {
      assert.equal(
        refusalOf(() => withM.encapsulate(hex(v.ek))),
        'CRYPTO_BAD_KEY',
      )
      return
    }
    const { ciphertext, sharedSecret } = withM.encapsulate(hex(v.ek))
    if (crypto === portable) assert.deepEqual([encodeHex(ciphertext), encodeHex(sharedSecret)], [v.c, v.K])
    else assert.deepEqual([ciphertext.length, sharedSecret.length], [1088, 32])
  }),
)
