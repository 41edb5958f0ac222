/**
 * Chains of doctors: each of a group adds a record and signs everything that came before, so that only the last one has
 * to upload and nobody's part can be dropped, moved, changed or doubled.
 * Spec: docs/protocol/04-records.md §4.4. Links are numbered from 1.
 *
 * @module
 */
import { concat } from '../../crypto/src/bytes.ts'
import { label } from '../../crypto/src/label.ts'
import type { Crypto, SigningKey, VerifyingKey } from '../../crypto/src/port.ts'
import { requireLength } from '../../crypto/src/sizes.ts'
import { encodeCbor } from './cbor.ts'
import { type Commitment, commitmentLeaf, makeCommitment } from './commitment.ts'
import { ProtocolError, type ProtocolErrorCode } from './errors.ts'
import { type HospitalRef, isPractitionerRef, newId, type PatientRef, type PractitionerRef } from './ids.ts'
import type { TreatmentKey } from './keys.ts'
import type { PatientSigner } from './patient-signer.ts'
import { type Chain, type ChainLink, MAX_CHAIN_LINKS } from './upload.ts'
import { checkWarrantTerms, parseWarrant, verifyWarrant, type Warrant, warrantHash } from './warrant.ts'

const CHAIN = label('chain')
const LINK = label('link')
const LINK_SIGNATURE = label('link-signature')

/** Everything of a link but its signature. */
export type UnsignedChainLink = Omit<ChainLink, 'signature'>

/** Whose chain it is, and the key that its envelopes are made with. */
export interface ChainContext {
  readonly patient: PatientRef
  readonly treatmentKey: TreatmentKey
}

/** A link that waits for its doctor's signature. */
export interface PreparedLink {
  /** What the doctor signs: ECDSA P-256 with SHA-256 over these bytes. */
  readonly signingInput: Uint8Array
  /** The doctor's own commitment, for the ledger: it is signed apart, like that of any record. */
  readonly commitment: Commitment
  /** @param signature 64 bytes, r ‖ s. Does not check it. */
  withSignature(signature: Uint8Array): Chain
}

export interface ChainCheck extends ChainContext, PatientSigner {
  /** Keys of registered doctors, from the ledger. */
  readonly doctorKeys: { get(doctor: PractitionerRef): VerifyingKey | undefined }
  /** The hospital of a doctor, where it is known; each link's warrant must be of it. */
  readonly hospitalOf?: (doctor: PractitionerRef) => HospitalRef | undefined
  /** Kind of a record; throws a `ProtocolError` for what has none. */
  readonly ehrTypeOf: (ehr: Uint8Array) => string
  readonly nowMs: number
  /** For doctors who are in the middle: later doctors may be missing. Never for the one who stores. */
  readonly allowUnfinished?: boolean
}

export interface CheckedLink {
  readonly link: ChainLink
  readonly warrant: Warrant
  readonly commitment: Commitment
}

/** A chain without links. */
export function startChain(crypto: Crypto): Chain {
  return { chainId: newId(crypto, 'c'), links: [] }
}

/** `prepareLink` and the signature in one. @throws {ProtocolError} as `prepareLink`. */
export function addLink(
  crypto: Crypto,
  chain: Chain,
  context: ChainContext,
  link: UnsignedChainLink,
  key: SigningKey,
): Chain {
  const prepared = prepareLink(crypto, chain, context, link)
  return prepared.withSignature(crypto.sign(key, prepared.signingInput))
}

/**
 * Adds a link. Check the chain that came from others with `checkChain` first: this only refuses a wrong turn.
 *
 * @throws {ProtocolError} `CHAIN_LINK_*`, `WARRANT_PARTY_MISMATCH` if it is not the author's turn;
 * `STATEMENT_MALFORMED`, `MESSAGE_MALFORMED` for a first warrant of no group.
 */
export function prepareLink(
  crypto: Crypto,
  chain: Chain,
  context: ChainContext,
  link: UnsignedChainLink,
): PreparedLink {
  const links: readonly UnsignedChainLink[] = [...chain.links, link]
  const group = groupOf(parseWarrant((links[0] as UnsignedChainLink).warrant).payload)
  checkOrder(links, group, false)
  const commitments = links.map((each) => commitmentOf(crypto, context, each))
  const hashes = linkHashes(crypto, chain, context.patient, group, commitments)
  return {
    signingInput: signingInput(hashes.at(-1) as Uint8Array),
    commitment: commitments.at(-1) as Commitment,
    withSignature(signature) {
      requireLength('signature', signature, 64)
      return { chainId: chain.chainId, links: [...chain.links, { ...link, signature }] }
    },
  }
}

/**
 * Checks a whole chain: the group that the first warrant names, each doctor once and in order, every signature, every
 * warrant. What the ledger says of warrants and commitments is checked by the caller.
 *
 * @returns one item for each link, in order.
 * @throws {ProtocolError} with the link's number: `CHAIN_LINK_MISSING`, `CHAIN_LINK_REORDERED`, `CHAIN_LINK_REPEATED`,
 * `WARRANT_PARTY_MISMATCH` (an author outside the group); then link by link `PARTICIPANT_UNKNOWN`,
 * `CHAIN_LINK_ALTERED`, and the refusals of `checkWarrant` and `ehrTypeOf`. `MESSAGE_MALFORMED` for a group of one.
 */
export function checkChain(crypto: Crypto, chain: Chain, check: ChainCheck): readonly CheckedLink[] {
  const { links } = chain
  const first = links[0]
  if (first === undefined) throw refused('CHAIN_LINK_MISSING', 1)
  // Only the patient names the group: its warrant is verified before anything is taken from it.
  const group = atLink(1, () => groupOf(verifyWarrant(crypto, first.warrant, check)))
  checkOrder(links, group, check.allowUnfinished !== true)

  const commitments = links.map((link) => commitmentOf(crypto, check, link))
  const hashes = linkHashes(crypto, chain, check.patient, group, commitments)
  return links.map((link, i) =>
    atLink(i + 1, () => {
      checkSignature(crypto, link, hashes[i] as Uint8Array, check)
      const warrant = verifyWarrant(crypto, link.warrant, check)
      checkTerms(warrant, link, check)
      return { link, warrant, commitment: commitments[i] as Commitment }
    }),
  )
}

/** The doctors whom a warrant names, in its order; a hospital that it names is not one of them. */
function groupOf(warrant: Warrant): readonly PractitionerRef[] {
  const group = warrant.doctors.filter(isPractitionerRef)
  if (group.length < 2 || group.length > MAX_CHAIN_LINKS) {
    throw new ProtocolError('MESSAGE_MALFORMED', 'a chain is of 2 to 16 doctors')
  }
  return group
}

/** Each doctor of the group once, in the order of the group, each record once. */
function checkOrder(links: readonly UnsignedChainLink[], group: readonly PractitionerRef[], complete: boolean): void {
  const authors = links.map((link) => link.author)
  const records = links.map((link) => link.recordId)
  for (let i = 0; i < Math.max(links.length, group.length); i++) {
    const link = links[i]
    const expected = group[i]
    if (link === undefined) {
      if (complete) throw refused('CHAIN_LINK_MISSING', i + 1)
      return
    }
    if (authors.indexOf(link.author) < i || records.indexOf(link.recordId) < i) {
      throw refused('CHAIN_LINK_REPEATED', i + 1)
    }
    if (!group.includes(link.author)) throw refused('WARRANT_PARTY_MISMATCH', i + 1)
    if (link.author === expected) continue
    const isLater = expected !== undefined && authors.includes(expected)
    throw refused(isLater ? 'CHAIN_LINK_REORDERED' : 'CHAIN_LINK_MISSING', i + 1)
  }
}

function commitmentOf(crypto: Crypto, { patient, treatmentKey }: ChainContext, link: UnsignedChainLink): Commitment {
  const { recordId, author, ehr, salt, warrant } = link
  const hash = warrantHash(crypto, warrant)
  return makeCommitment(crypto, treatmentKey, { recordId, version: 1, patient, author, ehr, salt, warrantHash: hash })
}

/** link_1 … link_I. */
function linkHashes(
  crypto: Crypto,
  { chainId }: Chain,
  patient: PatientRef,
  group: readonly PractitionerRef[],
  commitments: readonly Commitment[],
): readonly Uint8Array[] {
  let previous = crypto.sha256(CHAIN, encodeCbor([chainId, patient, group]))
  return commitments.map((commitment) => {
    previous = crypto.sha256(LINK, previous, commitmentLeaf(crypto, commitment))
    return previous
  })
}

function signingInput(linkHash: Uint8Array): Uint8Array {
  return concat(LINK_SIGNATURE, linkHash)
}

function checkSignature(crypto: Crypto, link: ChainLink, hash: Uint8Array, { doctorKeys }: ChainCheck): void {
  const key = doctorKeys.get(link.author)
  if (key === undefined) throw new ProtocolError('PARTICIPANT_UNKNOWN', 'the doctor is not registered')
  if (!crypto.verify(key, signingInput(hash), link.signature)) {
    throw new ProtocolError('CHAIN_LINK_ALTERED', 'the doctor signed something else')
  }
}

function checkTerms(warrant: Warrant, { author, ehr }: ChainLink, check: ChainCheck): void {
  const { patient, nowMs } = check
  const hospital = check.hospitalOf?.(author)
  const use = { patient, author, ehrType: check.ehrTypeOf(ehr), nowMs }
  checkWarrantTerms(warrant, hospital === undefined ? use : { ...use, hospital })
}

/** Gives a refusal inside `step` the number of its link. */
function atLink<T>(link: number, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw new ProtocolError(cause.code, cause.message, { link, cause })
    throw cause
  }
}

function refused(code: ProtocolErrorCode, link: number): ProtocolError {
  return new ProtocolError(code, `link ${link} of the chain is not as it must be`, { link })
}
