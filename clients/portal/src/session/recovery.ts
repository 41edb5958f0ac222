/**
 * The recovery file: a key of its own for the patient, encrypted with six words that only the patient has written down.
 * Nobody else can open it: not the hospital, not the record server, not this page without the words.
 *
 * The words are from the English list of BIP 39 (2,048 words): 66 bits, stretched with PBKDF2 (HMAC-SHA-256, a million rounds).
 * Instead of the consortium's facts it has their fingerprint, so that the whole file fits into a code on paper: the facts
 * come from the hospital again, and others than these are refused. Version 1 had the facts themselves and is still read.
 *
 * @module
 */
import { wordlist } from '@scure/bip39/wordlists/english.js'
import {
  decodeBase64url,
  decodeUtf8,
  encodeBase64url,
  encodeUtf8,
  type Crypto,
} from '../../../../shared/crypto/src/index.ts'
import {
  b64u,
  mspIdShape,
  oneOf,
  optional,
  parseJson,
  patientRefShape,
  struct,
  text,
  type MspId,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import type { NewKeys } from '../../../sdk/src/identity.ts'
import { consortiumFingerprint, factsShape, type Facts } from './facts.ts'

export const WORD_COUNT = 6
const ROUNDS = 1_000_000
const KEY_BITS = 256
const AAD = encodeUtf8('trusthealth recovery/1')
const MAX_FILE_BYTES = 262_144

export interface Recovery {
  readonly ref: PatientRef
  readonly mspId: MspId
  readonly name: string
  readonly keys: NewKeys
}

const fileShape = struct({
  trusthealth: oneOf('recovery/1', 'recovery/2'),
  hospital: text({ max: 128 }),
  salt: text({ max: 43 }),
  nonce: text({ max: 16 }),
  sealed: text({ max: MAX_FILE_BYTES }),
})
const contentsShape = struct({
  ref: patientRefShape,
  mspId: mspIdShape,
  name: text({ max: 128 }),
  signingKey: text({ max: 43 }),
  sealKey: text({ max: 43 }),
  facts: optional(factsShape),
  consortium: optional(b64u(32)),
})

/** Six words drawn without bias: 2,048 divides 65,536. */
export function drawWords(crypto: Crypto): readonly string[] {
  const bytes = crypto.randomBytes(2 * WORD_COUNT)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return Array.from({ length: WORD_COUNT }, (_, i) => wordlist[view.getUint16(2 * i) % wordlist.length] ?? '')
}

/** Words as they were typed or pasted; the first four letters of each are enough. @throws {ClientError} */
export function readWords(given: string): readonly string[] {
  const words = given
    .trim()
    .toLowerCase()
    .split(/[\s,;.]+/)
    .map((typed) => wordlist.find((word) => word === typed) ?? wordlist.find((word) => isStart(word, typed)))
  if (words.length !== WORD_COUNT || words.includes(undefined)) throw new ClientError('CRYPTO_DECRYPTION_FAILED')
  return words as string[]
}

function isStart(word: string, typed: string): boolean {
  return typed.length >= 4 && word.startsWith(typed)
}

export async function formatRecoveryFile(
  crypto: Crypto,
  words: readonly string[],
  { ref, mspId, name, keys }: Recovery,
  facts: Facts,
): Promise<string> {
  const salt = crypto.randomBytes(32)
  const nonce = crypto.randomBytes(12)
  const contents = JSON.stringify({
    ref,
    mspId,
    name,
    signingKey: encodeBase64url(crypto.exportSigningKey(keys.signingKey)),
    sealKey: encodeBase64url(crypto.exportAgreementKey(keys.sealKey)),
    consortium: encodeBase64url(consortiumFingerprint(crypto, facts)),
  })
  const key = crypto.importAeadKey(await keyOf(words, salt))
  const file = {
    trusthealth: 'recovery/2',
    hospital: facts.hospital.name,
    salt: encodeBase64url(salt),
    nonce: encodeBase64url(nonce),
    sealed: encodeBase64url(crypto.encrypt(key, nonce, AAD, encodeUtf8(contents))),
  }
  return `${JSON.stringify(file)}\n`
}

/**
 * @param facts what the hospital says now.
 * @throws {ClientError} `MESSAGE_MALFORMED` for another file, `CRYPTO_DECRYPTION_FAILED` for other words or a changed file,
 * `ATTESTATION_IDENTITY` if the file is of another consortium.
 */
export async function openRecoveryFile(
  crypto: Crypto,
  fileText: string,
  given: string,
  facts: Facts,
): Promise<Recovery> {
  const file = parse(fileText)
  const words = readWords(given)
  const key = crypto.importAeadKey(await keyOf(words, decodeBase64url(file.salt)))
  const plain = crypto.decrypt(key, decodeBase64url(file.nonce), AAD, decodeBase64url(file.sealed))
  const contents = contentsShape(parseJson(decodeUtf8(plain), { maxBytes: MAX_FILE_BYTES }), 'recovery')
  plain.fill(0)
  const { signingKey, sealKey, facts: old, consortium, ...rest } = contents
  const expected = old === undefined ? consortium : encodeBase64url(consortiumFingerprint(crypto, old))
  if (expected !== encodeBase64url(consortiumFingerprint(crypto, facts))) throw new ClientError('ATTESTATION_IDENTITY')
  const keys = {
    signingKey: crypto.importSigningKey(decodeBase64url(signingKey)),
    sealKey: crypto.importAgreementKey(decodeBase64url(sealKey)),
  }
  return { ...rest, keys }
}

function parse(fileText: string): { readonly salt: string; readonly nonce: string; readonly sealed: string } {
  try {
    return fileShape(parseJson(fileText, { maxBytes: MAX_FILE_BYTES }), 'recovery file')
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause, detail: 'This is not a recovery file.' })
  }
}

async function keyOf(words: readonly string[], salt: Uint8Array): Promise<Uint8Array> {
  const secret = new Uint8Array(encodeUtf8(words.join(' ')))
  const base = await globalThis.crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveBits'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(salt), iterations: ROUNDS }
  return new Uint8Array(await globalThis.crypto.subtle.deriveBits(how, base, KEY_BITS))
}
