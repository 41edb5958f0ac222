/**
 * Evidence of a process: signed by a key derived from the simulated device key, and marked `simulated`. It proves which
 * program the host's software says it started, and nothing about who can look into it.
 * Spec: docs/protocol/09-evidence.md §9.3.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { deriveSigningKey } from '../../../../shared/crypto/src/derived-keys.ts'
import {
  issueEvidence,
  SECURITY_VERSION,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import type { DeviceKeyPort, EvidencePort } from '../../../core/src/ports.ts'

export interface ProcessEvidenceOptions {
  /** 32 bytes, SHA-256 of the trusted application's bundle. */
  readonly measurement: Uint8Array
  /** 32 bytes, SHA-256 of the program that runs it. */
  readonly runtime: Uint8Array
  /** What was switched on for the process: `permission-model`, `no-network`, … */
  readonly isolation: readonly string[]
}

export interface ProcessEvidence extends EvidencePort {
  /** 65 bytes: the key that the server's registration lists (docs/protocol/02-registration.md §2.3). */
  readonly attestationKey: Uint8Array
}

export function createProcessEvidence(
  crypto: Crypto,
  deviceKey: DeviceKeyPort,
  options: ProcessEvidenceOptions,
): ProcessEvidence {
  const key = deriveSigningKey(crypto, deviceKey, 'attestation')
  return {
    attestationKey: key.publicKey,
    attest: (nonce, { serverRef, identityKey, configDigest, nowMs }) =>
      issueEvidence(crypto, key, {
        nonce,
        iat: Math.floor(nowMs / 1000),
        tee: 'process',
        simulated: true,
        debug: false,
        measurement: encodeHex(options.measurement) as Sha256Hex,
        runtime: encodeHex(options.runtime) as Sha256Hex,
        securityVersion: SECURITY_VERSION,
        serverRef: serverRef as ServerRef,
        identityKey,
        configDigest: encodeHex(configDigest) as Sha256Hex,
        isolation: options.isolation,
      }),
  }
}
