/**
 * PEM (RFC 7468) in its strict form: one label, lines of 64 characters, padded base64 with zero trailing bits.
 * Text outside of the blocks and line ends of both kinds are allowed, as files of Fabric and OpenSSL have them.
 *
 * @module
 */
import { decodeBase64url, encodeBase64url } from './bytes.ts'
import { CryptoError } from './errors.ts'

/** @param kind for example `CERTIFICATE`. @returns one block with its final newline. */
export function encodePem(kind: string, der: Uint8Array): string {
  const text = encodeBase64url(der).replaceAll('-', '+').replaceAll('_', '/')
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  const lines = padded.match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ''].join('\n')
}

/**
 * The contents of all blocks of this kind in order; blocks of other kinds are passed over.
 *
 * @throws {CryptoError} `CRYPTO_BAD_ENCODING` for a block that is not closed or whose base64 is not canonical.
 */
export function decodePem(kind: string, text: string): Uint8Array[] {
  const blocks: Uint8Array[] = []
  let lines: string[] | undefined
  for (const line of text.split(/\r?\n/)) {
    if (line === `-----BEGIN ${kind}-----`) {
      if (lines !== undefined) throw badPem()
      lines = []
    } else if (line === `-----END ${kind}-----`) {
      if (lines === undefined) throw badPem()
      blocks.push(decodeLines(lines))
      lines = undefined
    } else if (lines !== undefined) lines.push(line)
  }
  if (lines !== undefined) throw badPem()
  return blocks
}

/** RFC 7468 §2: 64 characters in every line but the last. */
function decodeLines(lines: readonly string[]): Uint8Array {
  const last = lines.length - 1
  if (last < 0) throw badPem()
  if (!lines.every((line, i) => (i === last ? line.length > 0 && line.length <= 64 : line.length === 64)))
    throw badPem()
  const match = /^([A-Za-z0-9+/]*)={0,2}$/.exec(lines.join(''))
  if (match === null || match[0].length % 4 !== 0) throw badPem()
  return decodeBase64url((match[1] as string).replaceAll('+', '-').replaceAll('/', '_'))
}

function badPem(): CryptoError {
  return new CryptoError('CRYPTO_BAD_ENCODING', 'not canonical PEM')
}
