/**
 * What every implementation of the crypto port must do, so that it does not matter which one a world uses.
 * Call it from a test file: `describeCrypto('node', createNodeCrypto)`; `describeCryptoPair` shows that two
 * implementations agree. Known answers are in test/conformance.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { concat, decodeHex, encodeHex, hpkeOpen, hpkeSeal, type Crypto } from '../../../shared/crypto/src/index.ts'

const EMPTY = new Uint8Array(0)
const NONCE = new Uint8Array(12)
const BAD_KEY = { name: 'CryptoError', code: 'CRYPTO_BAD_KEY' }
const FAILED = { name: 'CryptoError', code: 'CRYPTO_DECRYPTION_FAILED', message: 'decryption failed' }
const WEAK = { name: 'CryptoError', code: 'CRYPTO_WEAK_SHARED_SECRET' }
const ORDER = decodeHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

const bytes = (maxLength = 300): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const exactly = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })

function flip(input: Uint8Array, bit: number): Uint8Array {
  const at = (bit >> 3) % input.length
  return input.with(at, (input[at] as number) ^ (1 << (bit & 7)))
}

/** Runs the suite; registers its tests with node:test. */
export function describeCrypto(name: string, create: () => Crypto): void {
  const crypto = create()
  const law = (title: string, property: fc.IProperty<unknown>, numRuns = 50): void =>
    void test(`${name}: ${title}`, () => fc.assert(property as fc.IRawProperty<unknown>, { numRuns }))
  const fact = (title: string, check: () => void): void => void test(`${name}: ${title}`, check)

  fact('results are plain arrays with memory of their own', () => {
    const signing = crypto.generateSigningKey()
    const kem = crypto.generateKemKey()
    const key = crypto.importAeadKey(new Uint8Array(32))
    const agreement = crypto.generateAgreementKey()
    const { ciphertext, sharedSecret } = crypto.encapsulate(kem.publicKey)
    const results = [
      crypto.randomBytes(32),
      crypto.sha256(EMPTY),
      crypto.sha256(EMPTY, EMPTY),
      crypto.hmac(crypto.importHmacKey(NONCE), EMPTY),
      crypto.hkdfExtract(EMPTY, EMPTY),
      crypto.hkdfExpand(new Uint8Array(32), EMPTY, 40),
      crypto.encrypt(key, NONCE, EMPTY, NONCE),
      crypto.decrypt(key, NONCE, EMPTY, crypto.encrypt(key, NONCE, EMPTY, NONCE)),
      signing.publicKey,
      crypto.exportSigningKey(signing),
      crypto.sign(signing, EMPTY),
      crypto.importVerifyingKey(signing.publicKey).publicKey,
      agreement.publicKey,
      crypto.exportAgreementKey(agreement),
      crypto.agree(agreement, crypto.generateAgreementKey().publicKey),
      kem.publicKey,
      ciphertext,
      sharedSecret,
      crypto.decapsulate(kem, ciphertext),
    ]
    for (const result of results) {
      assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype)
      assert.equal(result.buffer.byteLength, result.byteLength)
    }
  })

  fact('handles keep copies and give copies, and show nothing secret', () => {
    const secret = new Uint8Array(32).fill(0xab)
    const shown = encodeHex(secret)
    const handles = [
      crypto.importAeadKey(secret),
      crypto.importHmacKey(secret),
      crypto.importSigningKey(secret),
      crypto.importAgreementKey(secret),
      crypto.importKemKey(concat(secret, secret)),
    ]
    for (const handle of handles) {
      const text = inspect(handle, { depth: 9, showHidden: true }) + JSON.stringify(handle)
      assert.ok(!text.includes(shown) && !text.includes('171, 171'))
    }
    const raw = secret.slice()
    const [aead, mac, signing, agreement] = [
      crypto.importAeadKey(raw),
      crypto.importHmacKey(raw),
      crypto.importSigningKey(raw),
      crypto.importAgreementKey(raw),
    ] as const
    const point = signing.publicKey
    const verifying = crypto.importVerifyingKey(point)
    raw.fill(1)
    point.fill(1)
    signing.publicKey.fill(1)
    verifying.publicKey.fill(1)
    crypto.exportSigningKey(signing).fill(1)
    crypto.exportAgreementKey(agreement).fill(1)
    assert.equal(encodeHex(crypto.exportSigningKey(signing)), shown)
    assert.equal(encodeHex(crypto.exportAgreementKey(agreement)), shown)
    assert.ok(crypto.verify(verifying, NONCE, crypto.sign(signing, NONCE)))
    assert.deepEqual(verifying.publicKey, signing.publicKey)
    const again = crypto.importAeadKey(secret)
    assert.deepEqual(crypto.encrypt(aead, NONCE, EMPTY, NONCE), crypto.encrypt(again, NONCE, EMPTY, NONCE))
    assert.deepEqual(crypto.hmac(mac, NONCE), crypto.hmac(crypto.importHmacKey(secret), NONCE))
  })

  fact('a handle that another implementation made is a TypeError', () => {
    const publicKey = EMPTY
    assert.throws(() => crypto.hmac({ use: 'hmac' }, EMPTY), TypeError)
    assert.throws(() => crypto.encrypt({ use: 'aead' }, NONCE, EMPTY, EMPTY), TypeError)
    assert.throws(() => crypto.decrypt({ use: 'aead' }, NONCE, EMPTY, new Uint8Array(16)), TypeError)
    assert.throws(() => crypto.sign({ use: 'sign', publicKey }, EMPTY), TypeError)
    assert.throws(() => crypto.exportSigningKey({ use: 'sign', publicKey }), TypeError)
    assert.throws(() => crypto.verify({ use: 'verify', publicKey }, EMPTY, new Uint8Array(64)), TypeError)
    assert.throws(() => crypto.agree({ use: 'agree', publicKey }, new Uint8Array(32)), TypeError)
    assert.throws(() => crypto.exportAgreementKey({ use: 'agree', publicKey }), TypeError)
    assert.throws(() => crypto.decapsulate({ use: 'kem', publicKey }, new Uint8Array(1088)), TypeError)
    // A private key of one use in the place of another, past the type checker.
    const agreement = crypto.generateAgreementKey() as unknown
    assert.throws(() => crypto.sign(agreement as ReturnType<Crypto['generateSigningKey']>, EMPTY), TypeError)
  })

  fact('random bytes have the length asked for, up to 65,536, and differ', () => {
    for (const length of [0, 1, 32, 65_536]) assert.equal(crypto.randomBytes(length).length, length)
    for (const length of [-1, 65_537, 1.5, Number.NaN]) assert.throws(() => crypto.randomBytes(length), RangeError)
    // More than any pool holds, of every size that may come from one.
    const drawn = Array.from({ length: 1_200 }, (_, i) => crypto.randomBytes(8 + (i % 70)))
    assert.equal(new Set(drawn.map((one) => encodeHex(one.subarray(0, 8)))).size, drawn.length)
    const [first, second] = [crypto.randomBytes(16), crypto.randomBytes(16)]
    const before = encodeHex(second)
    first.fill(0)
    new Uint8Array(first.buffer).fill(0)
    assert.equal(encodeHex(second), before)
  })

  law('hash and MAC see only the concatenation of their parts', fc.property(fc.array(bytes(100), { maxLength: 5 }), bytes(80), (parts, raw) => {
    assert.deepEqual(crypto.sha256(...parts), crypto.sha256(concat(...parts)))
    const key = crypto.importHmacKey(concat(raw, NONCE))
    assert.deepEqual(crypto.hmac(key, ...parts), crypto.hmac(key, concat(...parts)))
  })) // prettier-ignore

  fact('an empty HMAC key is refused', () => {
    assert.throws(() => crypto.importHmacKey(EMPTY), RangeError)
  })

  law('HKDF: extract is HMAC, an empty salt is 32 zeros, a shorter output begins a longer one', fc.property(exactly(32), bytes(), bytes(), fc.integer({ min: 1, max: 300 }), (salt, input, info, length) => {
    assert.deepEqual(crypto.hkdfExtract(salt, input), crypto.hmac(crypto.importHmacKey(salt), input))
    assert.deepEqual(crypto.hkdfExtract(EMPTY, input), crypto.hkdfExtract(new Uint8Array(32), input))
    const output = crypto.hkdfExpand(salt, info, length)
    assert.equal(output.length, length)
    assert.deepEqual(crypto.hkdfExpand(salt, info, 301).subarray(0, length), output)
  })) // prettier-ignore

  fact('HKDF: lengths from 1 to 8,160, a pseudorandom key of 32 bytes or more', () => {
    const key = new Uint8Array(32)
    assert.equal(crypto.hkdfExpand(key, EMPTY, 8_160).length, 8_160)
    for (const length of [0, 8_161, -1, 1.5]) assert.throws(() => crypto.hkdfExpand(key, EMPTY, length), RangeError)
    assert.throws(() => crypto.hkdfExpand(new Uint8Array(31), EMPTY, 32), RangeError)
  })

  law('decrypt inverts encrypt', fc.property(exactly(32), exactly(12), bytes(), bytes(3_000), (raw, nonce, aad, plaintext) => {
    const key = crypto.importAeadKey(raw)
    const ciphertext = crypto.encrypt(key, nonce, aad, plaintext)
    assert.equal(ciphertext.length, plaintext.length + 16)
    assert.deepEqual(crypto.decrypt(key, nonce, aad, ciphertext), plaintext)
  })) // prettier-ignore

  law('any flipped bit of key, nonce, associated data or ciphertext is refused with one error', fc.property(exactly(32), exactly(12), exactly(20), bytes(100), fc.nat(), fc.nat(3), (raw, nonce, aad, plaintext, bit, what) => {
    const ciphertext = crypto.encrypt(crypto.importAeadKey(raw), nonce, aad, plaintext)
    const input = [raw, nonce, aad, ciphertext] as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    input[what] = flip(input[what] as Uint8Array, bit)
    assert.throws(() => crypto.decrypt(crypto.importAeadKey(input[0]), input[1], input[2], input[3]), FAILED)
  }), 200) // prettier-ignore

  fact('every truncation and every extension of a ciphertext is refused', () => {
    const key = crypto.importAeadKey(new Uint8Array(32))
    const ciphertext = crypto.encrypt(key, NONCE, EMPTY, new Uint8Array(20))
    for (let length = 0; length < ciphertext.length; length++) {
      assert.throws(() => crypto.decrypt(key, NONCE, EMPTY, ciphertext.subarray(0, length)), FAILED)
    }
    assert.throws(() => crypto.decrypt(key, NONCE, EMPTY, concat(ciphertext, Uint8Array.of(0))), FAILED)
  })

  fact('AEAD keys have 32 bytes and nonces 12', () => {
    for (const length of [0, 16, 24, 31, 33])
      assert.throws(() => crypto.importAeadKey(new Uint8Array(length)), RangeError)
    const key = crypto.importAeadKey(new Uint8Array(32))
    for (const length of [0, 11, 13, 16]) {
      assert.throws(() => crypto.encrypt(key, new Uint8Array(length), EMPTY, EMPTY), RangeError)
      assert.throws(() => crypto.decrypt(key, new Uint8Array(length), EMPTY, new Uint8Array(16)), RangeError)
    }
  })

  const signing = crypto.generateSigningKey()
  const verifying = crypto.importVerifyingKey(signing.publicKey)

  law('a signature verifies for its message and key, and for nothing else', fc.property(bytes(), fc.nat(), fc.boolean(), (message, bit, isHigh) => {
    let signature = crypto.sign(signing, message)
    // Both s and n - s are valid; flipping a bit leads from neither to the other.
    if (isHigh) signature = negateS(signature)
    assert.equal(signature.length, 64)
    assert.equal(crypto.verify(verifying, message, signature), true)
    assert.equal(crypto.verify(verifying, message, flip(signature, bit)), false)
    assert.equal(crypto.verify(verifying, concat(message, Uint8Array.of(0)), signature), false)
    const other = crypto.importVerifyingKey(crypto.generateSigningKey().publicKey)
    assert.equal(crypto.verify(other, message, signature), false)
  }), 20) // prettier-ignore

  fact('a signature of another length, with r or s zero or not below n, is false and no exception', () => {
    const signature = crypto.sign(signing, EMPTY)
    const [r, s] = [signature.slice(0, 32), signature.slice(32)]
    const [zero, max] = [new Uint8Array(32), new Uint8Array(32).fill(0xff)]
    for (const [a, b] of [[zero, s], [r, zero], [zero, zero], [ORDER, s], [r, ORDER], [max, s], [r, max]] as const) {
      assert.equal(crypto.verify(verifying, EMPTY, concat(a, b)), false)
    } // prettier-ignore
    for (const length of [0, 63, 65, 70, 72, 128]) {
      assert.equal(crypto.verify(verifying, EMPTY, concat(signature, signature).subarray(0, length)), false)
    }
    assert.equal(crypto.verify(verifying, EMPTY, signature), true)
  })

  fact('a private scalar has 32 bytes and is in [1, n-1]; it leads back to its key', () => {
    const one = new Uint8Array(32).with(31, 1)
    const last = ORDER.with(31, (ORDER[31] as number) - 1)
    for (const scalar of [one, last, crypto.exportSigningKey(signing)]) {
      const key = crypto.importSigningKey(scalar)
      assert.deepEqual(crypto.exportSigningKey(key), scalar)
      assert.ok(crypto.verify(crypto.importVerifyingKey(key.publicKey), EMPTY, crypto.sign(key, EMPTY)))
    }
    assert.deepEqual(crypto.importSigningKey(crypto.exportSigningKey(signing)).publicKey, signing.publicKey)
    // The generator and its negative have one x.
    assert.deepEqual(
      crypto.importSigningKey(one).publicKey.subarray(0, 33),
      crypto.importSigningKey(last).publicKey.subarray(0, 33),
    )
    for (const scalar of [new Uint8Array(32), ORDER, new Uint8Array(32).fill(0xff)]) {
      assert.throws(() => crypto.importSigningKey(scalar), BAD_KEY)
    }
    for (const length of [0, 31, 33])
      assert.throws(() => crypto.importSigningKey(new Uint8Array(length).fill(1)), RangeError)
  })

  fact('a public point is uncompressed, on the curve, with coordinates below p', () => {
    const point = signing.publicKey
    const p = decodeHex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
    const compressed = concat(Uint8Array.of(2 + ((point[64] as number) & 1)), point.subarray(1, 33))
    const hybrid = point.with(0, 6 + ((point[64] as number) & 1))
    // x = 0 has a point on P-256; x = p is the same number written in a second way.
    const zeroY = decodeHex('66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4')
    assert.equal(crypto.importVerifyingKey(concat(Uint8Array.of(4), new Uint8Array(32), zeroY)).publicKey.length, 65)
    const wrong = [
      EMPTY,
      Uint8Array.of(0),
      compressed,
      hybrid,
      point.with(0, 5),
      point.subarray(0, 64),
      concat(point, Uint8Array.of(0)),
      point.with(64, (point[64] as number) ^ 1),
      concat(Uint8Array.of(4), new Uint8Array(64)),
      concat(Uint8Array.of(4), p, zeroY),
      new Uint8Array(65).fill(0xff).with(0, 4),
    ]
    for (const bad of wrong) assert.throws(() => crypto.importVerifyingKey(bad), BAD_KEY)
  })

  law('two sides agree, and exported keys lead back', fc.property(exactly(32), exactly(32), (a, b) => {
    const [alice, bob] = [crypto.importAgreementKey(a), crypto.importAgreementKey(b)]
    assert.deepEqual(crypto.agree(alice, bob.publicKey), crypto.agree(bob, alice.publicKey))
    assert.deepEqual(crypto.exportAgreementKey(alice), a)
    const fresh = crypto.generateAgreementKey()
    assert.deepEqual(crypto.importAgreementKey(crypto.exportAgreementKey(fresh)).publicKey, fresh.publicKey)
  }), 10) // prettier-ignore

  fact('every point of low order is refused as weak, in each of its encodings', () => {
    const key = crypto.generateAgreementKey()
    const lowOrder = [
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000000',
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ]
    for (const hex of lowOrder) {
      const point = decodeHex(hex)
      assert.throws(() => crypto.agree(key, point), WEAK)
      assert.throws(() => crypto.agree(key, point.with(31, (point[31] as number) | 0x80)), WEAK)
    }
  })

  fact('X25519 keys have 32 bytes', () => {
    const key = crypto.generateAgreementKey()
    for (const length of [0, 31, 33]) {
      assert.throws(() => crypto.importAgreementKey(new Uint8Array(length)), RangeError)
      assert.throws(() => crypto.agree(key, new Uint8Array(length)), BAD_KEY)
    }
  })

  law('decapsulate inverts encapsulate, and a flipped bit gives another secret without an error', fc.property(exactly(64), fc.nat(), (seed, bit) => {
    const key = crypto.importKemKey(seed)
    assert.deepEqual(crypto.importKemKey(seed).publicKey, key.publicKey)
    const { ciphertext, sharedSecret } = crypto.encapsulate(key.publicKey)
    assert.equal(ciphertext.length, 1088)
    assert.equal(sharedSecret.length, 32)
    assert.deepEqual(crypto.decapsulate(key, ciphertext), sharedSecret)
    const rejected = crypto.decapsulate(key, flip(ciphertext, bit))
    assert.equal(rejected.length, 32)
    assert.notDeepEqual(rejected, sharedSecret)
    assert.deepEqual(crypto.decapsulate(key, flip(ciphertext, bit)), rejected)
  }), 10) // prettier-ignore

  fact('ML-KEM sizes are checked, and an encapsulation key with a coefficient that is not reduced is refused', () => {
    const key = crypto.generateKemKey()
    assert.equal(key.publicKey.length, 1184)
    for (const length of [0, 32, 63, 65]) assert.throws(() => crypto.importKemKey(new Uint8Array(length)), RangeError)
    for (const length of [0, 1183, 1185]) assert.throws(() => crypto.encapsulate(new Uint8Array(length)), BAD_KEY)
    for (const length of [0, 1087, 1089]) assert.throws(() => crypto.decapsulate(key, new Uint8Array(length)), FAILED)
    // FIPS 203 §7.2: the first coefficient becomes 3329 = q, then 4095.
    const [, second] = key.publicKey
    assert.throws(
      () => crypto.encapsulate(key.publicKey.with(0, 0x01).with(1, ((second as number) & 0xf0) | 0x0d)),
      BAD_KEY,
    )
    assert.throws(() => crypto.encapsulate(key.publicKey.with(0, 0xff).with(1, (second as number) | 0x0f)), BAD_KEY)
  })

  law('HPKE: open inverts seal; another key, info, aad or a flipped bit fails with the one error', fc.property(bytes(50), bytes(50), bytes(200), fc.nat(), (info, aad, plaintext, bit) => {
    const key = crypto.generateAgreementKey()
    const sealed = hpkeSeal(crypto, key.publicKey, info, aad, plaintext)
    assert.deepEqual(hpkeOpen(crypto, key, info, aad, sealed), plaintext)
    assert.throws(() => hpkeOpen(crypto, key, concat(info, NONCE), aad, sealed), FAILED)
    assert.throws(() => hpkeOpen(crypto, key, info, concat(aad, NONCE), sealed), FAILED)
    assert.throws(() => hpkeOpen(crypto, crypto.generateAgreementKey(), info, aad, sealed), FAILED)
    assert.throws(() => hpkeOpen(crypto, key, info, aad, flip(sealed, bit)), FAILED)
    assert.throws(() => hpkeOpen(crypto, key, info, aad, sealed.subarray(0, bit % sealed.length)), FAILED)
  }), 10) // prettier-ignore

  fact('HPKE: an encapsulated key of low order fails to decrypt, a recipient of low order is refused as weak', () => {
    const key = crypto.generateAgreementKey()
    assert.throws(() => hpkeOpen(crypto, key, EMPTY, EMPTY, new Uint8Array(48)), FAILED)
    assert.throws(() => hpkeSeal(crypto, new Uint8Array(32), EMPTY, EMPTY, EMPTY), WEAK)
    assert.throws(() => hpkeSeal(crypto, new Uint8Array(31), EMPTY, EMPTY, EMPTY), BAD_KEY)
  })
}

/** Shows that two implementations compute the same and accept what the other made, in both directions. */
export function describeCryptoPair(name: string, createA: () => Crypto, createB: () => Crypto): void {
  const [a, b] = [createA(), createB()]
  const law = (title: string, property: fc.IProperty<unknown>, numRuns = 30): void =>
    void test(`${name}: ${title}`, () => fc.assert(property as fc.IRawProperty<unknown>, { numRuns }))

  law('hash, MAC, HKDF and AEAD give the same bytes', fc.property(exactly(32), exactly(12), bytes(), bytes(), (raw, nonce, x, y) => {
    const run = (crypto: Crypto): Uint8Array[] => [
      crypto.sha256(x, y),
      crypto.hmac(crypto.importHmacKey(concat(x, nonce)), y),
      crypto.hkdfExtract(x, y),
      crypto.hkdfExpand(raw, x, 1 + y.length),
      crypto.encrypt(crypto.importAeadKey(raw), nonce, x, y),
    ]
    assert.deepEqual(run(a), run(b))
  }), 100) // prettier-ignore

  law('public keys and shared secrets are the same', fc.property(exactly(32), exactly(32), exactly(64), (scalar, other, seed) => {
    const derive = (crypto: Crypto): Uint8Array[] => {
      const key = crypto.importAgreementKey(scalar)
      const kem = crypto.importKemKey(seed)
      const rejected = crypto.decapsulate(kem, new Uint8Array(1088).fill(scalar[0] as number))
      return [key.publicKey, crypto.agree(key, crypto.importAgreementKey(other).publicKey), kem.publicKey, rejected]
    }
    assert.deepEqual(derive(a), derive(b))
  }), 10) // prettier-ignore

  for (const [from, to] of [[a, b], [b, a]] as const) {
    const direction = `${from.name} to ${to.name}`
    law(`${direction}: signatures verify, keys and encapsulated secrets carry over`, fc.property(bytes(), fc.boolean(), (message, isHigh) => {
      const key = from.generateSigningKey()
      const signature = from.sign(key, message)
      const verifying = to.importVerifyingKey(key.publicKey)
      assert.ok(to.verify(verifying, message, isHigh ? negateS(signature) : signature))
      const moved = to.importSigningKey(from.exportSigningKey(key))
      assert.deepEqual(moved.publicKey, key.publicKey)
      const seed = from.randomBytes(64)
      const { ciphertext, sharedSecret } = from.encapsulate(to.importKemKey(seed).publicKey)
      assert.deepEqual(to.decapsulate(to.importKemKey(seed), ciphertext), sharedSecret)
      const recipient = to.generateAgreementKey()
      const sealed = hpkeSeal(from, recipient.publicKey, message, signature, message)
      assert.deepEqual(hpkeOpen(to, recipient, message, signature, sealed), message)
    }), 10) // prettier-ignore
  } // prettier-ignore
}

/** r ‖ n - s: the other valid signature of the same message. */
function negateS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${encodeHex(signature.subarray(32))}`)
  const n = BigInt(`0x${encodeHex(ORDER)}`)
  return concat(signature.subarray(0, 32), decodeHex((n - s).toString(16).padStart(64, '0')))
}
