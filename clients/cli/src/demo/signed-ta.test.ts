import assert from 'node:assert/strict'
import { constants, createHash, generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'node:test'
import { signAgain } from './signed-ta.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string

const ALGORITHMS = {
  pss: { number: 0x70414930, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  pkcs1: { number: 0x70004830, padding: constants.RSA_PKCS1_PADDING },
}

function fileWith(image: string, algorithm = ALGORITHMS.pss.number): Buffer {
  const header = Buffer.alloc(20)
  header.writeUInt32LE(0x4f545348, 0)
  header.writeUInt32LE(1, 4)
  header.writeUInt32LE(image.length, 8)
  header.writeUInt32LE(algorithm, 12)
  header.writeUInt16LE(32, 16)
  header.writeUInt16LE(384, 18)
  return Buffer.concat([header, Buffer.alloc(32 + 384), Buffer.alloc(20, 7), Buffer.from(image)])
}

for (const [name, { number, ...padding }] of Object.entries(ALGORITHMS)) {
  test(`a file that is signed again has the hash and the signature of what is in it (${name})`, () => {
    const signed = Buffer.from(signAgain(fileWith('an image', number), pem))
    const hashed = Buffer.concat([signed.subarray(0, 20), signed.subarray(20 + 32 + 384)])
    assert.deepEqual(signed.subarray(20, 52), createHash('sha256').update(hashed).digest())
    assert.ok(verify('sha256', hashed, { key: publicKey, ...padding }, signed.subarray(52, 52 + 384)))
    assert.equal(signed.subarray(-8).toString(), 'an image')
  })
}

test('another kind of file is none of a trusted application', () => {
  const other = fileWith('x')
  other.writeUInt32LE(0, 12)
  for (const bad of [Buffer.alloc(0), Buffer.from('a bundle of JavaScript'), other]) {
    assert.throws(() => signAgain(bad, pem), { name: 'Surprise' })
  }
})
