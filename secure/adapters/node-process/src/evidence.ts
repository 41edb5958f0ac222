/**
 * Evidence of a process: signed by a key derived from the simulated device key, and marked `simulated`. It proves which
 * program the host's software says it started, and nothing about who can look into it.
 * Spec: docs/protocol/09-evidence.md §9.3.
 *
 * @module
 */
import { encodeHex, type Crypto, type SigningKey } from '../../../../shared/crypto/src/index.ts'
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
  const key = attestationKeyOf(crypto, deviceKey)
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

/** A P-256 scalar from the device key: the first candidate that is one (the first, but for 1 in 2^32). */
function attestationKeyOf(crypto: Crypto, deviceKey: DeviceKeyPort): SigningKey {
  for (let i = 0; i < 16; i++) {
    try {
      return crypto.importSigningKey(deviceKey.derive(`attestation-${i}`))
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'CRYPTO_BAD_KEY') throw error
    }
  }
  throw new Error('no attestation key in 16 candidates')
}
