/**
 * Keys of the OAuth server: for identity tokens and for cookies. Made once, kept in the hospital's encrypted store.
 *
 * @module
 */
import { randomBytes, webcrypto } from 'node:crypto'
import type { HospitalDatabase } from '../database.ts'

export interface SmartKeys {
  /** Private keys: RS256 is what every client can check, ES256 what is small. */
  readonly jwks: { readonly keys: webcrypto.JsonWebKey[] }
  readonly cookieKeys: readonly string[]
}

export async function openSmartKeys(db: HospitalDatabase): Promise<SmartKeys> {
  const known = db.prepare(`SELECT value FROM smart_key WHERE name = 'keys'`).pluck().get() as string | undefined
  if (known !== undefined) return JSON.parse(known) as SmartKeys
  const keys: SmartKeys = {
    jwks: { keys: [await rsaKey(), await ecKey()] },
    cookieKeys: [randomBytes(32).toString('base64url')],
  }
  db.prepare(`INSERT INTO smart_key VALUES ('keys', ?)`).run(JSON.stringify(keys))
  return keys
}

async function rsaKey(): Promise<webcrypto.JsonWebKey> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2_048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  }
  return await exported(await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']), 'RS256')
}

async function ecKey(): Promise<webcrypto.JsonWebKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  return await exported(await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']), 'ES256')
}

async function exported({ privateKey }: webcrypto.CryptoKeyPair, alg: string): Promise<webcrypto.JsonWebKey> {
  const { key_ops: _ops, ext: _ext, ...jwk } = await webcrypto.subtle.exportKey('jwk', privateKey)
  return { ...jwk, alg, use: 'sig' }
}
