/**
 * Verifier keys as text, `<name>+<key id in hex>+<base64(0x02 ‖ SPKI)>`: what is pasted into the configuration of
 * another log tool. Spec: https://c2sp.org/signed-note@v1.0.0, "Verifier keys"; type byte 0x02 as in note.ts.
 *
 * @module
 */
import { concat, type Crypto, CryptoError, encodeHex, equalBytes } from '../../crypto/src/index.ts'
import { encodeBase64, findBase64 } from './base64.ts'
import { LogError } from './errors.ts'
import { checkKeyName, type NoteKey, noteKeyId, spki } from './note.ts'

const ECDSA_SHA256 = 0x02
const POINT_BYTES = 65

/** @throws {LogError} `LOG_KEY_MALFORMED` if the name cannot stand in a note. */
export function formatVerifierKey(crypto: Crypto, key: NoteKey): string {
  checkKeyName(key.name)
  const publicKey = key.key.publicKey
  const material = concat(Uint8Array.of(ECDSA_SHA256), spki(publicKey))
  return `${key.name}+${encodeHex(noteKeyId(crypto, publicKey))}+${encodeBase64(material)}`
}

/** @throws {LogError} `LOG_KEY_MALFORMED` for every text that `formatVerifierKey` does not produce. */
export function parseVerifierKey(crypto: Crypto, text: string): NoteKey {
  const [, name = '', material = ''] = /^([^+]+)\+[0-9a-f]{8}\+(.+)$/.exec(text) ?? []
  const bytes = findBase64(material)
  if (bytes === undefined || bytes.length <= POINT_BYTES) throw malformedKey()
  const publicKey = bytes.slice(-POINT_BYTES)
  if (!equalBytes(bytes, concat(Uint8Array.of(ECDSA_SHA256), spki(publicKey)))) throw malformedKey()
  const key = { name, key: importPoint(crypto, publicKey) }
  if (formatVerifierKey(crypto, key) !== text) throw malformedKey()
  return key
}

function importPoint(crypto: Crypto, point: Uint8Array): NoteKey['key'] {
  try {
    return crypto.importVerifyingKey(point)
  } catch (error) {
    if (error instanceof CryptoError) throw malformedKey()
    throw error
  }
}

function malformedKey(): LogError {
  return new LogError('LOG_KEY_MALFORMED', 'not a verifier key of ECDSA P-256')
}
