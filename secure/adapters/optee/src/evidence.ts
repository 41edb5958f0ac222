/**
 * Evidence of OP-TEE: two reports of its attestation service, over a nonce that binds all claims.
 * Spec: docs/protocol/09-evidence.md §9.4.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { deriveSigningKey } from '../../../../shared/crypto/src/derived-keys.ts'
import {
  issueOpteeEvidence,
  SECURITY_VERSION,
  type OpteePlatform,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import type { DeviceKeyPort, EvidencePort } from '../../../core/src/ports.ts'
import type { Native } from './native.ts'

const DIGEST_BYTES = 32

export interface OpteeEvidence extends EvidencePort {
  /** 65 bytes: the key that the server's registration lists (docs/protocol/02-registration.md §2.3). */
  readonly attestationKey: Uint8Array
}

export function createOpteeEvidence(
  crypto: Crypto,
  native: Native,
  deviceKey: DeviceKeyPort,
  isolation: readonly string[],
): OpteeEvidence {
  const key = deriveSigningKey(crypto, deviceKey, 'attestation')
  let known: OpteePlatform | undefined
  const platform = (): OpteePlatform => (known ??= platformOf(crypto, native))
  return {
    attestationKey: key.publicKey,
    attest: (nonce, { serverRef, identityKey, configDigest, nowMs }) =>
      issueOpteeEvidence(
        crypto,
        key,
        {
          nonce,
          iat: Math.floor(nowMs / 1000),
          simulated: native.isSimulated,
          debug: native.isDebug,
          measurement: hexOf(native.measurement),
          securityVersion: SECURITY_VERSION,
          serverRef: serverRef as ServerRef,
          identityKey,
          configDigest: hexOf(configDigest),
          isolation,
        },
        platform(),
      ),
  }
}

/** The digests do not change while the application lives: made once, each report says them again. */
function platformOf(crypto: Crypto, native: Native): OpteePlatform {
  const digestOf = (of: 'program' | 'core'): Sha256Hex =>
    hexOf(native.report(of, crypto.randomBytes(32)).subarray(0, DIGEST_BYTES))
  const program = digestOf('program')
  const core = digestOf('core')
  const signatureOf = (of: 'program' | 'core', digest: Sha256Hex, nonce: Uint8Array): Uint8Array => {
    const report = native.report(of, nonce)
    if (hexOf(report.subarray(0, DIGEST_BYTES)) !== digest) throw new Error('the memory under evidence has changed')
    return report.slice(DIGEST_BYTES)
  }
  return {
    program,
    core,
    version: native
      .coreVersion()
      .replaceAll(/[^A-Za-z0-9._+-]/g, '')
      .slice(0, 64),
    signer: hexOf(native.signer),
    reportKey: native.reportKey(),
    report: (nonce) => ({ program: signatureOf('program', program, nonce), core: signatureOf('core', core, nonce) }),
  }
}

function hexOf(bytes: Uint8Array): Sha256Hex {
  return encodeHex(bytes) as Sha256Hex
}
