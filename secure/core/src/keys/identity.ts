/**
 * The server's identity key: it signs checkpoints, receipts, anchor statements and handshakes. It is made here, sealed in
 * the store, and exchanged for a next one that it signs itself, when the ledger has that one.
 * Spec: docs/protocol/02-registration.md §2.10.
 *
 * The row of a key that was exchanged is overwritten in the store. Not promised: that copies inside the engine are
 * overwritten, or that a copy of the store made earlier does not hold it, sealed.
 *
 * @module
 */
import { label, type Crypto, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { signKeyHandover } from '../../../../shared/ledger-model/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  mspIdShape,
  struct,
  type MspId,
  type ServerRef,
} from '../../../../shared/protocol/src/index.ts'
import { StorageError, TrustedApplicationError } from '../errors.ts'
import type { Store } from '../store.ts'
import type { SealingKeys } from './sealing-keys.ts'

const META = 'identity'
const META_NEXT = 'identity-next'
const META_NEXT_CERTIFICATE = 'identity-next-certificate'
const KIND = 'identity'
const ID = 'current'
const ROW = label('ta-identity')

const certifiedShape = struct({ mspId: mspIdShape, cert: bytes({ min: 1, max: 8_192 }) })

export interface Certified {
  readonly mspId: MspId
  /** DER. */
  readonly cert: Uint8Array
}

/** A key that waits for the ledger. */
interface Next {
  readonly key: SigningKey
  readonly certified?: Certified
}

export class IdentityKeys {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #sealing: SealingKeys
  #current: SigningKey
  #next: Next | undefined

  private constructor(store: Store, sealing: SealingKeys, current: SigningKey, next?: Next) {
    this.#crypto = store.crypto
    this.#store = store
    this.#sealing = sealing
    this.#current = current
    this.#next = next
  }

  /** The first one. Durable with the round. */
  static create(store: Store, sealing: SealingKeys): IdentityKeys {
    const identity = new IdentityKeys(store, sealing, store.crypto.generateSigningKey())
    identity.#write(META, identity.#current)
    return identity
  }

  /** @throws {StorageError} `STORE_DAMAGED`; `STATE_ROLLED_BACK` for a key that was exchanged. */
  static open(store: Store, sealing: SealingKeys): IdentityKeys {
    const current = findKey(store, sealing, META)
    if (current === undefined) throw new StorageError('STORE_DAMAGED', 'the identity key is missing')
    // The first key has no head: stores of before the rule have none.
    if (store.state.get(KIND, ID) !== undefined) store.state.checkRow(KIND, ID, identityDigest(store.crypto, current))
    const key = findKey(store, sealing, META_NEXT)
    if (key === undefined) return new IdentityKeys(store, sealing, current)
    const row = store.findMeta(META_NEXT_CERTIFICATE)
    const certified = row === undefined ? {} : { certified: decodeMessage(row, certifiedShape, 'certificate') }
    return new IdentityKeys(store, sealing, current, { key, ...certified })
  }

  get current(): SigningKey {
    return this.#current
  }

  get next(): { readonly publicKey: Uint8Array; readonly certified?: Certified } | undefined {
    const next = this.#next
    if (next === undefined) return undefined
    const { key, certified } = next
    return { publicKey: key.publicKey, ...(certified === undefined ? {} : { certified }) }
  }

  /**
   * Makes the next key, once until it is taken, and signs it with this one.
   * @returns its public key (65 bytes) and the signature (64 bytes) for the ledger.
   */
  prepare(serverRef: ServerRef): { readonly identityKey: Uint8Array; readonly handover: Uint8Array } {
    if (this.#next === undefined) {
      this.#next = { key: this.#crypto.generateSigningKey() }
      this.#write(META_NEXT, this.#next.key)
    }
    const { publicKey } = this.#next.key
    return {
      identityKey: publicKey,
      handover: signKeyHandover(this.#crypto, this.#current, { serverRef, next: publicKey }),
    }
  }

  /**
   * From now on the next key may be taken.
   * @param check gives the certificate of that public key, or refuses.
   * @throws {TrustedApplicationError} `KEY_UNKNOWN`: none was prepared.
   */
  certify(check: (publicKey: Uint8Array) => Certified): void {
    if (this.#next === undefined) throw new TrustedApplicationError('KEY_UNKNOWN')
    const certified = check(this.#next.key.publicKey)
    this.#next = { key: this.#next.key, certified }
    this.#store.setMeta(META_NEXT_CERTIFICATE, encodeCbor({ ...certified }))
  }

  /**
   * The next key is the server's from here on, and the one before is gone. Durable with the round.
   * @returns 32 bytes, for the log.
   */
  take(): { readonly digest: Uint8Array; readonly certified: Certified } {
    const next = this.#next
    if (next?.certified === undefined) throw new TypeError('no next key is certified')
    this.#write(META, next.key)
    this.#store.removeMeta(META_NEXT)
    this.#store.removeMeta(META_NEXT_CERTIFICATE)
    const digest = identityDigest(this.#crypto, next.key)
    this.#store.state.set(KIND, ID, digest)
    this.#current = next.key
    this.#next = undefined
    return { digest, certified: next.certified }
  }

  /** Both keys with the newest sealing key. Durable with the round. */
  sealAgain(): void {
    this.#write(META, this.#current)
    if (this.#next !== undefined) this.#write(META_NEXT, this.#next.key)
  }

  #write(name: string, key: SigningKey): void {
    const scalar = this.#crypto.exportSigningKey(key)
    this.#store.setMeta(name, this.#sealing.seal([name], scalar))
    scalar.fill(0)
  }
}

/** 32 bytes, SHA-256(L(ta-identity) ‖ public key of 65 bytes): what the log says of a key. */
export function identityDigest(crypto: Crypto, { publicKey }: Pick<SigningKey, 'publicKey'>): Uint8Array {
  return crypto.sha256(ROW, publicKey)
}

function findKey(store: Store, sealing: SealingKeys, name: string): SigningKey | undefined {
  const sealed = store.findMeta(name)
  if (sealed === undefined) return undefined
  const scalar = sealing.unseal([name], sealed)
  const key = store.crypto.importSigningKey(scalar)
  scalar.fill(0)
  return key
}
