/**
 * Recovery shares of a store's root key: the set that the trusted application makes and signs, and the one share in it
 * that a hospital can open. Spec: docs/protocol/12-recovery-shares.md §12.2, §12.3.
 *
 * A set is no secret: every share in it is sealed to the hospitals of one organisation, and the commitments say nothing
 * about 32 random bytes.
 *
 * @module
 */
import {
  concat,
  equalBytes,
  hpkeOpen,
  hpkeSeal,
  HPKE_OVERHEAD_BYTES,
  label,
  splitSecret,
  type AgreementKey,
  type Crypto,
  type SigningKey,
  type VerifyingKey,
} from '../../crypto/src/index.ts'
import { encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { hospitalRefShape, mspIdShape, serverRefShape, type HospitalRef, type MspId, type ServerRef } from './ids.ts'
import { decodeMessage } from './message.ts'
import { bytes, list, literal, struct, uint, type Infer } from './shape.ts'

/** Organisations of a channel (7.8). */
const MAX_ORGANIZATIONS = 64
/** Of one organisation, to which its share is sealed. */
export const MAX_SHARE_HOSPITALS = 8
/** With one share each, two organisations at least: no single one ever has the key. */
export const LEAST_THRESHOLD = 2
export const ROOT_BYTES = 32
const MAX_SET_BYTES = 256 * 1024
const MAX_SECURITY_VERSION = 65_535

const SET = label('recovery-set')
const SEALED = label('recovery-share')
const SHARE = label('recovery-share-commitment')
const ROOT = label('recovery-root-commitment')
const INSTANCE = label('ta-instance')

const setShape = struct({
  v: literal(1),
  server: serverRefShape,
  /** Random; shares of two sets have nothing to do with each other. */
  id: bytes({ length: 16 }),
  /** One more than that of the set before. */
  number: uint({ min: 1 }),
  timeMs: uint(),
  /** Of the program that made it: a lower one gets no share. */
  securityVersion: uint({ max: MAX_SECURITY_VERSION }),
  threshold: uint({ min: LEAST_THRESHOLD, max: MAX_ORGANIZATIONS }),
  root: bytes({ length: 32 }),
  /** All organisations of the configuration: whose votes say which instance gets the shares. */
  voters: list(mspIdShape, { min: 1, max: MAX_ORGANIZATIONS }),
  /** One share each; the first has index 1. */
  holders: list(
    struct({
      mspId: mspIdShape,
      commitment: bytes({ length: 32 }),
      hospitals: list(
        struct({
          ref: hospitalRefShape,
          sealKey: bytes({ length: 32 }),
          sealed: bytes({ length: ROOT_BYTES + HPKE_OVERHEAD_BYTES }),
        }),
        { min: 1, max: MAX_SHARE_HOSPITALS },
      ),
    }),
    { min: LEAST_THRESHOLD, max: MAX_ORGANIZATIONS },
  ),
})
export type RecoverySet = Infer<typeof setShape>

/** A set as it travels: CBOR, and the server's signature over it. */
export interface SignedRecoverySet {
  readonly set: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Who is to hold a share: the hospitals of one organisation, with their seal keys. */
export interface ShareHolder {
  readonly mspId: MspId
  readonly hospitals: readonly { readonly ref: HospitalRef; readonly sealKey: Uint8Array }[]
}

export interface NewRecoverySet {
  readonly server: ServerRef
  readonly number: number
  readonly timeMs: number
  readonly securityVersion: number
  readonly threshold: number
  readonly voters: readonly MspId[]
  readonly holders: readonly ShareHolder[]
}

/** Makes the shares of a root key. Nobody but the hospitals sees one, the maker forgets them. */
export function makeRecoverySet(
  crypto: Crypto,
  identity: SigningKey,
  root: Uint8Array,
  { server, number, timeMs, securityVersion, threshold, voters, holders }: NewRecoverySet,
): SignedRecoverySet {
  const id = crypto.randomBytes(16)
  const shares = splitSecret(crypto, root, { threshold, count: holders.length })
  const set: RecoverySet = {
    v: 1,
    server,
    id,
    number,
    timeMs,
    securityVersion,
    threshold,
    root: rootCommitment(crypto, id, root),
    voters: [...voters],
    holders: holders.map(({ mspId, hospitals }, i) => {
      const { index, value } = shares[i] as (typeof shares)[number]
      const about = { server, id, number, threshold, count: holders.length, index }
      return {
        mspId,
        commitment: shareCommitment(crypto, id, index, value),
        hospitals: hospitals.map(({ ref, sealKey }) => ({
          ref,
          sealKey,
          sealed: hpkeSeal(crypto, sealKey, SEALED, aadOf(about, ref), value),
        })),
      }
    }),
  }
  for (const { value } of shares) value.fill(0)
  const encoded = encodeCbor(set)
  return { set: encoded, signature: crypto.sign(identity, concat(SET, encoded)) }
}

/**
 * A set that this server signed.
 * @throws {ProtocolError} `RECOVERY_SET_INVALID` for everything else.
 */
export function openRecoverySet(
  crypto: Crypto,
  { set: encoded, signature }: SignedRecoverySet,
  server: { readonly ref: ServerRef; readonly identityKey: VerifyingKey },
): RecoverySet {
  const isSigned = signature.length === 64 && crypto.verify(server.identityKey, concat(SET, encoded), signature)
  if (!isSigned) throw invalid()
  const set = decodeRecoverySet(encoded)
  if (set.server !== server.ref) throw invalid()
  return set
}

/** @throws {ProtocolError} `RECOVERY_SET_INVALID`; whose it is was checked before. */
export function decodeRecoverySet(encoded: Uint8Array): RecoverySet {
  let set: RecoverySet
  try {
    set = decodeMessage(encoded, setShape, 'recovery set', { maxBytes: MAX_SET_BYTES })
  } catch (cause) {
    throw new ProtocolError('RECOVERY_SET_INVALID', 'the set is none', { cause })
  }
  const names = new Set<string>(set.holders.map(({ mspId }) => mspId))
  const isSound = set.threshold <= set.holders.length && names.size === set.holders.length
  if (!isSound) throw invalid()
  return set
}

/** Where in the set the share of a hospital is; undefined: it has none. */
export function findHolding(
  { holders }: RecoverySet,
  hospital: string,
): { readonly index: number; readonly mspId: MspId; readonly sealed: Uint8Array } | undefined {
  for (const [i, { mspId, hospitals }] of holders.entries()) {
    const found = hospitals.find(({ ref }) => ref === hospital)
    if (found !== undefined) return { index: i + 1, mspId, sealed: found.sealed }
  }
  return undefined
}

/**
 * The share of this hospital, 32 bytes.
 * @throws {ProtocolError} `RECOVERY_SHARE_WRONG` if it has none in the set, or it does not open, or is not the one that
 * the set was made with.
 */
export function openShare(crypto: Crypto, set: RecoverySet, hospital: HospitalRef, key: AgreementKey): Uint8Array {
  const found = findHolding(set, hospital)
  if (found === undefined) throw wrongShare()
  const { server, id, number, threshold, holders } = set
  const about = { server, id, number, threshold, count: holders.length, index: found.index }
  let share: Uint8Array
  try {
    share = hpkeOpen(crypto, key, SEALED, aadOf(about, hospital), found.sealed)
  } catch (cause) {
    throw new ProtocolError('RECOVERY_SHARE_WRONG', 'the share does not open', { cause })
  }
  checkShare(crypto, set, found.index, share)
  return share
}

/** @throws {ProtocolError} `RECOVERY_SHARE_WRONG` if it is not the share with that index. */
export function checkShare(crypto: Crypto, { id, holders }: RecoverySet, index: number, share: Uint8Array): void {
  const expected = holders[index - 1]?.commitment
  if (expected === undefined || !equalBytes(shareCommitment(crypto, id, index, share), expected)) throw wrongShare()
}

/** Whether this is the key that the set was made of. */
export function isRootOf(crypto: Crypto, { id, root: commitment }: RecoverySet, root: Uint8Array): boolean {
  return equalBytes(rootCommitment(crypto, id, root), commitment)
}

/** 32 bytes: how votes name the trusted application on a device (10.9). @param publicKey 65 bytes, of its instance. */
export function instanceDigest(crypto: Crypto, publicKey: Uint8Array): Uint8Array {
  return crypto.sha256(INSTANCE, publicKey)
}

function shareCommitment(crypto: Crypto, id: Uint8Array, index: number, share: Uint8Array): Uint8Array {
  return crypto.sha256(SHARE, id, Uint8Array.of(index), share)
}

function rootCommitment(crypto: Crypto, id: Uint8Array, root: Uint8Array): Uint8Array {
  return crypto.sha256(ROOT, id, root)
}

interface Place {
  readonly server: ServerRef
  readonly id: Uint8Array
  readonly number: number
  readonly threshold: number
  readonly count: number
  readonly index: number
}

function aadOf({ server, id, number, threshold, count, index }: Place, hospital: HospitalRef): Uint8Array {
  return encodeCbor([server, id, number, threshold, count, index, hospital])
}

function invalid(): ProtocolError {
  return new ProtocolError('RECOVERY_SET_INVALID', 'the set is not one of this server')
}

function wrongShare(): ProtocolError {
  return new ProtocolError('RECOVERY_SHARE_WRONG', 'the share is not the one of the set')
}
