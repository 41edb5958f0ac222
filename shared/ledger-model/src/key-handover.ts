/**
 * A record server's identity key is exchanged: the key before signs its successor, and the ledger keeps up to which size
 * of the log the key before is believed. Spec: docs/protocol/02-registration.md §2.10, 07-ledger.md §7.17.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  decodeBase64url,
  label,
  type SigningKey,
  type VerifyingKey,
} from '../../crypto/src/index.ts'
import { encodeCbor, type ServerRef } from '../../protocol/src/index.ts'
import { logOriginOf } from './checkpoints.ts'
import type { EarlierKey, ParticipantRecord } from './participants.ts'

const HANDOVER = label('identity-handover')

export interface KeyHandover {
  readonly serverRef: ServerRef
  /** 65 bytes each. */
  readonly previous: Uint8Array
  readonly next: Uint8Array
}

/** @param key the key before. @param next 65 bytes. @returns 64 bytes, r ‖ s. */
export function signKeyHandover(
  crypto: Crypto,
  key: SigningKey,
  { serverRef, next }: Pick<KeyHandover, 'serverRef' | 'next'>,
): Uint8Array {
  return crypto.sign(key, signingInput({ serverRef, previous: key.publicKey, next }))
}

/** @param previous the registered key. @param signature b64u, 64 bytes. */
export function isKeyHandoverSignedBy(
  crypto: Crypto,
  previous: VerifyingKey,
  { serverRef, next }: Pick<KeyHandover, 'serverRef' | 'next'>,
  signature: string,
): boolean {
  const input = signingInput({ serverRef, previous: previous.publicKey, next })
  return crypto.verify(previous, input, decodeBase64url(signature))
}

/** A key of a server's log: a `NoteKey` of shared/tlog. */
export interface ServerNoteKey {
  /** The log's origin. */
  readonly name: string
  readonly key: VerifyingKey
  /** Believed for checkpoints of at most this size; absent: of any. */
  readonly maxSize?: number
}

/**
 * The keys by which checkpoints of a server are checked: the registered one, and those before it, each up to the size
 * that the ledger keeps of it.
 */
export function serverNoteKeys(
  crypto: Crypto,
  { ref, publicKey, earlierKeys }: Pick<ParticipantRecord, 'ref' | 'publicKey' | 'earlierKeys'>,
): [registered: ServerNoteKey, ...earlier: ServerNoteKey[]] {
  const name = logOriginOf(ref as ServerRef)
  const limits = new Map<string, number | undefined>()
  for (const { publicKey: key, untilSize } of earlierKeys) {
    // A renewed certificate of the same key is listed here, too.
    if (key === publicKey) continue
    const known = limits.has(key) ? limits.get(key) : 0
    limits.set(key, known === undefined || untilSize === undefined ? undefined : Math.max(known, untilSize))
  }
  const earlier = [...limits].map(([key, maxSize]) => ({
    name,
    key: crypto.importVerifyingKey(decodeBase64url(key)),
    ...(maxSize === undefined ? {} : { maxSize }),
  }))
  return [{ name, key: crypto.importVerifyingKey(decodeBase64url(publicKey)) }, ...earlier]
}

/** Whether the server's key was exchanged and no checkpoint under the new one is on the ledger yet. */
export function isKeyChanging({
  publicKey,
  earlierKeys,
}: Pick<ParticipantRecord, 'publicKey' | 'earlierKeys'>): boolean {
  return earlierKeys.some((key) => isUnlimited(key, publicKey))
}

/** The earlier keys once a checkpoint of this size is signed by the registered one: they end with it. */
export function endedAt(
  { publicKey, earlierKeys }: Pick<ParticipantRecord, 'publicKey' | 'earlierKeys'>,
  size: number,
): readonly EarlierKey[] {
  return earlierKeys.map((key) => (isUnlimited(key, publicKey) ? { ...key, untilSize: size } : key))
}

function isUnlimited(earlier: EarlierKey, publicKey: string): boolean {
  return earlier.publicKey !== publicKey && earlier.untilSize === undefined
}

function signingInput({ serverRef, previous, next }: KeyHandover): Uint8Array {
  return concat(HANDOVER, encodeCbor({ serverRef, previous, next }))
}
