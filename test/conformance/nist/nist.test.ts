import assert from 'node:assert/strict'
import { concat, encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import { hex, node, onEach, portable, readCavp, readJson, refusalOf } from '../crypto-vectors.ts'

type Entry = Readonly<Record<string, string>>

function forEach(file: string, check: (entry: Entry) => void): number {
  const entries = readCavp(new URL(`vectors/${file}`, import.meta.url))
  entries.forEach((entry, i) => {
    try {
      check(entry)
    } catch (error) {
      throw new Error(`${file}, entry ${i}`, { cause: error })
    }
  })
  return entries.length
}

function field(entry: Entry, name: string): Uint8Array {
  const value = entry[name]
  if (value === undefined) throw new Error(`no field ${name}`)
  return hex(value)
}

const pointOf = (entry: Entry): Uint8Array => concat(Uint8Array.of(4), field(entry, 'Qx'), field(entry, 'Qy'))

/** A coordinate that is out of range may need more than 32 bytes. */
function evenHex(coordinate = ''): string {
  return coordinate.padStart(Math.max(64, coordinate.length + (coordinate.length & 1)), '0')
}

onEach('FIPS 180-4 SHA-256, short messages', 65, (crypto) =>
  forEach('SHA256ShortMsg.rsp', (entry) => {
    const message = field(entry, 'Msg').subarray(0, Number(entry['Len']) / 8)
    assert.equal(encodeHex(crypto.sha256(message)), entry['MD'])
  }),
)

onEach('SP 800-38D AES-256-GCM, encryption', 375, (crypto) =>
  forEach('gcmEncryptExtIV256.rsp', (entry) => {
    const key = crypto.importAeadKey(field(entry, 'Key'))
    const ciphertext = crypto.encrypt(key, field(entry, 'IV'), field(entry, 'AAD'), field(entry, 'PT'))
    assert.deepEqual(ciphertext, concat(field(entry, 'CT'), field(entry, 'Tag')))
  }),
)

onEach('SP 800-38D AES-256-GCM, decryption', 375, (crypto) => {
  let refused = 0
  const count = forEach('gcmDecrypt256.rsp', (entry) => {
    const key = crypto.importAeadKey(field(entry, 'Key'))
    const ciphertext = concat(field(entry, 'CT'), field(entry, 'Tag'))
    const decrypt = (): Uint8Array => crypto.decrypt(key, field(entry, 'IV'), field(entry, 'AAD'), ciphertext)
    if ('FAIL' in entry) {
      assert.equal(refusalOf(decrypt), 'CRYPTO_DECRYPTION_FAILED')
      refused++
    } else assert.deepEqual(decrypt(), field(entry, 'PT'))
  })
  assert.ok(refused > 100)
  return count
})

onEach('FIPS 186 ECDSA P-256, signature verification', 15, (crypto) => {
  let valid = 0
  const count = forEach('SigVer.rsp', (entry) => {
    const key = crypto.importVerifyingKey(pointOf(entry))
    const isValid = crypto.verify(key, field(entry, 'Msg'), concat(field(entry, 'R'), field(entry, 'S')))
    assert.equal(isValid, entry['Result']?.startsWith('P'))
    if (isValid) valid++
  })
  assert.ok(valid > 0 && valid < count)
  return count
})

onEach('FIPS 186 ECDSA P-256, generated signatures verify and keys agree', 15, (crypto) =>
  forEach('SigGen.txt', (entry) => {
    const key = crypto.importSigningKey(field(entry, 'd'))
    assert.deepEqual(key.publicKey, pointOf(entry))
    const verifying = crypto.importVerifyingKey(pointOf(entry))
    assert.ok(crypto.verify(verifying, field(entry, 'Msg'), concat(field(entry, 'R'), field(entry, 'S'))))
    assert.ok(crypto.verify(verifying, field(entry, 'Msg'), crypto.sign(key, field(entry, 'Msg'))))
  }),
)

onEach('FIPS 186 P-256, public key validation', 12, (crypto) => {
  let refused = 0
  const count = forEach('PKV.rsp', (entry) => {
    const point = hex(`04${evenHex(entry['Qx'])}${evenHex(entry['Qy'])}`)
    const refusal = refusalOf(() => crypto.importVerifyingKey(point))
    assert.equal(refusal, entry['Result']?.startsWith('P') ? undefined : 'CRYPTO_BAD_KEY')
    if (refusal !== undefined) refused++
  })
  assert.ok(refused > 0 && refused < count)
  return count
})

onEach('FIPS 186 P-256, key pairs', 10, (crypto) => {
  let count = 0
  forEach('KeyPair.rsp', (entry) => {
    if (!('d' in entry)) return
    assert.deepEqual(crypto.importSigningKey(field(entry, 'd')).publicKey, pointOf(entry))
    count++
  })
  return count
})

onEach('FIPS 203 ML-KEM-768, key generation (ACVP)', 25, (crypto) => {
  const url = new URL('vectors/ml-kem-768-keygen.json', import.meta.url)
  const tests = readJson<Record<'d' | 'z' | 'ek', string>[]>(url)
  for (const { d, z, ek } of tests) assert.deepEqual(crypto.importKemKey(hex(d + z)).publicKey, hex(ek))
  return tests.length
})

onEach('FIPS 203 ML-KEM-768, encapsulation (ACVP)', 25, (crypto) => {
  const url = new URL('vectors/ml-kem-768-encapsulation.json', import.meta.url)
  const tests = readJson<Record<'ek' | 'm' | 'c' | 'k', string>[]>(url)
  for (const { ek, m, c, k } of tests) {
    // Only the portable implementation lets a test choose m.
    const withM: Crypto = crypto === portable ? createPortableCrypto((length) => hex(m).slice(0, length)) : node
    const { ciphertext, sharedSecret } = withM.encapsulate(hex(ek))
    if (crypto === portable) assert.deepEqual([ciphertext, sharedSecret], [hex(c), hex(k)])
    else assert.deepEqual([ciphertext.length, sharedSecret.length], [1088, 32])
  }
  return tests.length
})
