/**
 * The sealing key of a store: what treatment keys, the identity key and the configuration are sealed with inside its
 * pages. The first one is derived from the root of the store's keys. It is exchanged while the store serves: a random one
 * is made, everything sealed moves to it, a bounded number of rows in each round, and then the one before is gone. From
 * the first exchange on it stands in a row of its own, sealed under the root, with a head: an earlier row is noticed.
 * Spec: docs/protocol/10-tee-abi.md §10.10.
 *
 * A store that took over from a server with another root (§11.5) finds that row under the other root, once.
 *
 * @module
 */
import { label, type AeadKey } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  optional,
  struct,
  uint,
  type CborValue,
} from '../../../../shared/protocol/src/index.ts'
import { StorageError } from '../errors.ts'
import type { Store } from '../store.ts'
import { seal, storeKeysOf, unseal } from './sealing.ts'

const META = 'sealing'
const KIND = 'sealing'
const ID = 'current'
const ROW = label('ta-sealing')
const SECRET_BYTES = 32

const rowShape = struct({
  generation: uint(),
  secret: bytes({ length: SECRET_BYTES }),
  /** Of the generation before, while something may still be sealed with it. */
  before: optional(bytes({ length: SECRET_BYTES })),
})

/** What a sealing key is derived from, as the keys of a store are. */
interface Sealing {
  readonly secret: Uint8Array
  readonly key: AeadKey
}

export class SealingKeys {
  readonly #store: Store
  readonly #wrap: AeadKey
  #generation: number
  #current: Sealing
  #before: Sealing | undefined
  #isCarried: boolean

  /**
   * @param root 32 bytes, which the store is under.
   * @param rootBefore 32 bytes, which it was under on the server whose replica this was; undefined: it was none.
   * @throws {StorageError} `STATE_ROLLED_BACK` for a row that is not the newest; `STORE_DAMAGED` under another root.
   */
  constructor(store: Store, root: Uint8Array, rootBefore?: Uint8Array) {
    this.#store = store
    this.#wrap = storeKeysOf(store.crypto, root).seal
    const row = store.findMeta(META)
    if (row === undefined) {
      store.state.checkAbsent(KIND, ID)
      this.#generation = 0
      this.#current = this.#of(rootBefore ?? root)
      this.#isCarried = rootBefore !== undefined
      return
    }
    store.state.checkRow(KIND, ID, store.crypto.sha256(ROW, row))
    const opened = this.#open(row, rootBefore)
    const { generation, secret, before } = decodeMessage(opened.plaintext, rowShape, 'sealing')
    this.#generation = generation
    this.#current = this.#of(secret)
    this.#before = before === undefined ? undefined : this.#of(before)
    this.#isCarried = opened.isCarried
  }

  /** 0: the first. */
  get generation(): number {
    return this.#generation
  }

  /** Whether something may still be sealed with the key before. */
  get isExchanging(): boolean {
    return this.#before !== undefined
  }

  /** Whether the store needs the root of the server before: until `exchange`. */
  get isCarried(): boolean {
    return this.#isCarried
  }

  /** As `seal` of sealing.ts, with the newest key. */
  seal(context: readonly CborValue[], plaintext: Uint8Array): Uint8Array {
    return seal(this.#store.crypto, this.#current.key, context, plaintext)
  }

  /** @throws {StorageError} `STORE_DAMAGED`, also for what was sealed with a key that is gone. */
  unseal(context: readonly CborValue[], sealed: Uint8Array): Uint8Array {
    const opened = this.#tryCurrent(context, sealed)
    if (opened !== undefined) return opened
    return unseal(this.#store.crypto, (this.#before ?? this.#current).key, context, sealed)
  }

  /** @returns the value sealed with the newest key; undefined if it is. @throws {StorageError} `STORE_DAMAGED` */
  sealAgain(context: readonly CborValue[], sealed: Uint8Array): Uint8Array | undefined {
    if (this.#tryCurrent(context, sealed) !== undefined) return undefined
    const plaintext = this.unseal(context, sealed)
    const again = this.seal(context, plaintext)
    plaintext.fill(0)
    return again
  }

  /** Makes the next key, or goes on with an exchange that is under way. Durable with the round. @returns its generation. */
  exchange(): number {
    if (this.#before === undefined) {
      this.#before = this.#current
      this.#current = this.#of(this.#store.crypto.randomBytes(SECRET_BYTES))
      this.#generation++
    }
    this.#isCarried = false
    this.#write()
    return this.#generation
  }

  /** Nothing is sealed with the key before any more: it is forgotten. Durable with the round. */
  forget(): void {
    this.#before = undefined
    this.#write()
  }

  #of(secret: Uint8Array): Sealing {
    return { secret, key: storeKeysOf(this.#store.crypto, secret).seal }
  }

  #open(row: Uint8Array, rootBefore: Uint8Array | undefined) {
    const { crypto } = this.#store
    try {
      return { plaintext: unseal(crypto, this.#wrap, [META], row), isCarried: false }
    } catch (error) {
      if (rootBefore === undefined || !(error instanceof StorageError)) throw error
      return { plaintext: unseal(crypto, storeKeysOf(crypto, rootBefore).seal, [META], row), isCarried: true }
    }
  }

  #tryCurrent(context: readonly CborValue[], sealed: Uint8Array): Uint8Array | undefined {
    try {
      return unseal(this.#store.crypto, this.#current.key, context, sealed)
    } catch (error) {
      if (error instanceof StorageError) return undefined
      throw error
    }
  }

  #write(): void {
    const { crypto, state } = this.#store
    const before = this.#before === undefined ? {} : { before: this.#before.secret }
    const plaintext = encodeCbor({ generation: this.#generation, secret: this.#current.secret, ...before })
    const row = seal(crypto, this.#wrap, [META], plaintext)
    this.#store.setMeta(META, row)
    state.set(KIND, ID, crypto.sha256(ROW, row))
  }
}
