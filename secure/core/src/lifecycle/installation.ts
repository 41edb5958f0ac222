/**
 * This program on this device: what a trusted application is before it has any store, and the same whichever it gets.
 *
 * @module
 */
import { SECURITY_VERSION } from '../../../../shared/protocol/src/index.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'
import type { TrustedApplicationPorts } from '../ports.ts'
import type { Program } from '../program.ts'
import { deriveInstance, type Instance } from '../recovery/instance.ts'
import type { Now } from '../sessions/index.ts'

export interface TrustedApplicationOptions {
  /** 32 bytes, SHA-256 of the bundle that runs. */
  readonly measurement: Uint8Array
  /** Default: that of this source. */
  readonly securityVersion?: number
  /** What was switched on for the process (docs/protocol/09-evidence.md §9.3). */
  readonly isolation: readonly string[]
  /** Identity of the application; part of what seals the store. The same over upgrades. */
  readonly taId: string
  readonly limits?: Limits
  /**
   * 2^bits buckets of a new store's state, fixed for its life; default 14. Fewer take less memory (64 bytes each) and more
   * time for each change once there are many rows.
   */
  readonly bucketBits?: number
  /** Of the tables, in order; default: those of this source. Another program has others. */
  readonly migrations?: readonly string[]
}

/** Name of the database. */
export const DATABASE = 'store.db'

export class Installation {
  readonly ports: TrustedApplicationPorts
  readonly program: Program
  readonly isolation: readonly string[]
  readonly limits: Limits
  readonly bucketBits: number | undefined
  readonly migrations: readonly string[] | undefined
  #instance: Instance | undefined

  /** @throws {TypeError} for options that are none. */
  constructor(ports: TrustedApplicationPorts, options: TrustedApplicationOptions) {
    const { measurement, securityVersion = SECURITY_VERSION } = options
    if (measurement.length !== 32) throw new TypeError('measurement must have 32 bytes')
    this.ports = ports
    this.program = { measurement, securityVersion }
    this.isolation = options.isolation
    this.limits = options.limits ?? DEFAULT_LIMITS
    this.bucketBits = options.bucketBits
    this.migrations = options.migrations
  }

  /** §10.9: the key by which this application on this device is known. */
  get instance(): Instance {
    this.#instance ??= deriveInstance(this.ports.crypto, this.ports.deviceKey)
    return this.#instance
  }

  /** The key of evidence as a member of an answer; none where a certificate chain comes with the evidence. */
  get attestationKey(): { readonly attestationKey?: Uint8Array } {
    const { attestationKey } = this.ports.evidence
    return attestationKey === undefined ? {} : { attestationKey }
  }

  now(): Now {
    return { monotonicMs: this.ports.clock.monotonicMs(), unixMs: this.ports.clock.nowMs() }
  }
}
