/**
 * Patients, doctors and hospitals for tests of the wire formats: references with keys, nothing else.
 *
 * @module
 */
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import type { AgreementKey, Crypto, SigningKey, VerifyingKey } from '../../shared/crypto/src/port.ts'
import { deriveTreatmentKey, kidOf, newRef, type Kid, type TreatmentKey } from '../../shared/protocol/src/index.ts'

export interface Party<Ref> {
  readonly ref: Ref
  readonly key: SigningKey
  readonly verifyingKey: VerifyingKey
  readonly kid: Kid
  /** The one key, by its id. */
  readonly keys: ReadonlyMap<string, VerifyingKey>
  readonly sealKey: AgreementKey
}

export function makeParty<L extends 'p' | 'd' | 'h' | 'a' | 's'>(crypto: Crypto, letter: L) {
  const key = crypto.generateSigningKey()
  const verifyingKey = crypto.importVerifyingKey(key.publicKey)
  const kid = kidOf(crypto, key.publicKey)
  const party = {
    ref: newRef(crypto, letter),
    key,
    verifyingKey,
    kid,
    keys: new Map<string, VerifyingKey>([[kid, verifyingKey]]),
    sealKey: crypto.generateAgreementKey(),
  }
  return party satisfies Party<unknown>
}

/** One crypto, one patient with a treatment key, two doctors, a hospital, a server: made anew for each test file. */
export function makeProtocolParties() {
  const crypto = createNodeCrypto()
  const ptk = crypto.randomBytes(32)
  const treatmentKey: TreatmentKey = deriveTreatmentKey(crypto, ptk, 1)
  return {
    crypto,
    patient: makeParty(crypto, 'p'),
    otherPatient: makeParty(crypto, 'p'),
    doctor: makeParty(crypto, 'd'),
    otherDoctor: makeParty(crypto, 'd'),
    hospital: makeParty(crypto, 'h'),
    otherHospital: makeParty(crypto, 'h'),
    server: makeParty(crypto, 's'),
    ptk,
    treatmentKey,
  }
}

/** Calls `test` with each copy of `bytes` that differs from it in one bit. */
export function forEachFlippedBit(bytes: Uint8Array, test: (flipped: Uint8Array, bit: number) => void): void {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    test(flipped, bit)
  }
}

/** As `forEachFlippedBit`, for ASCII text such as a compact JWS. */
export function forEachFlippedCharacterBit(text: string, test: (flipped: string, bit: number) => void): void {
  forEachFlippedBit(
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
    (flipped, bit) => test(String.fromCharCode(...flipped), bit),
  )
}
