/**
 * What a browser must know of the consortium before it believes an answer: served by the hospital beside the page, kept
 * with each identity when it is made, so that a later page cannot exchange it unseen.
 *
 * @module
 */
import { decodeBase64url, encodeUtf8, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  bool,
  hospitalRefShape,
  list,
  literal,
  mspIdShape,
  optional,
  serverRefShape,
  struct,
  text,
  b64u,
  uint,
  type AttestationPolicy,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'
import type { FabricTrust } from '../../../../shared/ledger-model/src/index.ts'
import type { ConsortiumConfig } from '../../../sdk/src/ledger-reader.ts'

const fabricShape = struct({
  chaincode: text({ min: 1, max: 64 }),
  organizations: list(struct({ mspId: mspIdShape, roots: list(text({ max: 11_000 }), { min: 1, max: 8 }) }), {
    min: 1,
    max: 64,
  }),
})

export const factsShape = struct({
  v: literal(1),
  channel: text({ max: 64 }),
  nodes: list(struct({ mspId: mspIdShape, publicKey: b64u(65) }), { max: 64 }),
  quorum: uint({ min: 1, max: 64 }),
  fabric: optional(fabricShape),
  serverRef: serverRefShape,
  hospital: struct({ ref: hospitalRefShape, name: text({ max: 128 }), mspId: mspIdShape }),
  /** Other hospitals, for their names. */
  hospitals: list(struct({ ref: hospitalRefShape, name: text({ max: 128 }), mspId: mspIdShape }), { max: 64 }),
  /** The hospital accepts a protected area that is only simulated. */
  practice: bool(),
  /** Codes `system|code` of results that open on the patient's own choice. */
  sensitiveResults: optional(list(text({ max: 256 }), { max: 512 })),
})
/** Public facts of the consortium, as JSON. */
export type Facts = Infer<typeof factsShape>

export function consortiumConfigOf({ channel, nodes, quorum, fabric }: Facts): ConsortiumConfig {
  return {
    channel,
    quorum,
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: decodeBase64url(publicKey) })),
    ...(fabric === undefined ? {} : { fabric: fabricTrustOf(fabric) }),
  }
}

function fabricTrustOf({ chaincode, organizations }: NonNullable<Facts['fabric']>): FabricTrust {
  return {
    chaincode,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(decodeBase64url) })),
  }
}

/** What this browser accepts as protected area: a simulated one only where the identity was made on a practice system. */
export function attestationPolicyOf({ practice }: Facts): AttestationPolicy {
  return { teeKinds: ['process', 'optee'], minSecurityVersion: 0, ...(practice ? { allowSimulated: true } : {}) }
}

/** What decides whom this browser believes. Names of hospitals may change; these may not. */
export function isSameConsortium(one: Facts, other: Facts): boolean {
  return coreOf(one) === coreOf(other)
}

/** 32 bytes that stand for the same. */
export function consortiumFingerprint(crypto: Crypto, facts: Facts): Uint8Array {
  return crypto.sha256(encodeUtf8(`trusthealth consortium/1\n${coreOf(facts)}`))
}

function coreOf({ channel, nodes, quorum, fabric, serverRef }: Facts): string {
  return JSON.stringify([channel, nodes, quorum, fabric ?? null, serverRef])
}
