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
  const pieces: string[] = []
  let units: number[] = []
  let length = 0
  let i = 0
  while (i < bytes.length && length < limit) {
    const first = bytes[i] as number
    const size = first < 0x80 ? 1 : first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : first >> 3 === 30 ? 4 : 0
    if (size === 0) return undefined
    if (i + size > bytes.length) break
    let point = size === 1 ? first : first & (0x7f >> size)
    for (let k = 1; k < size; k++) {
      const next = bytes[i + k] as number
      if (next >> 6 !== 2) return undefined
      point = (point << 6) | (next & 0x3f)
    }
    // RFC 3629 §3: the shortest form only, no surrogates, nothing past U+10FFFF.
    if (point < [0, 0, 0x80, 0x800, 0x10000][size]! || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      return undefined
    length += size === 4 ? 2 : 1
    if (length > limit) break
    units.push(point)
    if (units.length === 4096) {
      pieces.push(String.fromCodePoint(...units))
      units = []
    }
    i += size
  }
  return pieces.join('') + String.fromCodePoint(...units)
}
