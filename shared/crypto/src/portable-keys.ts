/**
 * Handles of keys whose bytes an implementation of the Crypto port holds itself: copied, and out of reach of anything
 * that prints or copies the handle.
 *
 * @module
 */

type Use = 'aead' | 'hmac' | 'verify' | 'sign' | 'agree' | 'kem'

interface Handle<U extends Use> {
  readonly use: U
}

export interface KeyHandles {
  /** A key without a public part. */
  secret<U extends 'aead' | 'hmac'>(use: U, bytes: Uint8Array): Handle<U>
  /** A key with one, which is a fresh copy each time. */
  pair<U extends Exclude<Use, 'aead' | 'hmac'>>(
    use: U,
    bytes: Uint8Array,
    publicKey: Uint8Array,
  ): Handle<U> & { readonly publicKey: Uint8Array }
  /** What a handle was made of, not a copy. @throws {TypeError} for one that is not of this use, or was not made here. */
  bytesOf<U extends Use>(use: U, handle: Handle<U>): Uint8Array
}

/** Handles of one implementation: those of another are the caller's bug. */
export function createKeyHandles(): KeyHandles {
  class Secret<U extends Use> implements Handle<U> {
    readonly use: U
    readonly #bytes: Uint8Array
    constructor(use: U, bytes: Uint8Array) {
      this.use = use
      this.#bytes = new Uint8Array(bytes)
    }
    static bytesOf(use: Use, handle: object): Uint8Array {
      if (!(#bytes in handle) || handle.use !== use) throw new TypeError('not a key of this implementation')
      return handle.#bytes
    }
  }
  class Pair<U extends Use> extends Secret<U> {
    readonly #publicKey: Uint8Array
    constructor(use: U, bytes: Uint8Array, publicKey: Uint8Array) {
      super(use, bytes)
      this.#publicKey = new Uint8Array(publicKey)
    }
    get publicKey(): Uint8Array {
      return this.#publicKey.slice()
    }
  }
  return {
    secret: (use, bytes) => new Secret(use, bytes),
    pair: (use, bytes, publicKey) => new Pair(use, bytes, publicKey),
    bytesOf: (use, handle) => Secret.bytesOf(use, handle),
  }
}
