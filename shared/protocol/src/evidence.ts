/**
 * Evidence: what a TEE server's platform signs about the program that runs in it, bound to one nonce; and its
 * appraisal against the registration on the ledger and the verifier's own policy (RFC 9334, RFC 9711).
 * Spec: docs/protocol/09-evidence.md.
 *
 * Limits: evidence is checked with the attestation keys of the registration. TEE kinds whose platforms have their own
 * certificate chains need a verifier of their own for the chain in the header; here their evidence is refused unless
 * its key is registered.
 *
 * @module
 */
import { decodeBase64url, encodeBase64url, equalBytes } from '../../crypto/src/bytes.ts'
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import { requireLength } from '../../crypto/src/sizes.ts'
import type { ErrorCode } from './error-table.ts'
import { ProtocolError } from './errors.ts'
import { type Kid, type ServerRef, serverRefShape, type Sha256Hex, sha256HexShape } from './ids.ts'
import { checkStatementSignature, kidOf, parseStatement, signStatement, type UnverifiedStatement } from './jws.ts'
import { numericDateShape } from './jwt-times.ts'
import { refuseAs } from './refusal.ts'
import { b64u, bool, distinct, type Infer, literal, oneOf, refine, struct, text, uint } from './shape.ts'

const TYP = 'trusthealth-evidence+jwt'
const PROFILE = 'https://trusthealth.example/eat/1'

export const TEE_KINDS = ['process', 'optee', 'sev-snp', 'tdx'] as const
export type TeeKind = (typeof TEE_KINDS)[number]

/** What evidence says. */
export interface EvidenceClaims {
  /** 32 bytes from whoever asked. */
  readonly nonce: Uint8Array
  /** Unix seconds by the platform's clock. */
  readonly iat: number
  readonly tee: TeeKind
  /** Always true for `process`. */
  readonly simulated: boolean
  readonly debug: boolean
  /** SHA-256 of the trusted application's bundle. */
  readonly measurement: Sha256Hex
  /** SHA-256 of what runs it. */
  readonly runtime: Sha256Hex
  readonly securityVersion: number
  readonly serverRef: ServerRef
  /** 65 bytes. */
  readonly identityKey: Uint8Array
  readonly configDigest: Sha256Hex
  /** What was switched on for the process: claims of the host's software, not of hardware. */
  readonly isolation: readonly string[]
}

/** What the ledger knows of a TEE server (docs/protocol/02-registration.md §2.3), never what the server says. */
export interface ServerRegistration {
  readonly serverRef: ServerRef
  /** 65 bytes. */
  readonly identityKey: Uint8Array
  readonly teeKind: string
  /** Hex; empty: no program is accepted. */
  readonly measurements: readonly string[]
  /** Hex. */
  readonly configDigest: string
  /** 65 bytes each: keys that sign evidence of this server. */
  readonly attestationKeys: readonly Uint8Array[]
}

/** What the verifier itself asks for. Absence refuses: nothing that weakens is on by default. */
export interface AttestationPolicy {
  readonly teeKinds: readonly string[]
  readonly minSecurityVersion: number
  /** Hex; narrows what the ledger accepts, never widens it. Absent: all that the ledger accepts. */
  readonly measurements?: readonly string[]
  /** Accepts a TEE that protects nothing: for practice only. */
  readonly allowSimulated?: boolean
  /** Accepts a TEE whose operator can read everything: for practice only. */
  readonly allowDebug?: boolean
}

export interface EvidenceCheck {
  /** 32 bytes, ours: fresh, or of this session. */
  readonly expectedNonce: Uint8Array
  readonly registration: ServerRegistration
  readonly policy: AttestationPolicy
}

/** Evidence that passed every check (RFC 9334: attestation result). */
export interface EvidenceResult extends EvidenceClaims {
  readonly attestationKid: Kid
}

const payloadShape = refine(
  struct({
    eat_profile: literal(PROFILE),
    eat_nonce: b64u(32),
    iat: numericDateShape,
    tee: oneOf(...TEE_KINDS),
    simulated: bool(),
    debug: bool(),
    measurement: sha256HexShape,
    runtime: sha256HexShape,
    securityVersion: uint(),
    serverRef: serverRefShape,
    identityKey: b64u(65),
    configDigest: sha256HexShape,
    isolation: distinct(text({ min: 1, max: 32, pattern: /^[a-z][a-z0-9-]*$/ }), { max: 16 }),
  }),
  // §9.3: a process protects nothing from its host, whatever it says.
  ({ tee, simulated }) => simulated || tee !== 'process',
  'is of a process and not marked as simulated',
)
type EvidencePayload = Infer<typeof payloadShape>

/**
 * Signs evidence with the platform's attestation key.
 *
 * @param x5c the platform's chain, DER, where the TEE kind has one.
 * @throws {ProtocolError} `MESSAGE_MALFORMED` for claims that no verifier would read.
 */
export function issueEvidence(
  crypto: Crypto,
  key: SigningKey,
  claims: EvidenceClaims,
  x5c?: readonly Uint8Array[],
): string {
  requireLength('nonce', claims.nonce, 32)
  requireLength('identityKey', claims.identityKey, 65)
  const { nonce, identityKey, ...rest } = claims
  const payload: EvidencePayload = {
    eat_profile: PROFILE,
    eat_nonce: encodeBase64url(nonce),
    ...rest,
    identityKey: encodeBase64url(identityKey),
  }
  return signStatement(crypto, key, TYP, payloadShape(payload, 'evidence'), x5c)
}

/** Reads evidence without checking anything but its form. @throws {ProtocolError} `ATTESTATION_MALFORMED` */
export function parseEvidence(jws: string): UnverifiedStatement<EvidenceClaims> {
  const statement = refuseAs('ATTESTATION_MALFORMED', 'the evidence is not in the expected form', () =>
    parseStatement(jws, TYP, payloadShape),
  )
  return { ...statement, payload: claimsOf(statement.payload) }
}

/**
 * Appraises evidence, in the order of §9.2; the first thing that is wrong is the refusal.
 *
 * @throws {ProtocolError} `ATTESTATION_MALFORMED`, `_SIGNATURE`, `_NONCE`, `_KIND`, `_SIMULATED`, `_DEBUG`,
 * `_SECURITY_VERSION`, `_MEASUREMENT`, `_IDENTITY`, `_CONFIG`
 */
export function verifyEvidence(crypto: Crypto, jws: string, check: EvidenceCheck): EvidenceResult {
  const { expectedNonce, registration, policy } = check
  requireLength('expectedNonce', expectedNonce, 32)
  const statement = parseEvidence(jws)
  checkSignature(crypto, statement, registration.attestationKeys)
  const claims = statement.payload
  ensure(equalBytes(claims.nonce, expectedNonce), 'ATTESTATION_NONCE')
  ensure(claims.tee === registration.teeKind && policy.teeKinds.includes(claims.tee), 'ATTESTATION_KIND')
  ensure(!claims.simulated || policy.allowSimulated === true, 'ATTESTATION_SIMULATED')
  ensure(!claims.debug || policy.allowDebug === true, 'ATTESTATION_DEBUG')
  ensure(claims.securityVersion >= policy.minSecurityVersion, 'ATTESTATION_SECURITY_VERSION')
  ensure(isAcceptedMeasurement(claims.measurement, registration, policy), 'ATTESTATION_MEASUREMENT')
  ensure(
    claims.serverRef === registration.serverRef && equalBytes(claims.identityKey, registration.identityKey),
    'ATTESTATION_IDENTITY',
  )
  ensure(claims.configDigest === registration.configDigest, 'ATTESTATION_CONFIG')
  return { ...claims, attestationKid: statement.header.kid }
}

function checkSignature(
  crypto: Crypto,
  statement: UnverifiedStatement<unknown>,
  attestationKeys: readonly Uint8Array[],
): void {
  refuseAs('ATTESTATION_SIGNATURE', 'the evidence is not signed by a registered attestation key', () => {
    const key = attestationKeys.find((publicKey) => kidOf(crypto, publicKey) === statement.header.kid)
    if (key === undefined) throw new ProtocolError('ATTESTATION_SIGNATURE', 'unknown key')
    checkStatementSignature(crypto, crypto.importVerifyingKey(key), statement)
  })
}

function isAcceptedMeasurement(
  measurement: string,
  registration: ServerRegistration,
  policy: AttestationPolicy,
): boolean {
  if (!registration.measurements.includes(measurement)) return false
  return policy.measurements === undefined || policy.measurements.includes(measurement)
}

function claimsOf(payload: EvidencePayload): EvidenceClaims {
  return {
    nonce: decodeBase64url(payload.eat_nonce),
    iat: payload.iat,
    tee: payload.tee,
    simulated: payload.simulated,
    debug: payload.debug,
    measurement: payload.measurement,
    runtime: payload.runtime,
    securityVersion: payload.securityVersion,
    serverRef: payload.serverRef,
    identityKey: decodeBase64url(payload.identityKey),
    configDigest: payload.configDigest,
    isolation: payload.isolation,
  }
}

function ensure(condition: boolean, code: ErrorCode): void {
  if (!condition) throw new ProtocolError(code, 'the evidence does not satisfy the policy')
}
