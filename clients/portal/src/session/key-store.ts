/**
 * Identities of this browser in IndexedDB. The signing key is a key of WebCrypto that cannot be copied out; the key that
 * opens what is sealed to this participant is encrypted with another such key, and is in the worker's memory while in use.
 * No record is ever kept here.
 *
 * Limits: whoever can run code in this origin can use the keys; nobody can carry them away.
 *
 * @module
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import { encodeBase64url, type AgreementKey, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { kidOf, type Kid, type MspId } from '../../../../shared/protocol/src/index.ts'
import type { ClientCredential, ClientRef } from '../../../../shared/protocol/src/session/index.ts'
import type { Identity, ParticipantKind, Signer } from '../../../sdk/src/identity.ts'
import type { Facts } from './facts.ts'

/** An identity as it is kept. */
export interface KeptIdentity {
  /** Made here: the same person may have two identities in one browser. */
  readonly id: string
  readonly kind: ParticipantKind
  readonly ref: ClientRef
  readonly mspId: MspId
  readonly name: string
  /** Of this device. */
  readonly label: string
  readonly kid: Kid
  readonly signingKey: CryptoKey
  /** 65 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly wrappingKey: CryptoKey
  readonly sealKey: { readonly iv: Uint8Array<ArrayBuffer>; readonly ciphertext: ArrayBuffer }
  readonly credential: ClientCredential
  /** As they were when the identity was made. */
  readonly facts: Facts
  readonly createdMs: number
  /** When a recovery file of this identity was saved on this device. */
  readonly recoverySavedMs?: number
  /** What a role keeps beside it: ids and small settings, never contents of records. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Keys of somebody who is not registered yet. */
export interface BrowserKeys {
  readonly signer: Signer
  readonly sealKey: AgreementKey
  readonly signingKey: CryptoKey
  readonly publicKey: Uint8Array<ArrayBuffer>
}

interface Schema extends DBSchema {
  identities: { key: string; value: KeptIdentity }
}

const DATABASE = 'trusthealth'
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGN = { name: 'ECDSA', hash: 'SHA-256' } as const

export class KeyStore {
  readonly #crypto: Crypto
  #database: Promise<IDBPDatabase<Schema>> | undefined

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  /** A signing key that cannot leave the browser, and a key for what is sealed to it. */
  async makeKeys(): Promise<BrowserKeys> {
    const pair = await crypto.subtle.generateKey(ECDSA, false, ['sign', 'verify'])
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
    return this.#keysOf(pair.privateKey, publicKey, this.#crypto.generateAgreementKey())
  }

  /** Keys that came from another device or a recovery file; from here on they cannot be copied either. */
  async importKeys(scalar: Uint8Array, sealSecret: Uint8Array): Promise<BrowserKeys> {
    const { publicKey } = this.#crypto.importSigningKey(scalar)
    const point = new Uint8Array(publicKey)
    const jwk = { kty: 'EC', crv: 'P-256', x: b64u(point.slice(1, 33)), y: b64u(point.slice(33)), d: b64u(scalar) }
    const signingKey = await crypto.subtle.importKey('jwk', jwk, ECDSA, false, ['sign'])
    return this.#keysOf(signingKey, point, this.#crypto.importAgreementKey(sealSecret))
  }

  /** Keeps an identity; `id` is made here. */
  async keep(
    keys: BrowserKeys,
    rest: Omit<KeptIdentity, 'id' | 'kid' | 'signingKey' | 'publicKey' | 'wrappingKey' | 'sealKey'>,
  ): Promise<KeptIdentity> {
    const wrappingKey = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
    const secret = new Uint8Array(this.#crypto.exportAgreementKey(keys.sealKey))
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, wrappingKey, secret)
    secret.fill(0)
    const { signingKey, publicKey, signer } = keys
    const { kid } = signer
    const kept = {
      ...rest,
      id: crypto.randomUUID(),
      kid,
      signingKey,
      publicKey,
      wrappingKey,
      sealKey: { iv, ciphertext },
    }
    await (await this.#open()).put('identities', kept)
    return kept
  }

  /** An identity that can act. */
  async unlock(kept: KeptIdentity): Promise<Identity> {
    const { iv, ciphertext } = kept.sealKey
    const secret = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, kept.wrappingKey, ciphertext))
    const sealKey = this.#crypto.importAgreementKey(secret)
    secret.fill(0)
    const { signer } = this.#keysOf(kept.signingKey, kept.publicKey, sealKey)
    return { kind: kept.kind, ref: kept.ref, mspId: kept.mspId, signer, sealKey, credential: kept.credential }
  }

  async all(): Promise<readonly KeptIdentity[]> {
    const all = await (await this.#open()).getAll('identities')
    return all.toSorted((a, b) => a.createdMs - b.createdMs)
  }

  async find(id: string): Promise<KeptIdentity | undefined> {
    return await (await this.#open()).get('identities', id)
  }

  async change(id: string, changes: Partial<Omit<KeptIdentity, 'id'>>): Promise<void> {
    const database = await this.#open()
    const kept = await database.get('identities', id)
    if (kept !== undefined) await database.put('identities', { ...kept, ...changes })
  }

  /** The keys are gone with it. */
  async forget(id: string): Promise<void> {
    await (await this.#open()).delete('identities', id)
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    this.#database ??= openDB<Schema>(DATABASE, 1, {
      upgrade: (database) => {
        database.createObjectStore('identities', { keyPath: 'id' })
      },
    })
    return this.#database
  }

  #keysOf(signingKey: CryptoKey, publicKey: Uint8Array<ArrayBuffer>, sealKey: AgreementKey): BrowserKeys {
    const signer: Signer = {
      publicKey,
      kid: kidOf(this.#crypto, publicKey),
      sign: async (message) => new Uint8Array(await crypto.subtle.sign(SIGN, signingKey, new Uint8Array(message))),
    }
    return { signer, sealKey, signingKey, publicKey }
  }
}

function b64u(bytes: Uint8Array): string {
  return encodeBase64url(bytes)
}
