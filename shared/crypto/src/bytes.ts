/**
 * Bytes and their text forms, for engines that have neither Buffer nor TextEncoder. Every decoder accepts exactly
 * one text for one value: canonical base64url without padding, lower-case hex, well-formed UTF-8.
 *
 * @module
 */
import { CryptoError } from './errors.ts'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const HEX_VALUE = new Int8Array(128).fill(-1)
for (let i = 0; i < 16; i++) HEX_VALUE[i.toString(16).charCodeAt(0)] = i
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const BASE64URL_VALUE = new Int8Array(128).fill(-1)
/** The two characters of each 12-bit number: half the lookups. */
const BASE64URL_PAIR = Array.from({ length: 4_096 }, (_, n) => BASE64URL[n >> 6]! + BASE64URL[n & 63]!)
for (let i = 0; i < 64; i++) BASE64URL_VALUE[BASE64URL.charCodeAt(i)] = i

/** An array of up to this size lies in V8's own heap: nothing is saved by cutting it from a slab. */
const SMALL_BYTES = 64
const SLAB_BYTES = 8_192
let slab = new ArrayBuffer(0)
let slabAt = 0

/**
 * Zeroed bytes of nobody else. Arrays of medium size are cut from a common slab, each part of which is given out once:
 * a buffer of its own would be reserved, zeroed and freed one by one, which cost a fifth of a store. Its `buffer` is
 * therefore not the array alone; the slab stays in memory while any part of it does.
 */
export function newBytes(length: number): Uint8Array {
  if (length <= SMALL_BYTES || length > SLAB_BYTES / 2) return new Uint8Array(length)
  if (slabAt + length > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES)
    slabAt = 0
  }
  const bytes = new Uint8Array(slab, slabAt, length)
  slabAt += (length + 7) & ~7
  return bytes
}

/** A copy with nothing around it. */
export function copyBytes(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const out = newBytes(to - from)
  out.set(bytes.subarray(from, to))
  return out
}

/** What an engine does much faster than we can: texts and bytes of some length. Same results as our own, to the letter. */
export interface TextCodec {
  /** UTF-8 of a well-formed text; undefined for an unpaired surrogate. */
  encode(text: string): Uint8Array | undefined
  /** The text of well-formed UTF-8, a leading U+FEFF kept; undefined for any other bytes. */
  decode(bytes: Uint8Array): string | undefined
  /** As `encodeBase64url`. */
  encodeBase64url?(bytes: Uint8Array): string
  /** As `decodeBase64url`; undefined for what is not in its one form. */
  decodeBase64url?(text: string): Uint8Array | undefined
}

/** Shorter texts are not worth the way into the engine. */
const LONG_TEXT = 48
let codec: TextCodec | undefined

/** For the program as a whole, by the implementation of the Crypto port that runs in the engine; undefined: our own. */
export function useTextCodec(native: TextCodec | undefined): void {
  codec = native
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = newBytes(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Whether both hold the same bytes; time depends on the length only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** @throws {CryptoError} `CRYPTO_BAD_ENCODING` for odd length, upper case or any other character. */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw badEncoding('hex')
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) {
    const value = (hexValue(text.charCodeAt(2 * i)) << 4) | hexValue(text.charCodeAt(2 * i + 1))
    if (value < 0) throw badEncoding('hex')
    out[i] = value
  }
  return out
}

/** Negative if it is no lower-case digit. */
function hexValue(code: number): number {
  return code < 128 ? (HEX_VALUE[code] as number) : -1
}

export function encodeBase64url(bytes: Uint8Array): string {
  if (codec?.encodeBase64url !== undefined && bytes.length >= LONG_TEXT) return codec.encodeBase64url(bytes)
  let text = ''
  let i = 0
  for (; i + 2 < bytes.length; i += 3) {
    const n = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number)
    text += BASE64URL_PAIR[n >> 12]! + BASE64URL_PAIR[n & 0xfff]!
  }
  if (bytes.length - i === 1) text += BASE64URL_PAIR[(bytes[i] as number) << 4]!
  else if (bytes.length - i === 2) {
    const n = ((bytes[i] as number) << 8) | (bytes[i + 1] as number)
    text += BASE64URL_PAIR[n >> 4]! + BASE64URL[(n & 15) << 2]!
  }
  return text
}

/** @throws {CryptoError} `CRYPTO_BAD_ENCODING` for padding, other alphabets and non-zero trailing bits. */
export function decodeBase64url(text: string): Uint8Array {
  if (codec?.decodeBase64url !== undefined && text.length >= LONG_TEXT) {
    const native = codec.decodeBase64url(text)
    if (native === undefined) throw badEncoding('base64url')
    return native
  }
  if (text.length % 4 === 1) throw badEncoding('base64url')
  const out = newBytes(Math.floor((text.length * 3) / 4))
  let bits = 0
  let value = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const six = code < 128 ? (BASE64URL_VALUE[code] as number) : -1
    if (six < 0) throw badEncoding('base64url')
    value = ((value << 6) | six) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (value >> bits) & 0xff
    }
  }
  if ((value & ((1 << bits) - 1)) !== 0) throw badEncoding('base64url')
  return out
}

/** UTF-8 of `text`. @throws {CryptoError} `CRYPTO_BAD_ENCODING` for an unpaired surrogate. */
export function encodeUtf8(text: string): Uint8Array {
  if (codec !== undefined && text.length >= LONG_TEXT) {
    const native = codec.encode(text)
    if (native === undefined) throw badEncoding('UTF-8')
    return native
  }
  const out = newBytes(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return encodeWideUtf8(text)
    out[i] = code
  }
  return out
}

function encodeWideUtf8(text: string): Uint8Array {
  const out = new Uint8Array(text.length * 3)
  let at = 0
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = text.charCodeAt(i + 1)
      if (code > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) throw badEncoding('UTF-8')
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
      i++
    }
    if (code < 0x80) out[at++] = code
    else if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6)
      out[at++] = 0x80 | (code & 63)
    } else if (code < 0x10000) {
      out[at++] = 0xe0 | (code >> 12)
      out[at++] = 0x80 | ((code >> 6) & 63)
      out[at++] = 0x80 | (code & 63)
    } else {
      out[at++] = 0xf0 | (code >> 18)
      out[at++] = 0x80 | ((code >> 12) & 63)
      out[at++] = 0x80 | ((code >> 6) & 63)
      out[at++] = 0x80 | (code & 63)
    }
  }
  return out.slice(0, at)
}

/** Text of well-formed UTF-8 (RFC 3629 §4). @throws {CryptoError} `CRYPTO_BAD_ENCODING` otherwise. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (codec !== undefined && bytes.length >= LONG_TEXT) {
    const native = codec.decode(bytes)
    if (native === undefined) throw badEncoding('UTF-8')
    return native
  }
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return decodeWideUtf8(bytes)
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192) {
    // apply takes any array-like; spreading a typed array is eight times slower.
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 8_192) as unknown as number[])
  }
  return text
}

function decodeWideUtf8(bytes: Uint8Array): string {
  const units: number[] = []
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i] as number
    if (lead < 0x80) {
      units.push(lead)
      i++
    } else {
      const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
      if (lead < 0xc2 || lead > 0xf4 || i + size > bytes.length) throw badEncoding('UTF-8')
      let code = lead & (0xff >> (size + 1))
      for (let k = 1; k < size; k++) {
        const next = bytes[i + k] as number
        if ((next & 0xc0) !== 0x80) throw badEncoding('UTF-8')
        code = (code << 6) | (next & 63)
      }
      const tooShort = (size === 3 && code < 0x800) || (size === 4 && code < 0x10000)
      if (tooShort || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw badEncoding('UTF-8')
      if (code < 0x10000) units.push(code)
      else units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
      i += size
    }
    if (units.length > 8_192) text += String.fromCharCode(...units.splice(0))
  }
  return text + String.fromCharCode(...units)
}

function badEncoding(form: string): CryptoError {
  return new CryptoError('CRYPTO_BAD_ENCODING', `not canonical ${form}`)
}
