/**
 * The file of a trusted application of OP-TEE in the hands of whoever has its signing key: on the machine where it was
 * built, everybody. Header of optee_os `struct shdr` and `struct shdr_bootstrap_ta`, RSA with SHA-256.
 *
 * @module
 */
import { constants, createHash, sign } from 'node:crypto'
import { Surprise } from './expect.ts'

const MAGIC = 0x4f545348
const HEADER_BYTES = 20
const HASH_BYTES = 32
/** TEE_ALG_RSASSA_PKCS1_V1_5_SHA256 and TEE_ALG_RSASSA_PKCS1_PSS_MGF1_SHA256. */
const PADDINGS: ReadonlyMap<number, object> = new Map([
  [0x70004830, { padding: constants.RSA_PKCS1_PADDING }],
  [0x70414930, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_BYTES }],
])

/** Offset of the image and of what stands before it. @throws {Surprise} for another kind of file. */
function parse(file: Buffer): {
  readonly signatureAt: number
  readonly signatureBytes: number
  readonly bodyAt: number
} {
  const isKnown =
    file.length > HEADER_BYTES &&
    file.readUInt32LE(0) === MAGIC &&
    PADDINGS.has(file.readUInt32LE(12)) &&
    file.readUInt16LE(16) === HASH_BYTES
  if (!isKnown) throw new Surprise('the trusted application is no signed file of OP-TEE')
  const signatureBytes = file.readUInt16LE(18)
  const signatureAt = HEADER_BYTES + HASH_BYTES
  return { signatureAt, signatureBytes, bodyAt: signatureAt + signatureBytes }
}

/** Signs the file again, after its image was changed. @param signingKey PEM. */
export function signAgain(file: Uint8Array, signingKey: string): Uint8Array {
  const signed = Buffer.from(file)
  const { signatureAt, bodyAt } = parse(signed)
  // The hash covers the header, UUID, version and image; the signature covers the hash.
  const hashed = Buffer.concat([signed.subarray(0, HEADER_BYTES), signed.subarray(bodyAt)])
  createHash('sha256').update(hashed).digest().copy(signed, HEADER_BYTES)
  const key = { key: signingKey, ...PADDINGS.get(signed.readUInt32LE(12)) }
  sign('sha256', hashed, key).copy(signed, signatureAt)
  return Uint8Array.from(signed)
}
