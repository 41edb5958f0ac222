/**
 * Evidence: what a TEE server's platform signs about the program that runs in it, bound to one nonce; and its
 * appraisal against the registration on the ledger and the verifier's own policy (RFC 9334, RFC 9711).
 * Spec: docs/protocol/09-evidence.md.
 *
 * Limits: evidence is checked with the attestation keys of the registration, that of OP-TEE also with its device's
 * reports (optee-evidence.ts). Other TEE kinds, whose platforms have their own certificate chains, need a verifier of
 * their own for the chain in the header; here their evidence is refused unless its key is registered.
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
import {
  checkOpteeReports,
  type OpteeClaims,
  opteePayloadShape,
  type OpteePlatform,
  type OpteeReference,
  opteeReportNonce,
} from './optee-evidence.ts'
import { refuseAs } from './refusal.ts'
import { b64u, bool, distinct, type Infer, literal, oneOf, optional, refine, struct, text, uint } from './shape.ts'

const TYP = 'trusthealth-evidence+jwt'
const PROFILE = 'https://trusthealth.example/eat/1'

/**
 * Of the trusted application of this source: raised when an older one must not serve what this one stored
 * (docs/protocol/10-tee-abi.md §10.8), nor be believed (§9.2).
 */
export const SECURITY_VERSION = 1

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
  /** SHA-256 of what runs it; of OP-TEE: of the memory of the trusted application, bundle included. */
  readonly runtime: Sha256Hex
  readonly securityVersion: number
  readonly serverRef: ServerRef
  /** 65 bytes. */
  readonly identityKey: Uint8Array
  readonly configDigest: Sha256Hex
  /** What was switched on for the process: claims of the host's software, not of hardware. */
  readonly isolation: readonly string[]
  /** With `optee`, and only there. */
  readonly optee?: OpteeClaims
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
  /** Reference values; without them evidence of OP-TEE is refused. */
  readonly optee?: OpteeReference
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
    optee: optional(opteePayloadShape),
  }),
  // §9.3: a process protects nothing from its host, whatever it says. §9.4: OP-TEE reports, and nobody else.
  ({ tee, simulated, optee }) => (simulated || tee !== 'process') && (tee === 'optee') === (optee !== undefined),
  'does not fit its kind of TEE',
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
  claims: Omit<EvidenceClaims, 'optee'>,
  x5c?: readonly Uint8Array[],
): string {
  return signStatement(crypto, key, TYP, payloadShape(payloadOf(claims), 'evidence'), x5c)
}

/**
 * Signs evidence of OP-TEE: as `issueEvidence`, with the two reports of the platform over all other claims (§9.4).
 * @throws {ProtocolError} `MESSAGE_MALFORMED` for claims that no verifier would read.
 */
export function issueOpteeEvidence(
  crypto: Crypto,
  key: SigningKey,
  claims: Omit<EvidenceClaims, 'tee' | 'runtime' | 'optee'>,
  platform: OpteePlatform,
): string {
  const { core, version, signer, program } = platform
  const reportKey = encodeBase64url(platform.reportKey)
  const reported = {
    ...payloadOf({ ...claims, tee: 'optee', runtime: program }),
    optee: { core, version, signer, reportKey },
  }
  const reports = platform.report(opteeReportNonce(crypto, reported))
  const optee = {
    ...reported.optee,
    programReport: encodeBase64url(reports.program),
    coreReport: encodeBase64url(reports.core),
  }
  return signStatement(crypto, key, TYP, payloadShape({ ...reported, optee }, 'evidence'))
}

function payloadOf(claims: Omit<EvidenceClaims, 'optee'>): Omit<EvidencePayload, 'optee'> {
  const { nonce, identityKey, ...rest } = claims
  requireLength('nonce', nonce, 32)
  requireLength('identityKey', identityKey, 65)
  return {
    eat_profile: PROFILE,
    eat_nonce: encodeBase64url(nonce),
    ...rest,
    identityKey: encodeBase64url(identityKey),
  }
}

/** Reads evidence without checking anything but its form. @throws {ProtocolError} `ATTESTATION_MALFORMED` */
export function parseEvidence(jws: string): UnverifiedStatement<EvidenceClaims> {
  const statement = parsePayload(jws)
  return { ...statement, payload: claimsOf(statement.payload) }
}

function parsePayload(jws: string): UnverifiedStatement<EvidencePayload> {
  return refuseAs('ATTESTATION_MALFORMED', 'the evidence is not in the expected form', () =>
    parseStatement(jws, TYP, payloadShape),
  )
}

/**
 * Appraises evidence, in the order of §9.2; the first thing that is wrong is the refusal.
 *
 * @throws {ProtocolError} `ATTESTATION_MALFORMED`, `_SIGNATURE`, `_NONCE`, `_KIND`, `_REPORT`, `_SIMULATED`, `_DEBUG`,
 * `_SECURITY_VERSION`, `_PLATFORM`, `_SIGNER`, `_MEASUREMENT`, `_IDENTITY`, `_CONFIG`
 */
export function verifyEvidence(crypto: Crypto, jws: string, check: EvidenceCheck): EvidenceResult {
  const { expectedNonce, registration, policy } = check
  requireLength('expectedNonce', expectedNonce, 32)
  const statement = parsePayload(jws)
  checkSignature(crypto, statement, registration.attestationKeys)
  const claims = claimsOf(statement.payload)
  ensure(equalBytes(claims.nonce, expectedNonce), 'ATTESTATION_NONCE')
  ensure(claims.tee === registration.teeKind && policy.teeKinds.includes(claims.tee), 'ATTESTATION_KIND')
  checkReports(crypto, statement.payload, registration)
  // What the ledger knows of OP-TEE and of this program weighs as much as what the evidence says.
  const { core, program } = findReference(claims, registration)
  const simulated = claims.simulated || core?.simulated === true
  const debug = claims.debug || core?.debug === true || program?.debug === true
  ensure(!simulated || policy.allowSimulated === true, 'ATTESTATION_SIMULATED')
  ensure(!debug || policy.allowDebug === true, 'ATTESTATION_DEBUG')
  ensure(
    claims.securityVersion >= policy.minSecurityVersion &&
      (program === undefined || program.securityVersion === claims.securityVersion),
    'ATTESTATION_SECURITY_VERSION',
  )
  if (claims.optee !== undefined) {
    const { signer, version } = claims.optee
    ensure(core !== undefined && core.version === version, 'ATTESTATION_PLATFORM')
    ensure(core.signer === signer && (program === undefined || program.signer === signer), 'ATTESTATION_SIGNER')
    ensure(program !== undefined && program.measurement === claims.measurement, 'ATTESTATION_MEASUREMENT')
  }
  ensure(isAcceptedMeasurement(claims.measurement, registration, policy), 'ATTESTATION_MEASUREMENT')
  ensure(
    claims.serverRef === registration.serverRef && equalBytes(claims.identityKey, registration.identityKey),
    'ATTESTATION_IDENTITY',
  )
  ensure(claims.configDigest === registration.configDigest, 'ATTESTATION_CONFIG')
  return { ...claims, simulated, debug, attestationKid: statement.header.kid }
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

/** §9.4: of a registered device, over everything else that the payload says. */
function checkReports(crypto: Crypto, { optee, ...claims }: EvidencePayload, registration: ServerRegistration): void {
  if (optee === undefined) return
  const { programReport, coreReport, ...reported } = optee
  const digests = {
    reportKey: decodeBase64url(optee.reportKey),
    program: claims.runtime,
    core: optee.core,
    reports: { program: decodeBase64url(programReport), core: decodeBase64url(coreReport) },
  }
  checkOpteeReports(crypto, opteeReportNonce(crypto, { ...claims, optee: reported }), digests, registration.optee)
}

/** What the ledger says of the reported digests; nothing of other TEE kinds. */
function findReference({ optee, runtime }: EvidenceClaims, registration: ServerRegistration) {
  if (optee === undefined) return {}
  return {
    core: registration.optee?.cores.find(({ digest }) => digest === optee.core),
    program: registration.optee?.programs.find(({ digest }) => digest === runtime),
  }
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
    ...(payload.optee === undefined ? {} : { optee: opteeClaimsOf(payload.optee) }),
  }
}

function opteeClaimsOf({ core, version, signer, reportKey }: Infer<typeof opteePayloadShape>): OpteeClaims {
  return { core, version, signer, reportKey: decodeBase64url(reportKey) }
}

function ensure(condition: boolean, code: ErrorCode): asserts condition {
  if (!condition) throw new ProtocolError(code, 'the evidence does not satisfy the policy')
}
