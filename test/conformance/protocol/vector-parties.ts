/**
 * The fixed keys and the deterministic generator behind the vectors of the wire formats. Every key here is public:
 * nothing outside tests may ever use one.
 *
 * @module
 */
import { decodeHex, encodeHex, encodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import {
  kidOf,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'

const node = createNodeCrypto()

/** 2030-01-01. */
export const NOW_SECONDS = 1_893_456_000

export const PARTY_LETTERS = {
  patient: 'p',
  otherPatient: 'p',
  doctor: 'd',
  secondDoctor: 'd',
  thirdDoctor: 'd',
  hospital: 'h',
  server: 's',
} as const
export type PartyName = keyof typeof PARTY_LETTERS

interface RefOfLetter {
  readonly p: PatientRef
  readonly d: PractitionerRef
  readonly h: HospitalRef
  readonly s: ServerRef
}

export interface PartyVector {
  readonly ref: string
  /** P-256 private scalar, 32 bytes, hex. */
  readonly key: string
  /** X25519 private key, 32 bytes, hex. */
  readonly sealKey: string
}

/** parties.json */
export interface PartiesVector {
  readonly about: string
  readonly parties: Readonly<Record<PartyName, PartyVector>>
  /** Signs evidence: P-256 private scalar. */
  readonly deviceKey: string
  /** Signs certificates: P-256 private scalar. */
  readonly authorityKey: string
  /** Treatment key of the patient, version 1. */
  readonly ptk: string
}

export function makeParties(): PartiesVector {
  const parties = Object.entries(PARTY_LETTERS).map(([name, letter]) => [
    name,
    { ref: `${letter}-${digest(`ref ${name}`).slice(0, 32)}`, key: scalar(name), sealKey: digest(`seal ${name}`) },
  ])
  return {
    about: 'Fixed keys of the vectors in this folder. Public: never use them for anything else.',
    parties: Object.fromEntries(parties) as PartiesVector['parties'],
    deviceKey: scalar('device'),
    authorityKey: scalar('authority'),
    ptk: digest('ptk'),
  }
}

export const parties = makeParties()

/** One party with its keys in the given crypto. */
export function party<N extends PartyName>(crypto: Crypto, name: N) {
  const { ref, key, sealKey } = parties.parties[name]
  const signing = crypto.importSigningKey(decodeHex(key))
  return {
    ref: ref as RefOfLetter[(typeof PARTY_LETTERS)[N]],
    key: signing,
    kid: kidOf(crypto, signing.publicKey),
    sealKey: crypto.importAgreementKey(decodeHex(sealKey)),
  }
}

/** The portable implementation with a generator that starts from `name`: the same calls give the same bytes. */
export function deterministicCrypto(name: string): Crypto {
  let counter = 0
  return createPortableCrypto((length) => {
    const out = new Uint8Array(length)
    for (let at = 0; at < length; at += 32) {
      const block = node.sha256(encodeUtf8(`trusthealth test vectors ${name} ${counter++}`))
      out.set(block.subarray(0, Math.min(32, length - at)), at)
    }
    return out
  })
}

function digest(name: string): string {
  return encodeHex(node.sha256(encodeUtf8(`trusthealth test key ${name}`)))
}

/** Below the order of the curve for every name that is used here: `importSigningKey` would refuse it otherwise. */
function scalar(name: string): string {
  return digest(`key ${name}`)
}
