/**
 * Text inside an attachment's `data` (base64), for full-text search only.
 *
 * Limits: `text/plain`, `text/html` and XHTML in UTF-8 or US-ASCII; everything else is not text to us. Only the first
 * `limit` characters are decoded.
 * Source: FHIR R4 https://hl7.org/fhir/R4/datatypes.html#Attachment; RFC 4648 §4; RFC 3629.
 *
 * @module
 */

const TEXT_TYPE =
  /^(?:text\/plain|text\/html|application\/xhtml\+xml)\s*(?:;\s*charset\s*=\s*"?(?:utf-8|us-ascii)"?\s*)?$/i

/** Bytes turned into text at a time; an engine limits the arguments of one call. */
const MAX_RUN = 4096
const BASE64_VALUE = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) {
  BASE64_VALUE['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i
}

/** The attachment's text, or `undefined` if it is of another type, not base64 or not UTF-8. */
export function decodeTextAttachment(contentType: string, data: string, limit: number): string | undefined {
  if (!TEXT_TYPE.test(contentType)) return undefined
  const bytes = decodeBase64(data, 4 * limit)
  return bytes === undefined ? undefined : decodeUtf8Prefix(bytes, limit)
}

/** At most `maxBytes` bytes of base64; white space between characters is allowed (R4 base64Binary). */
function decodeBase64(data: string, maxBytes: number): Uint8Array | undefined {
  const out = new Uint8Array(Math.min(maxBytes, Math.ceil((data.length * 3) / 4)))
  let at = 0
  let bits = 0
  let value = 0
  for (let i = 0; i < data.length && at < out.length; i++) {
    const code = data.charCodeAt(i)
    if (code === 0x3d) break
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) continue
    const six = code < 128 ? (BASE64_VALUE[code] as number) : -1
    if (six < 0) return undefined
    value = ((value << 6) | six) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (value >> bits) & 0xff
    }
  }
  return out.subarray(0, at)
}

/** At most `limit` UTF-16 units; a character cut off at the end is left out, any other fault gives `undefined`. */
function decodeUtf8Prefix(bytes: Uint8Array, limit: number): string | undefined {
  let text = ''
  let i = 0
  while (i < bytes.length && text.length < limit) {
    const run = asciiRunEnd(bytes, i, Math.min(bytes.length, i + limit - text.length, i + MAX_RUN))
    if (run > i) {
      // Not a spread: that goes through the iterator, byte by byte.
      text += String.fromCharCode.apply(undefined, bytes.subarray(i, run) as unknown as number[])
      i = run
      continue
    }
    const first = bytes[i] as number
    const size = first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : first >> 3 === 30 ? 4 : 0
    if (size === 0) return undefined
    if (i + size > bytes.length) break
    const point = codePointAt(bytes, i, size)
    if (point === undefined) return undefined
    if (text.length + (size === 4 ? 2 : 1) > limit) break
    text += String.fromCodePoint(point)
    i += size
  }
  return text
}

/** The index after the ASCII bytes from `start`, at most `end`. */
function asciiRunEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end && (bytes[i] as number) < 0x80) i++
  return i
}

/** The character of `size` bytes; RFC 3629 §3: the shortest form only, no surrogates, nothing past U+10FFFF. */
function codePointAt(bytes: Uint8Array, start: number, size: 2 | 3 | 4): number | undefined {
  let point = (bytes[start] as number) & (0x7f >> size)
  for (let k = 1; k < size; k++) {
    const next = bytes[start + k] as number
    if (next >> 6 !== 2) return undefined
    point = (point << 6) | (next & 0x3f)
  }
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000
  return point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? undefined : point
}
