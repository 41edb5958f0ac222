/**
 * Transparency-log primitives: RFC 6962 Merkle trees and proofs, C2SP checkpoints, cosignatures.
 * Pure: no storage, no clock. Spec: docs/protocol/06-log-and-checkpoints.md.
 *
 * @module
 */
export * from './checkpoint.ts'
export * from './cosignature.ts'
export * from './errors.ts'
export { Frontier, merkleRoot } from './frontier.ts'
export { emptyRoot, leafHash, nodeHash } from './hash.ts'
export { nodeCount, nodeId, type ReadNode, type TreeNode } from './nodes.ts'
export {
  addSignature,
  formatNote,
  type NoteKey,
  noteKeyId,
  type NoteSignature,
  parseNote,
  type SignedNote,
  signNote,
  verifyNote,
} from './note.ts'
export { consistencyProof, type EdgeHashes, inclusionProof } from './prove.ts'
export { formatVerifierKey, parseVerifierKey } from './verifier-key.ts'
export { MAX_PROOF_HASHES, verifyConsistency, verifyInclusion } from './verify.ts'
export {
  formatWitnessRequest,
  MAX_WITNESS_REQUEST_BYTES,
  parseWitnessRequest,
  type WitnessRequest,
} from './witness-request.ts'
