/**
 * Evidence of OP-TEE: two reports of its attestation service, over one nonce that binds all claims. One is of the
 * memory of the trusted application that asked, which no other caller gets; one is of OP-TEE's own memory. Both are
 * compared with reference values that the ledger has. Spec: docs/protocol/09-evidence.md §9.4.
 *
 * Limits: OP-TEE measures itself. Whoever can start another OP-TEE on the device has its key and can report anything:
 * secure boot of the device is what prevents that, and no report tells whether it is on.
 *
 * @module
 */
import { concat, decodeHex } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto } from '../../crypto/src/port.ts'
import { RSA_3072_BYTES, rsaThumbprint, verifyRsaPss } from '../../crypto/src/rsa-pss.ts'
import { type CborValue, encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { type Kid, kidShape, type Sha256Hex, sha256HexShape } from './ids.ts'
import { refuseAs } from './refusal.ts'
import { b64u, bool, distinct, type Infer, list, refine, type Shape, struct, text, uint } from './shape.ts'

/** What evidence says of the OP-TEE below the trusted application. */
export interface OpteeClaims {
  /** SHA-256 that OP-TEE makes of its own memory. */
  readonly core: Sha256Hex
  /** As OP-TEE names itself, `4.5.0`. */
  readonly version: string
  /** SHA-256 of the SubjectPublicKeyInfo (DER) of the key with which this trusted application was signed. */
  readonly signer: Sha256Hex
  /** Modulus of the device's report key, 384 bytes; its exponent is 65537. */
  readonly reportKey: Uint8Array
}

/** The device's signatures over the nonce and a digest, 384 bytes each. */
export interface OpteeReports {
  /** Over the digest of the memory of the trusted application that asks: the claim `runtime`. */
  readonly program: Uint8Array
  /** Over the digest of OP-TEE's memory: the claim `core`. */
  readonly core: Uint8Array
}

/** What the platform gives a trusted application for its evidence. */
export interface OpteePlatform extends OpteeClaims {
  /** Digest of the trusted application's memory, as the attestation service makes it. */
  readonly program: Sha256Hex
  /** @param nonce 32 bytes. */
  report(nonce: Uint8Array): OpteeReports
}

const opteeVersionShape = text({ min: 1, max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]*$/ })

/** The member `optee` of the payload. */
export const opteePayloadShape = struct({
  core: sha256HexShape,
  version: opteeVersionShape,
  signer: sha256HexShape,
  reportKey: b64u(RSA_3072_BYTES),
  programReport: b64u(RSA_3072_BYTES),
  coreReport: b64u(RSA_3072_BYTES),
})

/** A list in which no digest stands twice: nobody can read it in two ways. */
function byDigest<T extends { readonly digest: string }>(item: Shape<T>, max: number): Shape<readonly T[]> {
  return refine(
    list(item, { max }),
    (all) => new Set(all.map(({ digest }) => digest)).size === all.length,
    'has a digest twice',
  )
}

const coreShape = struct({
  /** SHA-256 of OP-TEE's memory. */
  digest: sha256HexShape,
  version: opteeVersionShape,
  /** SHA-256 of the SubjectPublicKeyInfo of the key whose trusted applications it loads. */
  signer: sha256HexShape,
  debug: bool(),
  /** Built for a machine that is emulated. */
  simulated: bool(),
})

const programShape = struct({
  /** SHA-256 of the trusted application's memory. */
  digest: sha256HexShape,
  /** SHA-256 of the bundle inside it. */
  measurement: sha256HexShape,
  signer: sha256HexShape,
  securityVersion: uint(),
  debug: bool(),
})

/** Reference values (RFC 9334): what a server's registration on the ledger accepts of OP-TEE. Empty lists: nothing. */
export const opteeReferenceShape = struct({
  /** Devices: RFC 7638 thumbprints of their report keys. */
  reportKeys: distinct(kidShape, { max: 8 }),
  cores: byDigest(coreShape, 8),
  programs: byDigest(programShape, 16),
})
export type OpteeReference = Infer<typeof opteeReferenceShape>
export type OpteeCoreReference = OpteeReference['cores'][number]
export type OpteeProgramReference = OpteeReference['programs'][number]

/** The nonce of both reports: SHA-256 of the label and of all claims in CBOR. @returns 32 bytes. */
export function opteeReportNonce({ sha256 }: Pick<Crypto, 'sha256'>, claims: CborValue): Uint8Array {
  return sha256(label('optee-report'), encodeCbor(claims))
}

export interface ReportedDigests {
  /** Modulus. */
  readonly reportKey: Uint8Array
  readonly program: Sha256Hex
  readonly core: Sha256Hex
  readonly reports: OpteeReports
}

/** Checks that a registered device made both reports, over `nonce`. @throws {ProtocolError} `ATTESTATION_REPORT` */
export function checkOpteeReports(
  crypto: Pick<Crypto, 'sha256'>,
  nonce: Uint8Array,
  { reportKey, program, core, reports }: ReportedDigests,
  reference: OpteeReference | undefined,
): void {
  const message = 'the reports are not of a registered device, or not over these claims'
  refuseAs('ATTESTATION_REPORT', message, () => {
    const isReported =
      reference?.reportKeys.includes(reportKeyThumbprint(crypto, reportKey)) === true &&
      verifyRsaPss(crypto, reportKey, concat(nonce, decodeHex(program)), reports.program) &&
      verifyRsaPss(crypto, reportKey, concat(nonce, decodeHex(core)), reports.core)
    if (!isReported) throw new ProtocolError('ATTESTATION_REPORT', message)
  })
}

/** RFC 7638, as registrations list devices. @param reportKey modulus. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function reportKeyThumbprint(crypto: Pick<Crypto, 'sha256'>, reportKey: Uint8Array): Kid {
  return rsaThumbprint(crypto, reportKey) as Kid
}
