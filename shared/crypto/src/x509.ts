/**
 * X.509 v3 certificates of our profile (RFC 5280): ecdsa-with-SHA256 on P-256, strict DER, at most 8 KiB.
 * Reads what hospitals' CAs and Fabric CA issue and nothing more general; whether a certificate may be trusted is
 * the question of x509-chain.ts.
 *
 * Stricter than RFC 5280: name constraints are refused even where not critical, because we do not enforce them;
 * a subject has at most one common name and one organization.
 *
 * @module
 */
import { decodeHex, decodeUtf8, encodeHex, equalBytes } from './bytes.ts'
import { boolean, DerReader, malformed, objectIdentifier, onlyElement, TAG, unsignedInteger } from './der.ts'
import { signatureFromDer } from './ecdsa-der.ts'
import { CertificateError } from './errors.ts'
import { isP256Spki, spkiToPoint } from './spki.ts'
import { validityTimeMs } from './x509-time.ts'

export const MAX_CERTIFICATE_BYTES = 8_192

/** RFC 5280 §4.1.2.6: the parts of a subject that we use. */
export interface CertificateSubject {
  readonly commonName: string | undefined
  readonly organization: string | undefined
  /** In the order of the certificate; Fabric puts the role and the affiliation here. */
  readonly organizationalUnits: readonly string[]
}

/** RFC 5280 §4.2.1.3. */
export interface KeyUsage {
  readonly digitalSignature: boolean
  readonly contentCommitment: boolean
  readonly keyEncipherment: boolean
  readonly dataEncipherment: boolean
  readonly keyAgreement: boolean
  readonly keyCertSign: boolean
  readonly crlSign: boolean
}

export interface Certificate {
  /** The whole certificate. */
  readonly der: Uint8Array
  /** What is signed. */
  readonly tbs: Uint8Array
  /** Lower-case hex of the serial number's 1 to 20 bytes, without the sign byte; the first digits may be zero. */
  readonly serialHex: string
  readonly issuerDer: Uint8Array
  readonly subjectDer: Uint8Array
  readonly subject: CertificateSubject
  /** First and last moment of validity. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** 65 bytes, not yet checked to be on the curve: `importVerifyingKey` does that. */
  readonly publicKey: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
  readonly isCa: boolean
  /** How many CAs may stand between this one and the leaf; undefined: no limit stated. */
  readonly pathLength: number | undefined
  /** Undefined if the extension is absent. */
  readonly keyUsage: KeyUsage | undefined
  /** Attributes that Fabric CA certifies (role, affiliation, ...); has no prototype, so `constructor` is absent. */
  readonly attributes: Readonly<Record<string, string>>
}

const ECDSA_WITH_SHA256 = decodeHex('300a06082a8648ce3d040302')
const VERSION_3 = decodeHex('020102')

const COMMON_NAME = '550403'
const ORGANIZATION = '55040a'
const ORGANIZATIONAL_UNIT = '55040b'

const BASIC_CONSTRAINTS = '551d13'
const KEY_USAGE = '551d0f'
const NAME_CONSTRAINTS = '551d1e'
/** 1.2.3.4.5.6.7.8.1, where Fabric CA puts JSON `{"attrs": {name: value}}`. */
const FABRIC_ATTRIBUTES = '2a03040506070801'

/**
 * Reads a certificate. Checks its form only: neither signature, validity, nor that the key is on the curve.
 *
 * @throws {CertificateError} `MALFORMED` or `UNSUPPORTED`
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw malformed()
  const copy = der.slice()
  const outer = new DerReader(onlyElement(copy, TAG.sequence))
  const tbs = outer.next(TAG.sequence)
  const outerAlgorithm = outer.next(TAG.sequence).encoding
  const signature = bitStringBytes(outer.next(TAG.bitString).content)
  outer.end()

  // RFC 5280 §4.1, in the order of TBSCertificate.
  const fields = new DerReader(tbs.content)
  if (!fields.nextIs(TAG.context0)) throw unsupported()
  if (!equalBytes(fields.next(TAG.context0).content, VERSION_3)) throw unsupported()
  const serial = unsignedInteger(fields.next(TAG.integer).content)
  const innerAlgorithm = fields.next(TAG.sequence).encoding
  const issuer = fields.next(TAG.sequence)
  const validity = new DerReader(fields.next(TAG.sequence).content)
  const notBeforeMs = validityTimeMs(validity.next())
  const notAfterMs = validityTimeMs(validity.next())
  validity.end()
  const subject = fields.next(TAG.sequence)
  const spki = fields.next(TAG.sequence).encoding
  const extensions = fields.atEnd ? NO_EXTENSIONS : readExtensions(fields.next(TAG.context3).content)
  fields.end()

  // RFC 5280 §4.1.2.2: positive, at most 20 octets.
  if (serial.length > 20 || (serial.length === 1 && serial[0] === 0)) throw malformed()
  // RFC 5280 §4.1.1.2: both identifiers are the same.
  if (!equalBytes(outerAlgorithm, innerAlgorithm)) throw malformed()
  if (!equalBytes(innerAlgorithm, ECDSA_WITH_SHA256)) throw unsupported()
  readName(issuer.content)
  if (!isP256Spki(spki)) throw unsupported()

  return {
    der: copy,
    tbs: tbs.encoding.slice(),
    serialHex: encodeHex(serial),
    issuerDer: issuer.encoding.slice(),
    subjectDer: subject.encoding.slice(),
    subject: readName(subject.content),
    notBeforeMs,
    notAfterMs,
    publicKey: spkiToPoint(spki),
    signature: signatureOf(signature),
    ...extensions,
  }
}

/** Name, RFC 5280 §4.1.2.4. An RDN may hold several values: Fabric CA puts all organizational units into one. */
function readName(content: Uint8Array): CertificateSubject {
  let commonName: string | undefined
  let organization: string | undefined
  const organizationalUnits: string[] = []
  const rdns = new DerReader(content)
  if (rdns.atEnd) throw malformed()
  while (!rdns.atEnd) {
    const values = new DerReader(rdns.next(TAG.set).content)
    let previous: Uint8Array | undefined
    do {
      const { content: pair, encoding } = values.next(TAG.sequence)
      // X.690 §11.6: a SET OF is in ascending order of its encodings.
      if (previous !== undefined && !isAscending(previous, encoding)) throw malformed()
      previous = encoding
      const fields = new DerReader(pair)
      const type = encodeHex(objectIdentifier(fields.next(TAG.objectIdentifier).content))
      const value = fields.next()
      fields.end()
      if (type === COMMON_NAME) {
        if (commonName !== undefined) throw malformed()
        commonName = directoryString(value.tag, value.content)
      } else if (type === ORGANIZATION) {
        if (organization !== undefined) throw malformed()
        organization = directoryString(value.tag, value.content)
      } else if (type === ORGANIZATIONAL_UNIT) {
        organizationalUnits.push(directoryString(value.tag, value.content))
      }
    } while (!values.atEnd)
  }
  return { commonName, organization, organizationalUnits }
}

/** The two forms RFC 5280 §4.1.2.4 still allows, without control characters. */
function directoryString(tag: number, content: Uint8Array): string {
  if (content.length === 0) throw malformed()
  const text = utf8(content)
  const allowed =
    tag === TAG.utf8String
      ? !hasControlCharacter(text)
      : tag === TAG.printableString && /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)
  if (!allowed) throw malformed()
  return text
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true
  }
  return false
}

type Extensions = Pick<Certificate, 'isCa' | 'pathLength' | 'keyUsage' | 'attributes'>

const NO_EXTENSIONS: Extensions = {
  isCa: false,
  pathLength: undefined,
  keyUsage: undefined,
  attributes: Object.freeze(Object.create(null) as Record<string, string>),
}

/** RFC 5280 §4.2: each at most once; one that we do not know must not be critical. */
function readExtensions(content: Uint8Array): Extensions {
  let result = NO_EXTENSIONS
  const seen = new Set<string>()
  const list = new DerReader(onlyElement(content, TAG.sequence))
  do {
    const fields = new DerReader(list.next(TAG.sequence).content)
    const id = encodeHex(objectIdentifier(fields.next(TAG.objectIdentifier).content))
    const critical = fields.nextIs(TAG.boolean) && readDefaultFalse(fields)
    const value = fields.next(TAG.octetString).content
    fields.end()
    if (seen.has(id)) throw malformed()
    seen.add(id)
    if (id === BASIC_CONSTRAINTS) result = { ...result, ...readBasicConstraints(value) }
    else if (id === KEY_USAGE) result = { ...result, keyUsage: readKeyUsage(value) }
    else if (id === FABRIC_ATTRIBUTES) result = { ...result, attributes: readAttributes(value) }
    else if (critical || id === NAME_CONSTRAINTS) throw unsupported()
  } while (!list.atEnd)
  return result
}

/** X.690 §11.5: a default value is not encoded, so a boolean that is present is TRUE. */
function readDefaultFalse(fields: DerReader): true {
  if (!boolean(fields.next(TAG.boolean).content)) throw malformed()
  return true
}

/** RFC 5280 §4.2.1.9; a path length only with a CA. */
function readBasicConstraints(value: Uint8Array): Pick<Certificate, 'isCa' | 'pathLength'> {
  const fields = new DerReader(onlyElement(value, TAG.sequence))
  if (fields.atEnd) return { isCa: false, pathLength: undefined }
  readDefaultFalse(fields)
  if (fields.atEnd) return { isCa: true, pathLength: undefined }
  const limit = unsignedInteger(fields.next(TAG.integer).content)
  fields.end()
  if (limit.length !== 1) throw malformed()
  return { isCa: true, pathLength: limit[0] }
}

/** A named bit list: X.690 §11.2.2 leaves no trailing zero bits; RFC 5280 §4.2.1.3 wants at least one bit set. */
function readKeyUsage(value: Uint8Array): KeyUsage {
  const content = onlyElement(value, TAG.bitString)
  const [unusedBits = 8, first = 0, second = 0] = content
  const last = content[content.length - 1] as number
  if (content.length < 2 || content.length > 3 || unusedBits > 7) throw malformed()
  if ((last & ((1 << unusedBits) - 1)) !== 0 || (last & (1 << unusedBits)) === 0) throw malformed()
  if ((second & 0x7f) !== 0) throw malformed()
  return {
    digitalSignature: (first & 0x80) !== 0,
    contentCommitment: (first & 0x40) !== 0,
    keyEncipherment: (first & 0x20) !== 0,
    dataEncipherment: (first & 0x10) !== 0,
    keyAgreement: (first & 0x08) !== 0,
    keyCertSign: (first & 0x04) !== 0,
    crlSign: (first & 0x02) !== 0,
  }
}

/** Fabric's attribute extension: `{"attrs": {name: value}}` with text values, nothing else. */
function readAttributes(value: Uint8Array): Readonly<Record<string, string>> {
  const outer = jsonObject(utf8(value))
  const attrs = outer['attrs']
  if (Object.keys(outer).length !== 1 || !isObject(attrs)) throw malformed()
  const result = Object.create(null) as Record<string, string>
  for (const [name, text] of Object.entries(attrs)) {
    if (typeof text !== 'string') throw malformed()
    result[name] = text
  }
  return Object.freeze(result)
}

function jsonObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed()
  }
  if (!isObject(value)) throw malformed()
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function utf8(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch {
    throw malformed()
  }
}

function bitStringBytes(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) throw malformed()
  return content.subarray(1)
}

function signatureOf(der: Uint8Array): Uint8Array {
  try {
    return signatureFromDer(der)
  } catch {
    throw malformed()
  }
}

function isAscending(a: Uint8Array, b: Uint8Array): boolean {
  return encodeHex(a) <= encodeHex(b)
}

function unsupported(): CertificateError {
  return new CertificateError('UNSUPPORTED')
}
