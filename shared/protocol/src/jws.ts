/**
 * Signed statements: compact JWS (RFC 7515) with one algorithm and one header per kind. Nothing is dispatched on what
 * the header says: the header that must be there is built and compared byte by byte.
 *
 * Signing comes in two forms: at once with a key handle, or `prepareStatement` for signers that answer later (keys in
 * browsers and in hardware). Spec: docs/protocol/01-conventions.md §1.5.
 *
 * @module
 */
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../crypto/src/bytes.ts'
import type { Crypto, SigningKey, VerifyingKey } from '../../crypto/src/port.ts'
import { P256_SIGNATURE_BYTES } from '../../crypto/src/sizes.ts'
import { jwkThumbprint } from '../../crypto/src/spki.ts'
import { ProtocolError } from './errors.ts'
import { type Kid, kidShape } from './ids.ts'
import { parseJson } from './json.ts'
import type { Shape } from './shape.ts'

export const MAX_STATEMENT_BYTES = 16_384
export const MAX_STATEMENT_CERTIFICATES = 3
export const MAX_STATEMENT_CERTIFICATE_BYTES = 8_192

/** Each kind of statement, and whether its header carries a certificate chain. */
export const STATEMENT_TYPES = {
  'trusthealth-warrant+jwt': { x5c: 'never' },
  'trusthealth-warrant-record+jwt': { x5c: 'never' },
  'trusthealth-grant+jwt': { x5c: 'never' },
  'trusthealth-revocation+jwt': { x5c: 'never' },
  'trusthealth-key+jwt': { x5c: 'never' },
  'trusthealth-credential+jwt': { x5c: 'always' },
  'trusthealth-receipt+jwt': { x5c: 'never' },
  'trusthealth-evidence+jwt': { x5c: 'sometimes' },
  'trusthealth-request+jwt': { x5c: 'never' },
} as const satisfies Record<string, { readonly x5c: 'never' | 'sometimes' | 'always' }>

export type StatementType = keyof typeof STATEMENT_TYPES

/** A statement whose signature nobody has checked yet: good for finding the key by `header.kid`, for nothing else. */
export interface UnverifiedStatement<T> {
  readonly header: {
    readonly kid: Kid
    /** DER certificates, leaf first; absent where the kind has none. */
    readonly x5c?: readonly Uint8Array[]
  }
  readonly payload: T
  readonly signingInput: Uint8Array
  /** 64 bytes, r ‖ s. */
  readonly signature: Uint8Array
}

/** A statement that waits for its signature. */
export interface UnsignedStatement {
  /** What to sign with ECDSA P-256 and SHA-256. */
  readonly signingInput: Uint8Array
  /**
   * The compact JWS. Does not check the signature.
   * @param signature 64 bytes, r ‖ s.
   */
  withSignature(signature: Uint8Array): string
}

/** Where verifying keys come from; a Map does. */
export interface KeyLookup {
  get(kid: Kid): VerifyingKey | undefined
}

/** RFC 7638 thumbprint of a public key. @param publicKey 65 bytes. @throws {CryptoError} `CRYPTO_BAD_KEY` */
export function kidOf(crypto: Crypto, publicKey: Uint8Array): Kid {
  return jwkThumbprint(crypto, publicKey) as Kid
}

/** Thumbprints of keys that were used before; a handle's public key never changes. */
const KIDS = new WeakMap<object, Kid>()

/** As `kidOf`, computed once for each handle. */
function kidOfKey(crypto: Crypto, key: SigningKey | VerifyingKey): Kid {
  const known = KIDS.get(key)
  if (known !== undefined) return known
  const kid = kidOf(crypto, key.publicKey)
  KIDS.set(key, kid)
  return kid
}

/**
 * Signs a statement. The payload is written as it is: give it in the form that its shape makes.
 *
 * @param x5c DER certificates, leaf first; only where the kind has them.
 * @throws {RangeError} if it would be longer than 16 KiB.
 * @throws {TypeError} if the payload is not strict JSON, or `x5c` does not fit the kind.
 */
export function signStatement(
  crypto: Crypto,
  key: SigningKey,
  typ: StatementType,
  payload: object,
  x5c?: readonly Uint8Array[],
): string {
  const unsigned = prepareStatement(kidOfKey(crypto, key), typ, payload, x5c)
  return unsigned.withSignature(crypto.sign(key, unsigned.signingInput))
}

/** As `signStatement`, for a signer elsewhere. @param kid thumbprint of the key that will sign. */
export function prepareStatement(
  kid: Kid,
  typ: StatementType,
  payload: object,
  x5c?: readonly Uint8Array[],
): UnsignedStatement {
  requireCertificates(typ, x5c)
  const header = headerText(kid, typ, x5c?.map(encodeBase64))
  const signingText = `${encodeBase64url(encodeUtf8(header))}.${encodeBase64url(encodeUtf8(payloadText(payload)))}`
  if (signingText.length + 1 + SIGNATURE_CHARACTERS > MAX_STATEMENT_BYTES) {
    throw new RangeError(`a statement has at most ${MAX_STATEMENT_BYTES} bytes`)
  }
  return {
    signingInput: encodeUtf8(signingText),
    withSignature(signature) {
      if (signature.length !== P256_SIGNATURE_BYTES) throw new RangeError('signature must have 64 bytes')
      return `${signingText}.${encodeBase64url(signature)}`
    },
  }
}

/**
 * Reads a statement without checking its signature.
 *
 * @throws {ProtocolError} `STATEMENT_MALFORMED` for any other form than the one of `typ`: length, header, base64url,
 * JSON (RFC 8259, no member twice) or payload.
 */
export function parseStatement<T>(jws: string, typ: StatementType, payloadShape: Shape<T>): UnverifiedStatement<T> {
  if (typeof jws !== 'string' || jws.length > MAX_STATEMENT_BYTES) throw malformed('is not text or too long')
  const headerEnd = jws.indexOf('.')
  const payloadEnd = jws.indexOf('.', headerEnd + 1)
  if (headerEnd < 0 || payloadEnd < 0 || jws.length !== payloadEnd + 1 + SIGNATURE_CHARACTERS) {
    throw malformed('does not have three parts')
  }
  const header = parseHeader(decodePart(jws.slice(0, headerEnd)), typ)
  const payload = parsePayload(decodePart(jws.slice(headerEnd + 1, payloadEnd)), payloadShape)
  const signature = decodePart(jws.slice(payloadEnd + 1))
  return { header, payload, signingInput: encodeUtf8(jws.slice(0, payloadEnd)), signature }
}

/**
 * Checks that `key` signed the statement and that its header says so.
 * @throws {ProtocolError} `STATEMENT_SIGNATURE_INVALID`
 */
export function checkStatementSignature(
  crypto: Crypto,
  key: VerifyingKey,
  statement: UnverifiedStatement<unknown>,
): void {
  if (kidOfKey(crypto, key) !== statement.header.kid) throw signatureInvalid()
  if (!crypto.verify(key, statement.signingInput, statement.signature)) throw signatureInvalid()
}

/**
 * Reads a statement and checks its signature with one key.
 * @throws {ProtocolError} `STATEMENT_MALFORMED`, `STATEMENT_SIGNATURE_INVALID`
 */
export function verifyStatement<T>(
  crypto: Crypto,
  key: VerifyingKey,
  jws: string,
  typ: StatementType,
  payloadShape: Shape<T>,
): T {
  const statement = parseStatement(jws, typ, payloadShape)
  checkStatementSignature(crypto, key, statement)
  return statement.payload
}

/**
 * As `checkStatementSignature`, with the key that the header names among `keys`.
 * @throws {ProtocolError} `STATEMENT_SIGNATURE_INVALID`, also if it names none of them.
 */
export function checkSignedByOneOf(crypto: Crypto, keys: KeyLookup, statement: UnverifiedStatement<unknown>): void {
  const key = keys.get(statement.header.kid)
  if (key === undefined) throw signatureInvalid()
  checkStatementSignature(crypto, key, statement)
}

/**
 * As `verifyStatement`, with the key that the header names among `keys`.
 * @throws {ProtocolError} `STATEMENT_MALFORMED`, `STATEMENT_SIGNATURE_INVALID`
 */
export function verifyStatementByKid<T>(
  crypto: Crypto,
  keys: KeyLookup,
  jws: string,
  typ: StatementType,
  payloadShape: Shape<T>,
): T {
  const statement = parseStatement(jws, typ, payloadShape)
  checkSignedByOneOf(crypto, keys, statement)
  return statement.payload
}

/** 64 bytes in base64url. */
const SIGNATURE_CHARACTERS = 86
const HEADER_START = '{"alg":"ES256","kid":"'
const KID_CHARACTERS = 43
const X5C_START = ',"x5c":["'
const X5C_END = '"]}'

/** The one header of this kind, key and chain. */
function headerText(kid: Kid, typ: StatementType, x5c: readonly string[] | undefined): string {
  const start = `${HEADER_START}${kid}","typ":"${typ}"`
  return x5c === undefined ? `${start}}` : `${start}${X5C_START}${x5c.join('","')}${X5C_END}`
}

/** Never signs what no reader would take. @throws {TypeError} */
function payloadText(payload: object): string {
  const text = JSON.stringify(payload)
  if (isSmallAndFlat(payload, text)) return text
  try {
    parseJson(text, { maxBytes: MAX_STATEMENT_BYTES })
  } catch (cause) {
    throw new TypeError('the payload is not strict JSON of at most 16 KiB', { cause })
  }
  return text
}

const SMALL_TEXT = 4_096
const SURROGATE = /\p{Surrogate}/u

/** What nearly all statements are, and every reader takes: a plain object of texts and unsigned integers. */
function isSmallAndFlat(payload: object, text: string): boolean {
  if (text.length > SMALL_TEXT || Object.getPrototypeOf(payload) !== Object.prototype) return false
  for (const [name, value] of Object.entries(payload) as [string, unknown][]) {
    const isFlat =
      (typeof value === 'string' && !SURROGATE.test(value)) ||
      (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
    if (!isFlat || name === '__proto__' || SURROGATE.test(name)) return false
  }
  return true
}

/** Takes kid and chain from where they must stand, builds the header again and compares. */
function parseHeader(bytes: Uint8Array, typ: StatementType): UnverifiedStatement<unknown>['header'] {
  const text = decodeText(bytes)
  const kid = text.slice(HEADER_START.length, HEADER_START.length + KID_CHARACTERS) as Kid
  const plain = headerText(kid, typ, undefined)
  const chain =
    text.length > plain.length
      ? text.slice(plain.length - 1 + X5C_START.length, -X5C_END.length).split('","')
      : undefined
  if (text !== headerText(kid, typ, chain)) throw malformed('has another header than its kind')
  try {
    kidShape(kid, 'kid')
    const x5c = chain?.map(decodeBase64)
    requireCertificates(typ, x5c)
    return x5c === undefined ? { kid } : { kid, x5c }
  } catch {
    throw malformed('has another header than its kind')
  }
}

function parsePayload<T>(bytes: Uint8Array, shape: Shape<T>): T {
  const text = decodeText(bytes)
  try {
    return shape(parseJson(text, { maxBytes: MAX_STATEMENT_BYTES }), 'payload')
  } catch (cause) {
    if (cause instanceof ProtocolError) throw malformed('has another payload than its kind', cause)
    throw cause
  }
}

function requireCertificates(typ: StatementType, x5c: readonly Uint8Array[] | undefined): void {
  const { x5c: rule } = STATEMENT_TYPES[typ]
  if (x5c === undefined ? rule === 'always' : rule === 'never') throw new TypeError('x5c does not fit this kind')
  if (x5c === undefined) return
  if (x5c.length < 1 || x5c.length > MAX_STATEMENT_CERTIFICATES) throw new RangeError('x5c has 1 to 3 certificates')
  for (const { length } of x5c) {
    if (length < 1 || length > MAX_STATEMENT_CERTIFICATE_BYTES) throw new RangeError('a certificate is too long')
  }
}

function decodePart(part: string): Uint8Array {
  try {
    return decodeBase64url(part)
  } catch {
    throw malformed('is not canonical base64url')
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch {
    throw malformed('is not UTF-8')
  }
}

/** RFC 7515 §4.1.6: certificates are in standard base64 with padding, not in base64url. */
function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text + '='.repeat((4 - (text.length % 4)) % 4)
}

/** @throws if `text` is not the one base64 form of its bytes. */
function decodeBase64(text: string): Uint8Array {
  const bytes = decodeBase64url(text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))
  if (encodeBase64(bytes) !== text) throw malformed('is not canonical base64')
  return bytes
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('STATEMENT_MALFORMED', `the statement ${what}`, { cause })
}

function signatureInvalid(): ProtocolError {
  return new ProtocolError('STATEMENT_SIGNATURE_INVALID', 'the signature of the statement does not verify')
}
