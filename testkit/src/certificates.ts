/**
 * Certificates for tests, correct by default and wrong in exactly the part a test names. Synchronous and
 * deterministic apart from the signature, so that one can be made anywhere without a CA.
 *
 * @module
 */
import {
  concat,
  decodeHex,
  encodeUtf8,
  pointToSpki,
  signatureToDer,
  type Crypto,
  type SigningKey,
} from '../../shared/crypto/src/index.ts'

/** One DER element with the shortest length. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concat(...contents)
  const n = content.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return concat(Uint8Array.of(tag, ...length), content)
}

/** The bits of RFC 5280 §4.2.1.3 as the first byte of the bit string. */
export const KEY_USAGE_BITS = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const

export interface TestCertificateOptions {
  readonly issuerKey: SigningKey
  /** 65 bytes; the issuer's own if absent. */
  readonly publicKey?: Uint8Array
  readonly subject?: string
  readonly issuer?: string
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  /** Magnitude of the serial number. */
  readonly serial?: Uint8Array
  /** Absent: an end entity. */
  readonly ca?: { readonly pathLength?: number }
  /** First byte of the key usage; null leaves the extension out. */
  readonly keyUsage?: number | null
  readonly attributes?: Readonly<Record<string, string>>
  /** Whole encodings that take the place of the named part, or of all extensions. */
  readonly raw?: Partial<
    Record<
      'version' | 'serial' | 'algorithm' | 'outerAlgorithm' | 'issuer' | 'validity' | 'subject' | 'spki',
      Uint8Array
    >
  >
  readonly extensions?: readonly Uint8Array[]
  /** Signs what the certificate says with another key than the issuer's, or changes the signature. */
  readonly signature?: (tbs: Uint8Array) => Uint8Array
}

export const ECDSA_WITH_SHA256 = decodeHex('300a06082a8648ce3d040302')

/** DER of a certificate. */
export function buildTestCertificate(crypto: Crypto, options: TestCertificateOptions): Uint8Array {
  const { issuerKey, raw = {} } = options
  const algorithm = raw.algorithm ?? ECDSA_WITH_SHA256
  const validity = [options.notBeforeMs ?? 0, options.notAfterMs ?? Date.UTC(2040, 0, 1)].map(derTime)
  const extensions = options.extensions ?? defaultExtensions(options)
  const tbs = der(
    0x30,
    raw.version ?? decodeHex('a003020102'),
    raw.serial ?? derUnsigned(options.serial ?? Uint8Array.of(1)),
    algorithm,
    raw.issuer ?? derName(options.issuer ?? options.subject ?? 'Test CA'),
    raw.validity ?? der(0x30, ...validity),
    raw.subject ?? derName(options.subject ?? 'Test CA'),
    raw.spki ?? pointToSpki(options.publicKey ?? issuerKey.publicKey),
    extensions.length === 0 ? new Uint8Array(0) : der(0xa3, der(0x30, ...extensions)),
  )
  const signature = options.signature?.(tbs) ?? signatureToDer(crypto.sign(issuerKey, tbs))
  return der(0x30, tbs, raw.outerAlgorithm ?? algorithm, der(0x03, Uint8Array.of(0), signature))
}

/** A name with one common name. */
export function derName(commonName: string): Uint8Array {
  return der(0x30, der(0x31, derAttribute('550403', der(0x0c, encodeUtf8(commonName)))))
}

/** AttributeTypeAndValue. @param typeHex content of the object identifier. */
export function derAttribute(typeHex: string, value: Uint8Array): Uint8Array {
  return der(0x30, der(0x06, decodeHex(typeHex)), value)
}

/** @param idHex content of the object identifier. */
export function derExtension(idHex: string, critical: boolean, value: Uint8Array): Uint8Array {
  return der(0x30, der(0x06, decodeHex(idHex)), critical ? decodeHex('0101ff') : new Uint8Array(0), der(0x04, value))
}

/** RFC 5280 §4.1.2.5: UTCTime up to 2049, GeneralizedTime after. */
export function derTime(timeMs: number): Uint8Array {
  const text = `${new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`
  return text < '2050' ? der(0x17, encodeUtf8(text.slice(2))) : der(0x18, encodeUtf8(text))
}

export function derUnsigned(magnitude: Uint8Array): Uint8Array {
  return der(0x02, (magnitude[0] as number) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0), magnitude)
}

export function basicConstraintsExtension(ca?: { readonly pathLength?: number }): Uint8Array {
  const limit = ca?.pathLength === undefined ? new Uint8Array(0) : der(0x02, Uint8Array.of(ca.pathLength))
  return derExtension('551d13', true, ca === undefined ? der(0x30) : der(0x30, decodeHex('0101ff'), limit))
}

/** @param bits first byte of the bit string, not zero. */
export function keyUsageExtension(bits: number): Uint8Array {
  const unusedBits = 31 - Math.clz32(bits & -bits)
  return derExtension('551d0f', true, der(0x03, Uint8Array.of(unusedBits, bits)))
}

export function attributesExtension(json: string): Uint8Array {
  return derExtension('2a03040506070801', false, encodeUtf8(json))
}

function defaultExtensions({ ca, keyUsage, attributes }: TestCertificateOptions): Uint8Array[] {
  const bits = keyUsage === undefined ? (ca ? KEY_USAGE_BITS.keyCertSign : KEY_USAGE_BITS.digitalSignature) : keyUsage
  return [
    ...(bits === null ? [] : [keyUsageExtension(bits)]),
    basicConstraintsExtension(ca),
    ...(attributes ? [attributesExtension(JSON.stringify({ attrs: attributes }))] : []),
  ]
}
