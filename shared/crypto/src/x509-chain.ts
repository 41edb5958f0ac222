/**
 * Whether a certificate chain leads to a root that the caller trusts (RFC 5280 §6.1, without policies and name
 * constraints: certificates that need them are refused). No clock and no network: time, roots and revoked serial
 * numbers are arguments; in the product they come from the ledger.
 *
 * @module
 */
import { equalBytes } from './bytes.ts'
import { CertificateError } from './errors.ts'
import type { Crypto, VerifyingKey } from './port.ts'
import { parseCertificate, type Certificate } from './x509.ts'

/** Certificates that a peer may send, leaf first; the root may be among them or not. */
export const MAX_CHAIN_CERTIFICATES = 3

const NONE_REVOKED: ReadonlySet<string> = new Set()

/**
 * Checks a chain and returns its leaf. The leaf must be an end entity that may sign (digitalSignature).
 *
 * Names are compared as bytes. Revoked serial numbers count for every certificate of the chain except the root:
 * `revokedSerials` belongs to the same organisation as `roots`.
 *
 * @param chain 1 to 3 certificates of at most 8 KiB each, leaf first, each followed by its issuer.
 * @param roots trusted CA certificates; all must be readable.
 * @param revokedSerials serial numbers in the form of `Certificate.serialHex`.
 * @throws {CertificateError} `CRYPTO_BAD_CERTIFICATE` with a reason; form first, then names and roles, signatures,
 * validity, revocation.
 */
export function checkCertificateChain(
  crypto: Crypto,
  chain: readonly Uint8Array[],
  roots: readonly Uint8Array[],
  nowMs: number,
  revokedSerials: ReadonlySet<string> = NONE_REVOKED,
): Certificate {
  if (chain.length < 1 || chain.length > MAX_CHAIN_CERTIFICATES) throw new CertificateError('MALFORMED')
  return checkCertificatePath(crypto, chain.map(parseCertificate), roots.map(parseCertificate), nowMs, revokedSerials)
}

/** As `checkCertificateChain`, of parsed certificates: for roots that are used again and again. */
export function checkCertificatePath(
  crypto: Crypto,
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  nowMs: number,
  revokedSerials: ReadonlySet<string> = NONE_REVOKED,
): Certificate {
  if (chain.length < 1 || chain.length > MAX_CHAIN_CERTIFICATES) throw new CertificateError('MALFORMED')
  const path = [...chain]
  const leaf = path[0] as Certificate
  if (anchors.some((anchor) => equalBytes(anchor.der, (path.at(-1) as Certificate).der))) path.pop()
  checkLeaf(leaf)

  const top = path.at(-1)
  const candidates = anchors.filter((anchor) => top !== undefined && issued(anchor, top))
  if (top === undefined || candidates.length === 0) throw new CertificateError('UNTRUSTED_ROOT')
  for (let i = 0; i + 1 < path.length; i++) {
    const issuer = path[i + 1] as Certificate
    if (!issued(issuer, path[i] as Certificate)) throw new CertificateError('UNTRUSTED_ROOT')
    if (!mayIssue(issuer, i)) throw new CertificateError('NOT_A_CA')
  }

  certificateKey(crypto, leaf)
  for (let i = 0; i + 1 < path.length; i++) {
    if (!signed(crypto, path[i + 1] as Certificate, path[i] as Certificate)) throw new CertificateError('BAD_SIGNATURE')
  }
  // Several roots have one name, and perhaps one key, while an organisation renews its root.
  const signers = candidates.filter((anchor) => signed(crypto, anchor, top))
  const usable = signers.find((anchor) => mayIssue(anchor, path.length - 1) && isValidAt(anchor, nowMs))
  const root = usable ?? signers[0]
  if (root === undefined) throw new CertificateError('BAD_SIGNATURE')
  if (!mayIssue(root, path.length - 1)) throw new CertificateError('NOT_A_CA')

  for (const certificate of [...path, root]) checkValidity(certificate, nowMs)
  for (const certificate of path) {
    if (revokedSerials.has(certificate.serialHex)) throw new CertificateError('REVOKED')
  }
  return leaf
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  return equalBytes(issuer.subjectDer, certificate.issuerDer)
}

/** Absence refuses: a leaf without key usage may not sign. */
function checkLeaf(leaf: Certificate): void {
  if (leaf.isCa || leaf.keyUsage?.digitalSignature !== true) throw new CertificateError('UNSUPPORTED')
}

/** RFC 5280 §6.1.4 (k), (l), (m), (n). @param casBelow CA certificates between this one and the leaf. */
function mayIssue(issuer: Certificate, casBelow: number): boolean {
  if (!issuer.isCa || issuer.keyUsage?.keyCertSign !== true) return false
  return issuer.pathLength === undefined || issuer.pathLength >= casBelow
}

/** RFC 5280 §4.1.2.5: both ends belong to the period. A time that is not a number is in no period. */
function checkValidity(certificate: Certificate, nowMs: number): void {
  if (!(nowMs >= certificate.notBeforeMs)) throw new CertificateError('NOT_YET_VALID')
  if (!(nowMs <= certificate.notAfterMs)) throw new CertificateError('EXPIRED')
}

function isValidAt(certificate: Certificate, nowMs: number): boolean {
  return nowMs >= certificate.notBeforeMs && nowMs <= certificate.notAfterMs
}

function signed(crypto: Crypto, issuer: Certificate, certificate: Certificate): boolean {
  return crypto.verify(certificateKey(crypto, issuer), certificate.tbs, certificate.signature)
}

const KEYS = new WeakMap<Crypto, WeakMap<Certificate, VerifyingKey>>()

/**
 * The key of a certificate, imported once for each certificate object.
 * @throws {CertificateError} `MALFORMED` if it is not on the curve.
 */
export function certificateKey(crypto: Crypto, certificate: Certificate): VerifyingKey {
  let keys = KEYS.get(crypto)
  if (keys === undefined) KEYS.set(crypto, (keys = new WeakMap()))
  let key = keys.get(certificate)
  if (key === undefined) {
    try {
      key = crypto.importVerifyingKey(certificate.publicKey)
    } catch {
      throw new CertificateError('MALFORMED')
    }
    keys.set(certificate, key)
  }
  return key
}
