/**
 * Ports of the trusted application for tests: a clock that stands still until it is moved, a device key that is given,
 * evidence marked as simulated. Nothing here protects anything.
 *
 * @module
 */
import { concat, encodeHex, encodeUtf8, type Crypto, type SigningKey } from '../../shared/crypto/src/index.ts'
import { issueEvidence, type ServerRef, type Sha256Hex } from '../../shared/protocol/src/index.ts'
import type { ClockPort, DeviceKeyPort, EvidencePort } from '../../secure/core/src/ports.ts'

export interface TestClock extends ClockPort {
  /** Both clocks. */
  advanceMs(ms: number): void
  /** The wall clock alone, as the normal world can. */
  setNowMs(nowMs: number): void
}

export function createTestClock(startMs = Date.UTC(2030, 0, 1)): TestClock {
  let nowMs = startMs
  let monotonicMs = 1_000
  return {
    nowMs: () => nowMs,
    monotonicMs: () => monotonicMs,
    advanceMs(ms) {
      nowMs += ms
      monotonicMs += ms
    },
    setNowMs(value) {
      nowMs = value
    },
  }
}

/** @param device 32 bytes; the same device derives the same keys. */
export function createInsecureDeviceKey(crypto: Crypto, device: Uint8Array): DeviceKeyPort {
  return { derive: (purpose) => crypto.sha256(concat(device, encodeUtf8(purpose))) }
}

export function createInsecureEvidence(crypto: Crypto, key: SigningKey, measurement: Uint8Array): EvidencePort {
  return {
    attest: (nonce, { serverRef, identityKey, configDigest, nowMs }) =>
      issueEvidence(crypto, key, {
        nonce,
        iat: Math.floor(nowMs / 1000),
        tee: 'process',
        simulated: true,
        debug: false,
        measurement: encodeHex(measurement) as Sha256Hex,
        runtime: '00'.repeat(32) as Sha256Hex,
        securityVersion: 1,
        serverRef: serverRef as ServerRef,
        identityKey,
        configDigest: encodeHex(configDigest) as Sha256Hex,
        isolation: [],
      }),
  }
}
