/**
 * Patient credentials: a hospital's signed word that a key belongs to a pseudonym, for opening sessions. Patients have
 * no certificates. Whether the key is still active is for the ledger to say.
 * Spec: docs/protocol/02-registration.md §2.2.
 *
 * Two steps, because whose chain is trusted is not decided here: `parseCredential`, then the caller checks the chain in
 * its header (shared/crypto `checkCertificateChain`), then `checkCredential` with the leaf.
 *
 * @module
 */
import { decodeBase64url, equalBytes } from '../../crypto/src/bytes.ts'
import type { Crypto, SigningKey, VerifyingKey } from '../../crypto/src/port.ts'
import { parseCertificate } from '../../crypto/src/x509.ts'
import { ProtocolError } from './errors.ts'
import { type HospitalRef, hospitalRefShape, type PatientRef, patientRefShape } from './ids.ts'
import { checkStatementSignature, parseStatement, signStatement, type UnverifiedStatement } from './jws.ts'
import { numericDateShape } from './jwt-times.ts'
import { refuseAs } from './refusal.ts'
import { b64u, refine, type Shape, struct } from './shape.ts'

const TYP = 'trusthealth-credential+jwt'

export interface PatientCredentialClaims {
  readonly iss: HospitalRef
  readonly sub: PatientRef
  /** b64u, 65 bytes, P-256. */
  readonly publicKey: string
  /** b64u, 32 bytes, X25519. */
  readonly sealKey: string
  /** Seconds. */
  readonly iat: number
  /** Seconds; the first in which the credential does not hold. */
  readonly exp: number
}

/** A credential that was checked, up to the chain of its issuer and the ledger. */
export interface CheckedPatientCredential {
  readonly hospital: HospitalRef
  readonly patient: PatientRef
  readonly key: VerifyingKey
  /** 32 bytes. */
  readonly sealKey: Uint8Array
  /** Unix milliseconds. */
  readonly expiresMs: number
}

/** Who signed, as the checked chain says. */
export interface CredentialIssuer {
  readonly hospital: HospitalRef
  /** 65 bytes, the key of the leaf. */
  readonly publicKey: Uint8Array
}

export const credentialShape: Shape<PatientCredentialClaims> = refine(
  struct({
    iss: hospitalRefShape,
    sub: patientRefShape,
    publicKey: b64u(65),
    sealKey: b64u(32),
    iat: numericDateShape,
    exp: numericDateShape,
  }),
  ({ iat, exp }) => iat < exp,
  'ends before it begins',
)

/**
 * @param chain DER certificates of the hospital service, leaf first.
 * @throws {TypeError} if the leaf is not of `key`: nobody could check such a credential.
 * @throws {ProtocolError} `MESSAGE_MALFORMED`
 */
export function issueCredential(
  crypto: Crypto,
  key: SigningKey,
  chain: readonly Uint8Array[],
  claims: PatientCredentialClaims,
): string {
  const leaf = chain[0]
  if (leaf === undefined || !equalBytes(parseCertificate(leaf).publicKey, key.publicKey)) {
    throw new TypeError('the chain does not begin with the certificate of the key')
  }
  return signStatement(crypto, key, TYP, credentialShape(claims, 'credential'), chain)
}

/** Checks form only; `header.x5c` has the chain. @throws {ProtocolError} `CREDENTIAL_REJECTED` */
export function parseCredential(jws: string): UnverifiedStatement<PatientCredentialClaims> {
  return refuseAs('CREDENTIAL_REJECTED', 'the credential is malformed', () => parseStatement(jws, TYP, credentialShape))
}

/**
 * Checks signature, issuer, keys and end of a credential whose chain the caller has checked.
 * @throws {ProtocolError} `CREDENTIAL_REJECTED`
 */
export function checkCredential(
  crypto: Crypto,
  statement: UnverifiedStatement<PatientCredentialClaims>,
  issuer: CredentialIssuer,
  nowMs: number,
): CheckedPatientCredential {
  return refuseAs(
    'CREDENTIAL_REJECTED',
    'the credential is not of this hospital, has ended or has no valid key',
    () => {
      checkStatementSignature(crypto, crypto.importVerifyingKey(issuer.publicKey), statement)
      const { iss, sub, publicKey, sealKey, exp } = statement.payload
      const expiresMs = exp * 1_000
      if (iss !== issuer.hospital || !(nowMs < expiresMs)) {
        throw new ProtocolError('CREDENTIAL_REJECTED', 'another hospital, or ended')
      }
      const key = crypto.importVerifyingKey(decodeBase64url(publicKey))
      return { hospital: iss, patient: sub, key, sealKey: decodeBase64url(sealKey), expiresMs }
    },
  )
}
