/**
 * Certificates of callers, checked once: validating a chain costs as much as a whole transaction, and the same few
 * certificates sign nearly everything. Revocation is the contract's check, on the state of each transaction.
 *
 * @module
 */
import { type Crypto, encodePem } from '../../../shared/crypto/src/index.ts'
import {
  type ChannelConfiguration,
  checkMember,
  isInPeriod,
  LedgerError,
  type Member,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'

const MAX_CACHED = 10_000
/** A root may end while a certificate under it has not. */
const RECHECK_MS = 3_600_000

export interface KnownMember extends Member {
  /** As Fabric's client identity gives it. */
  readonly pem: Uint8Array
}

interface CachedMember {
  readonly member: KnownMember
  readonly checkedAtMs: number
}

export class Identities {
  readonly #crypto: Crypto
  readonly #known = new Map<string, CachedMember>()
  #configuration: ChannelConfiguration | undefined

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  /** @throws {LedgerError} `LEDGER_IDENTITY_REJECTED` */
  check(configuration: ChannelConfiguration, mspId: MspId, cert: Uint8Array, atMs: number): KnownMember {
    if (configuration !== this.#configuration) {
      this.#known.clear()
      this.#configuration = configuration
    }
    const name = `${mspId} ${Buffer.from(cert.buffer, cert.byteOffset, cert.byteLength).toString('latin1')}`
    const cached = this.#known.get(name)
    if (cached !== undefined && Math.abs(atMs - cached.checkedAtMs) < RECHECK_MS) {
      if (!isInPeriod(cached.member, atMs)) {
        throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the certificate is not in its period')
      }
      return cached.member
    }
    const checked = checkMember(this.#crypto, configuration.organizations, mspId, cert, atMs)
    const member = { ...checked, pem: new TextEncoder().encode(encodePem('CERTIFICATE', cert)) }
    if (this.#known.size >= MAX_CACHED) this.#known.clear()
    this.#known.set(name, { member, checkedAtMs: atMs })
    return member
  }
}
