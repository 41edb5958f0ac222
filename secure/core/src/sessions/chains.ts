/**
 * Certificate chains to the roots of the provisioned configuration. A chain that was found good is remembered for a
 * few minutes: the patients of one hospital all come with the same one. Revocation is not decided here but with each
 * session, from the ledger. Spec: docs/protocol/05-sessions.md §5.6.
 *
 * @module
 */
import {
  certificateKey,
  checkCertificatePath,
  encodeHex,
  equalBytes,
  parseCertificate,
  type Certificate,
  type Crypto,
  type VerifyingKey,
} from '../../../../shared/crypto/src/index.ts'
import { ProtocolError } from '../../../../shared/protocol/src/errors.ts'
import type { Kid } from '../../../../shared/protocol/src/ids.ts'
import { kidOf } from '../../../../shared/protocol/src/jws.ts'

/** An organisation of the provisioned configuration (§2.5). */
export interface OrganizationRoots {
  readonly mspId: string
  /** DER. */
  readonly roots: readonly Uint8Array[]
}

export interface CheckedChain {
  readonly mspId: string
  readonly leaf: Certificate
  /** Of the leaf, ready to verify: importing a point costs half a verification. */
  readonly key: VerifyingKey
  readonly kid: Kid
  /** Of every certificate that was sent, leaf first. */
  readonly serials: readonly string[]
}

export const CHAIN_MEMORY_MS = 300_000
const MAX_REMEMBERED = 1_024

interface Remembered {
  readonly chain: CheckedChain
  readonly checkedMs: number
}

export class CertificateChains {
  readonly #crypto: Crypto
  readonly #organizations: readonly { readonly mspId: string; readonly roots: readonly Certificate[] }[]
  readonly #remembered = new Map<string, Remembered>()

  /** @throws {CertificateError} if a root of our own configuration is not a certificate. */
  constructor(crypto: Crypto, organizations: readonly OrganizationRoots[]) {
    this.#crypto = crypto
    this.#organizations = organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(parseCertificate) }))
  }

  /** Whether an organisation has the same roots here and there. */
  hasSameRoots(other: CertificateChains, mspId: string): boolean {
    if (other === this) return true
    const names = (chains: CertificateChains): string =>
      chains.#organizations
        .filter((organization) => organization.mspId === mspId)
        .flatMap(({ roots }) => roots.map(({ der }) => encodeHex(der)))
        .join()
    return names(this) === names(other)
  }

  /**
   * The leaf of a good chain, and the organisation it belongs to.
   * @param chain DER, leaf first; docs/protocol/01-conventions.md §1.6.
   * @throws {ProtocolError} `CREDENTIAL_REJECTED`, the same for every cause.
   */
  check(chain: readonly Uint8Array[], unixMs: number): CheckedChain {
    const name = encodeHex(this.#crypto.sha256(...chain.map((der) => this.#crypto.sha256(der))))
    const known = this.#remembered.get(name)
    if (known !== undefined && Math.abs(unixMs - known.checkedMs) < CHAIN_MEMORY_MS) {
      checkPeriod(known.chain.leaf, unixMs)
      return known.chain
    }
    this.#remembered.delete(name)
    const checked = this.#checkAgain(chain, unixMs)
    if (this.#remembered.size >= MAX_REMEMBERED) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest)
        break
      }
    }
    this.#remembered.set(name, { chain: checked, checkedMs: unixMs })
    return checked
  }

  #checkAgain(chain: readonly Uint8Array[], unixMs: number): CheckedChain {
    let path: Certificate[]
    try {
      path = chain.map(parseCertificate)
    } catch {
      throw credentialRejected()
    }
    const top = path[path.length - 1]
    // Unreached: the shape of a credential has one certificate at least.
    if (top === undefined) throw credentialRejected()
    for (const { mspId, roots } of this.#organizations) {
      // Cheap first: only organisations whose root has the right name are worth a verification.
      const named = roots.filter((root) => equalBytes(root.subjectDer, top.issuerDer))
      if (named.length === 0) continue
      try {
        const leaf = checkCertificatePath(this.#crypto, path, named, unixMs)
        const key = certificateKey(this.#crypto, leaf)
        const kid = kidOf(this.#crypto, leaf.publicKey)
        return { mspId, leaf, key, kid, serials: path.map((certificate) => certificate.serialHex) }
      } catch (cause) {
        if ((cause as { code?: unknown }).code !== 'CRYPTO_BAD_CERTIFICATE') throw cause
      }
    }
    throw credentialRejected()
  }
}

/** @throws {ProtocolError} `CREDENTIAL_REJECTED` outside the certificate's validity, both ends inside. */
export function checkPeriod(certificate: Certificate, unixMs: number): void {
  if (!(unixMs >= certificate.notBeforeMs && unixMs <= certificate.notAfterMs)) throw credentialRejected()
}

/** The one error for every way a credential can fail: who asks learns nothing about the registry. */
export function credentialRejected(): ProtocolError {
  return new ProtocolError('CREDENTIAL_REJECTED', 'the credential is not of a registered, active participant')
}
