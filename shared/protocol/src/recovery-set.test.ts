/**
 * Sets of recovery shares: what a hospital opens, and what is refused. docs/protocol/12-recovery-shares.md §12.2, §12.3.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { combineShares, concat, label, type AgreementKey } from '../../crypto/src/index.ts'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { newRef, type HospitalRef, type MspId } from './ids.ts'
import {
  checkShare,
  decodeRecoverySet,
  isRootOf,
  makeRecoverySet,
  openRecoverySet,
  openShare,
  type RecoverySet,
  type SignedRecoverySet,
} from './recovery-set.ts'

const crypto = createNodeCrypto()
const identity = crypto.generateSigningKey()
const server = newRef(crypto, 's')
const identityKey = crypto.importVerifyingKey(identity.publicKey)
const SET = label('recovery-set')

interface Hospital {
  readonly mspId: MspId
  readonly ref: HospitalRef
  readonly key: AgreementKey
}

function hospitalsOf(count: number): readonly Hospital[] {
  return Array.from({ length: count }, (_, i) => ({
    mspId: `Hospital${String.fromCharCode(65 + i)}` as MspId,
    ref: newRef(crypto, 'h'),
    key: crypto.generateAgreementKey(),
  }))
}

function setOf(hospitals: readonly Hospital[], threshold: number, root: Uint8Array, by = identity): SignedRecoverySet {
  return makeRecoverySet(crypto, by, root, {
    server,
    number: 3,
    timeMs: 1_900_000_000_000,
    securityVersion: 1,
    threshold,
    voters: hospitals.map(({ mspId }) => mspId),
    holders: hospitals.map(({ mspId, ref, key }) => ({ mspId, hospitals: [{ ref, sealKey: key.publicKey }] })),
  })
}

const opened = (signed: SignedRecoverySet): RecoverySet => openRecoverySet(crypto, signed, { ref: server, identityKey })

test('any threshold of the hospitals give the key together, one less does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.integer({ min: 0, max: 2 }),
      fc.nat(100),
      (threshold, more, from) => {
        const hospitals = hospitalsOf(threshold + more)
        const root = crypto.randomBytes(32)
        const set = opened(setOf(hospitals, threshold, root))
        const shares = hospitals.map(({ ref, key }, i) => ({ index: i + 1, value: openShare(crypto, set, ref, key) }))
        const some = shares.map((_, i) => shares[(i + from) % shares.length] as (typeof shares)[number])
        assert.ok(isRootOf(crypto, set, combineShares(some.slice(0, threshold))))
        assert.deepEqual(combineShares(some.slice(0, threshold)), root)
        assert.equal(isRootOf(crypto, set, combineShares(some.slice(0, threshold - 1))), false)
      },
    ),
    { numRuns: 20 },
  )
})

test('a hospital opens its own share only, and only as the one that it is', () => {
  const [a, b, c] = hospitalsOf(3)
  assert.ok(a !== undefined && b !== undefined && c !== undefined)
  const set = opened(setOf([a, b], 2, crypto.randomBytes(32)))
  const wrong = { code: 'RECOVERY_SHARE_WRONG' }
  assert.throws(() => openShare(crypto, set, a.ref, b.key), wrong)
  assert.throws(() => openShare(crypto, set, c.ref, c.key), wrong)
  const share = openShare(crypto, set, a.ref, a.key)
  checkShare(crypto, set, 1, share)
  assert.throws(() => checkShare(crypto, set, 2, share), wrong)
  assert.throws(() => checkShare(crypto, set, 3, share), wrong)
  const altered = share.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
  assert.throws(() => checkShare(crypto, set, 1, altered), wrong)
})

test('a share is bound to its set: whatever else the set says, it does not open', () => {
  const hospitals = hospitalsOf(3)
  const [a] = hospitals
  assert.ok(a !== undefined)
  const set = opened(setOf(hospitals, 2, crypto.randomBytes(32)))
  for (const other of [
    { ...set, number: 4 },
    { ...set, threshold: 3 },
    { ...set, server: newRef(crypto, 's') },
    { ...set, id: crypto.randomBytes(16) },
    { ...set, holders: set.holders.slice(0, 2) },
    { ...set, holders: set.holders.toReversed() },
  ]) {
    assert.throws(() => openShare(crypto, other, a.ref, a.key), { code: 'RECOVERY_SHARE_WRONG' })
  }
})

test('a set of another server, altered, or of another form is refused', () => {
  const hospitals = hospitalsOf(2)
  const root = crypto.randomBytes(32)
  const signed = setOf(hospitals, 2, root)
  const invalid = { code: 'RECOVERY_SET_INVALID' }
  const resigned = (set: Uint8Array) => ({ set, signature: crypto.sign(identity, concat(SET, set)) })
  const plain = decodeCbor(signed.set) as unknown as RecoverySet
  const change = (members: Readonly<Record<string, unknown>>) => resigned(encodeCbor({ ...plain, ...members }))
  for (const other of [
    setOf(hospitals, 2, root, crypto.generateSigningKey()),
    { ...signed, signature: new Uint8Array(64) },
    { ...signed, signature: signed.signature.slice(1) },
    { ...signed, set: signed.set.map((byte, i) => (i === signed.set.length - 1 ? byte ^ 1 : byte)) },
    change({ server: newRef(crypto, 's') }),
    change({ threshold: 1 }),
    change({ threshold: 3 }),
    change({ v: 2 }),
    change({ holders: [plain.holders[0], plain.holders[0]] }),
    change({ holders: [plain.holders[0]] }),
    change({ more: 1 }),
    resigned(new Uint8Array(300 * 1024)),
    resigned(Uint8Array.of(0x80)),
  ]) {
    assert.throws(() => opened(other), invalid)
  }
  assert.deepEqual(decodeRecoverySet(signed.set), opened(signed))
})
