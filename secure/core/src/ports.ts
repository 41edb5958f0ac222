/**
 * Everything the trusted application asks of the machine: GlobalPlatform's TEE Internal Core API in TypeScript.
 * All of it is synchronous. Implementations live in secure/adapters, one folder each; secure/ta hands them over.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'

/** A value of an SQL column. Integers beyond 2^53 do not occur in our schema. */
export type SqlValue = number | string | Uint8Array | null
export type SqlRow = Readonly<Record<string, SqlValue>>

export interface SqlStatement {
  run(...parameters: readonly SqlValue[]): void
  get(...parameters: readonly SqlValue[]): SqlRow | undefined
  all(...parameters: readonly SqlValue[]): SqlRow[]
  /** Rows one by one; the statement must not be used again until the iteration ends. */
  iterate(...parameters: readonly SqlValue[]): Iterable<SqlRow>
}

/** One SQLCipher database that only this trusted application opens. */
export interface SqlDatabase {
  /** One or more statements without parameters. */
  exec(sql: string): void
  prepare(sql: string): SqlStatement
  /** A consistent copy of the database, encrypted under the same key, to a path inside the store. */
  backup(name: string): void
  close(): void
}

export interface DatabasePort {
  /**
   * Opens, or creates, the database `name` with a raw key of 32 bytes.
   * @throws {StorageError} `STORE_DAMAGED` when the file cannot be decrypted with the key.
   */
  open(name: string, key: Uint8Array): SqlDatabase
  /** Whether a database of that name is there. A platform without it has no replicas. */
  has?(name: string): boolean
  /**
   * Encrypts the database `name`, which is not open, under another key; takes time with its size. Cut off, it is under
   * the one key or the other. A platform without it has no root key of its own for a copy.
   * @throws {StorageError} `STORE_DAMAGED` when the file cannot be decrypted with `key`.
   */
  rekey?(name: string, key: Uint8Array, next: Uint8Array): void
}

/** Makes texts shorter before they are encrypted; what it makes, every later version of the same platform must open. */
export interface CompressionPort {
  /** Any bytes; the result may be longer. */
  pack(bytes: Uint8Array): Uint8Array
  /** @throws on anything that `pack` did not make, and on more than `maxBytes`. */
  unpack(packed: Uint8Array, maxBytes: number): Uint8Array
}

/** Milliseconds. The normal world may hold the clock back or jump it: see docs/threat-model.md. */
export interface ClockPort {
  /** Unix time as the platform tells it. */
  nowMs(): number
  /** Never goes back while the process lives; origin unspecified. For freshness and lifetimes. */
  monotonicMs(): number
}

/** The device's own key, rooted in the hardware unique key where there is one. */
export interface DeviceKeyPort {
  /**
   * 32 bytes derived from the device key and this trusted application's identity; the same on each start of the
   * same application on the same device, and on no other.
   */
  derive(purpose: string): Uint8Array
}

/** What this platform can prove of itself (docs/protocol/09-evidence.md). */
export interface EvidencePort {
  /** 65 bytes: the key that signs evidence, for the server's registration; absent where a certificate chain comes with it. */
  readonly attestationKey?: Uint8Array
  /**
   * Compact JWS in EAT form over `nonce` (32 bytes) and the digest of the trusted application's configuration.
   */
  attest(nonce: Uint8Array, claims: EvidenceClaims): string
}

export interface EvidenceClaims {
  readonly serverRef: string
  /** 65 bytes, the identity key of this trusted application. */
  readonly identityKey: Uint8Array
  /** 32 bytes, SHA-256 of the provisioned configuration; zeros before provisioning. */
  readonly configDigest: Uint8Array
  readonly nowMs: number
}

export interface TrustedApplicationPorts {
  readonly crypto: Crypto
  readonly database: DatabasePort
  readonly clock: ClockPort
  readonly deviceKey: DeviceKeyPort
  readonly evidence: EvidencePort
  /** A platform without one keeps texts as they came. */
  readonly compression?: CompressionPort
}
