/**
 * Certificates of callers, checked once: validating a chain costs as much as a whole transaction, and the same few
 * certificates sign nearly everything. Revocation is the contract's check, on the state of each transaction.
 *
 * @module
 */
import { encodeBase64url, type Crypto } from '../../crypto/src/index.ts'
import type { MspId } from '../../protocol/src/index.ts'
import { LedgerError } from './errors.ts'
import { checkMember, isInPeriod, type Member, type Organization } from './member.ts'

const MAX_CACHED = 10_000
/** A root may end while a certificate under it has not. */
const RECHECK_MS = 3_600_000

/** A configuration in force: another object is another one. */
interface Organizations {
  readonly organizations: readonly Organization[]
}

interface CachedMember {
  readonly member: Member
  readonly checkedAtMs: number
}

export class MemberCache {
  readonly #crypto: Crypto
  readonly #known = new Map<string, CachedMember>()
  #configuration: Organizations | undefined

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  /** @throws {LedgerError} `LEDGER_IDENTITY_REJECTED` */
  check(configuration: Organizations, mspId: MspId, cert: Uint8Array, atMs: number): Member {
    if (configuration !== this.#configuration) {
      this.#known.clear()
      this.#configuration = configuration
    }
    const name = `${mspId} ${encodeBase64url(cert)}`
    const cached = this.#known.get(name)
    if (cached !== undefined && Math.abs(atMs - cached.checkedAtMs) < RECHECK_MS) {
      if (!isInPeriod(cached.member, atMs)) {
        throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the certificate is not in its period')
      }
      return cached.member
    }
    const member = checkMember(this.#crypto, configuration.organizations, mspId, cert, atMs)
    if (this.#known.size >= MAX_CACHED) this.#known.clear()
    this.#known.set(name, { member, checkedAtMs: atMs })
    return member
  }
}
