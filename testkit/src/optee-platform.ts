/**
 * The attestation service of an OP-TEE that is not there: reports of the same form, of a device key in the hands of the
 * test. Salts are derived from what is signed, so that the same question has the same answer.
 *
 * @module
 */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
} from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import { decodeBase64url, decodeHex } from '../../shared/crypto/src/index.ts'
import type { OpteePlatform, OpteeReports, Sha256Hex } from '../../shared/protocol/src/index.ts'

const BYTES = 384
const HASH_BYTES = 32

/** A device with its report key, RSA of 3072 bits. */
export interface TestDevice {
  readonly key: KeyObject
  /** Modulus, 384 bytes. */
  readonly reportKey: Uint8Array
}

/** @param jwk a private key; absent: a new one. */
export function makeTestDevice(jwk?: JsonWebKey): TestDevice {
  const key =
    jwk === undefined
      ? generateKeyPairSync('rsa', { modulusLength: 8 * BYTES }).privateKey
      : createPrivateKey({ key: jwk, format: 'jwk' })
  const { n = '' } = createPublicKey(key).export({ format: 'jwk' })
  return { key, reportKey: decodeBase64url(n) }
}

/** What runs on the device. */
export type TestPrograms = Pick<OpteePlatform, 'core' | 'program' | 'signer' | 'version'>

export function makeOpteePlatform(device: TestDevice, programs: TestPrograms): OpteePlatform {
  return {
    ...programs,
    reportKey: device.reportKey,
    report: (nonce) => reportsOf(device, nonce, programs),
  }
}

/** Both reports, also over digests that are not those of `programs`. */
export function reportsOf(
  { key }: TestDevice,
  nonce: Uint8Array,
  { program, core }: { readonly program: Sha256Hex; readonly core: Sha256Hex },
): OpteeReports {
  return { program: sign(key, nonce, decodeHex(program)), core: sign(key, nonce, decodeHex(core)) }
}

/** RSASSA-PSS with SHA-256 and a salt of 32 bytes over `nonce` and `digest`, as OP-TEE signs (RFC 8017 §9.1.1). */
function sign(key: KeyObject, nonce: Uint8Array, digest: Uint8Array): Uint8Array {
  const messageHash = sha256(nonce, digest)
  const salt = sha256(messageHash)
  const hash = sha256(new Uint8Array(8), messageHash, salt)
  const length = BYTES - HASH_BYTES - 1
  const block = Buffer.concat([new Uint8Array(length - HASH_BYTES - 1), Uint8Array.of(1), salt])
  const mask = Buffer.concat(
    Array.from({ length: Math.ceil(length / HASH_BYTES) }, (_, i) => sha256(hash, Uint8Array.of(0, 0, 0, i))),
  )
  const masked = block.map((byte, i) => byte ^ (mask[i] as number))
  masked[0] = (masked[0] as number) & 0x7f
  const encoded = Buffer.concat([masked, hash, Uint8Array.of(0xbc)])
  return Uint8Array.from(privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded))
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}
