/**
 * What the C engine host of optee/ta gives to this adapter: one object, handed over once. Every function copies what it
 * keeps and returns arrays of their own. Lengths of what comes from outside are checked in TypeScript before; C checks
 * what would reach memory that is not its own, and throws a TypeError.
 *
 * @module
 */
import type { SqlValue } from '../../../core/src/ports.ts'

/** Handles are objects of the engine host; freed with the last reference. */
export interface NativeAead {
  readonly native: 'aead'
}
export interface NativeDatabase {
  readonly native: 'database'
}
export interface NativeStatement {
  readonly native: 'statement'
}

export interface Native {
  /** 32 bytes: SHA-256 of the measured file, made before it ran. */
  readonly measurement: Uint8Array
  /** Whether the firmware is of an emulated machine. */
  readonly isSimulated: boolean
  /** Whether the binary was built for debugging. */
  readonly isDebug: boolean
  /** Whether the store is bound to a memory that the normal world cannot turn back: OP-TEE has RPMB. */
  readonly hasAnchor: boolean
  /** 32 bytes: SHA-256 of the SubjectPublicKeyInfo of the key that signs this binary. */
  readonly signer: Uint8Array

  randomBytes(length: number): Uint8Array
  sha256(parts: readonly Uint8Array[]): Uint8Array
  hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array

  /** AES-256-GCM. @param key 32 bytes. */
  openAead(key: Uint8Array): NativeAead
  /** @param nonce 12 bytes. @returns ciphertext and tag. */
  encrypt(aead: NativeAead, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** @param ciphertext 16 bytes or more. @returns undefined if the tag is wrong. */
  decrypt(aead: NativeAead, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined

  /** @param scalar in [1, n-1]. @returns 65 bytes. */
  p256PublicKey(scalar: Uint8Array): Uint8Array
  /** Whether 65 bytes are an uncompressed point of the curve. */
  isP256Point(point: Uint8Array): boolean
  /** @param digest 32 bytes. @returns r ‖ s, 64 bytes. */
  p256Sign(scalar: Uint8Array, digest: Uint8Array): Uint8Array
  p256Verify(point: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean
  /** Scalar and point of 32 bytes. @returns undefined if the result is zero. */
  x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined

  /** The text must be well-formed. */
  encodeUtf8(text: string): Uint8Array
  /** @returns undefined for bytes that are not well-formed UTF-8. */
  decodeUtf8(bytes: Uint8Array): string | undefined

  /** 32 bytes from the device's hardware unique key, this application's UUID and `purpose`. */
  deriveKey(purpose: string): Uint8Array
  unixMs(): number
  monotonicMs(): number

  /** An error of SQLite is an Error with its extended result code, a number, as `sqlite`. */
  openDatabase(name: string, key: Uint8Array, cacheKib: number): NativeDatabase
  closeDatabase(database: NativeDatabase): void
  execute(database: NativeDatabase, sql: string): void
  backup(database: NativeDatabase, name: string): void
  prepare(database: NativeDatabase, sql: string): NativeStatement
  /** Resets the statement, binds all parameters. */
  bind(statement: NativeStatement, parameters: readonly SqlValue[]): void
  /** @returns the next row as a plain object; undefined at the end, which resets the statement. */
  step(statement: NativeStatement): Record<string, SqlValue> | undefined
  reset(statement: NativeStatement): void

  /** Report of the attestation service over a nonce: digest (32 bytes) ‖ signature (384 bytes). */
  report(of: 'program' | 'core', nonce: Uint8Array): Uint8Array
  /** Modulus (384 bytes) of the device's report key; its exponent is 65537, otherwise this throws. */
  reportKey(): Uint8Array
  /** As OP-TEE names its version. */
  coreVersion(): string
}
