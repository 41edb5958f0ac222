/**
 * What our own work is measured beside: work of the same kind that no change of this project makes faster or slower.
 * Node's own P-256, AES-GCM, SHA-256, JSON and buffers, on 2 kB.
 *
 * @module
 */
import {
  createCipheriv,
  createHash,
  createSecretKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'

const text = JSON.stringify({ narrative: 'laboratory values within range '.repeat(60), values: [1, 2, 3, 4, 5, 6] })
const key = createSecretKey(Buffer.alloc(32, 7))
const nonce = Buffer.alloc(12, 1)

let pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } | undefined

/** @throws {Error} if the machine computes wrongly. */
export function yardstick(times: number): void {
  pair ??= generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { privateKey, publicKey } = pair
  for (let i = 0; i < times; i++) {
    const parsed = JSON.parse(text) as { values: number[] }
    parsed.values.push(i)
    const body = Buffer.from(JSON.stringify(parsed))
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    const sealed = Buffer.concat([cipher.update(body), cipher.final(), cipher.getAuthTag()])
    const digest = createHash('sha256').update(sealed).digest()
    if (!verify('sha256', digest, publicKey, sign('sha256', digest, privateKey))) throw new Error('a wrong signature')
  }
}
