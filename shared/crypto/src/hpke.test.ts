import assert from 'node:assert/strict'
import type { webcrypto } from 'node:crypto'
import { test } from 'node:test'
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { concat, encodeUtf8 } from './bytes.ts'
import { HPKE_OVERHEAD_BYTES, hpkeOpen, hpkeSeal } from './hpke.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { createPortableCrypto } from './portable-crypto.ts'
import type { Crypto } from './port.ts'

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const node = createNodeCrypto()
const implementations = [node, createPortableCrypto((length) => node.randomBytes(length))]
const [info, aad, plaintext] = [encodeUtf8('info'), encodeUtf8('aad'), encodeUtf8('a treatment key')]

function handleOf(crypto: Crypto, raw: ArrayBuffer): ReturnType<Crypto['importAgreementKey']> {
  return crypto.importAgreementKey(new Uint8Array(raw))
}

for (const crypto of implementations) {
  test(`${crypto.name}: another implementation opens what we seal, and we open what it seals`, async () => {
    // The referee's types name the DOM's CryptoKeyPair, which this project does not load.
    const recipient = (await suite.kem.generateKeyPair()) as webcrypto.CryptoKeyPair
    const publicKey = new Uint8Array(await suite.kem.serializePublicKey(recipient.publicKey))
    const ours = handleOf(crypto, await suite.kem.serializePrivateKey(recipient.privateKey))
    assert.deepEqual(ours.publicKey, publicKey)

    const sealed = hpkeSeal(crypto, publicKey, info, aad, plaintext)
    assert.equal(sealed.length, plaintext.length + HPKE_OVERHEAD_BYTES)
    const enc = sealed.slice(0, 32)
    const context = await suite.createRecipientContext({ recipientKey: recipient.privateKey, enc, info })
    assert.deepEqual(new Uint8Array(await context.open(sealed.slice(32), aad)), plaintext)

    const sender = await suite.createSenderContext({ recipientPublicKey: recipient.publicKey, info })
    const ciphertext = new Uint8Array(await sender.seal(plaintext, aad))
    assert.deepEqual(hpkeOpen(crypto, ours, info, aad, concat(new Uint8Array(sender.enc), ciphertext)), plaintext)
    // A second message of the same context has sequence number 1, which a single shot never opens.
    const second = new Uint8Array(await sender.seal(plaintext, aad))
    assert.throws(() => hpkeOpen(crypto, ours, info, aad, concat(new Uint8Array(sender.enc), second)), {
      code: 'CRYPTO_DECRYPTION_FAILED',
    })
  })
}

test('two seals of one message differ', () => {
  const { publicKey } = node.generateAgreementKey()
  assert.notDeepEqual(hpkeSeal(node, publicKey, info, aad, plaintext), hpkeSeal(node, publicKey, info, aad, plaintext))
})

test('a recipient key of another implementation is the bug of the caller, not a failed decryption', () => {
  const foreign = { use: 'agree', publicKey: new Uint8Array(32) } as const
  assert.throws(() => hpkeOpen(node, foreign, info, aad, new Uint8Array(48).fill(9)), TypeError)
})
