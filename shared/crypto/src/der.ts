/**
 * A reader of DER (X.690 §10 and §11) for certificates of our profile: definite, minimal lengths up to 65,535 bytes,
 * tag numbers up to 30. BER alternatives are refused, so that one value has one encoding.
 * Elements are views on the input; a caller that keeps one copies it.
 *
 * @module
 */
import { CertificateError } from './errors.ts'

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
} as const

export interface DerElement {
  readonly tag: number
  readonly content: Uint8Array
  /** Tag, length and content. */
  readonly encoding: Uint8Array
}

/** Reads elements one after the other. @throws {CertificateError} `MALFORMED` from every method. */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Whether the next element exists and has this tag. */
  nextIs(tag: number): boolean {
    return this.#bytes[this.#at] === tag
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next element, of any tag if none is given. */
  next(expectedTag?: number): DerElement {
    const bytes = this.#bytes
    const start = this.#at
    const tag = bytes[start]
    const first = bytes[start + 1]
    if (tag === undefined || first === undefined) throw malformed()
    if ((tag & 0x1f) === 0x1f || (expectedTag !== undefined && tag !== expectedTag)) throw malformed()
    let contentStart = start + 2
    let length = first
    if (first >= 0x80) {
      // X.690 §10.1: the shortest form. 0x80 alone would be the indefinite form.
      const lengthBytes = first - 0x80
      if (lengthBytes < 1 || lengthBytes > 2 || contentStart + lengthBytes > bytes.length) throw malformed()
      length = 0
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[contentStart + i] as number)
      if (length < (lengthBytes === 1 ? 0x80 : 0x100)) throw malformed()
      contentStart += lengthBytes
    }
    const end = contentStart + length
    if (end > bytes.length) throw malformed()
    this.#at = end
    return { tag, content: bytes.subarray(contentStart, end), encoding: bytes.subarray(start, end) }
  }

  /** Refuses bytes after the last element. */
  end(): void {
    if (!this.atEnd) throw malformed()
  }
}

/** The content of the only element in `bytes`. */
export function onlyElement(bytes: Uint8Array, tag: number): Uint8Array {
  const reader = new DerReader(bytes)
  const { content } = reader.next(tag)
  reader.end()
  return content
}

/** The magnitude of an INTEGER that is not negative, without its sign byte; `[0]` for zero. X.690 §8.3.2. */
export function unsignedInteger(content: Uint8Array): Uint8Array {
  const first = content[0]
  const second = content[1]
  if (first === undefined || first >= 0x80) throw malformed()
  if (first !== 0 || second === undefined) return content
  if (second < 0x80) throw malformed()
  return content.subarray(1)
}

/** X.690 §11.1: TRUE is 0xff. */
export function boolean(content: Uint8Array): boolean {
  if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) throw malformed()
  return content[0] === 0xff
}

/** Checks that sub-identifiers are minimal and complete (X.690 §8.19.2). @returns the content, which names the OID. */
export function objectIdentifier(content: Uint8Array): Uint8Array {
  let startsSubidentifier = true
  for (const byte of content) {
    if (startsSubidentifier && byte === 0x80) throw malformed()
    startsSubidentifier = byte < 0x80
  }
  if (content.length === 0 || !startsSubidentifier) throw malformed()
  return content
}

export function malformed(): CertificateError {
  return new CertificateError('MALFORMED')
}
