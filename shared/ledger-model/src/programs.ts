/**
 * Votes of organisations for programs of record servers: which program may take over a store. The ledger keeps the votes;
 * whoever reads them counts, by the organisations that it knows. Spec: docs/protocol/07-ledger.md §7.15.
 *
 * @module
 */
import {
  list,
  type MspId,
  mspIdShape,
  type Sha256Hex,
  sha256HexShape,
  type Shape,
  struct,
  type TxId,
  txIdShape,
  uint,
} from '../../protocol/src/index.ts'
import { MAX_ORGANIZATIONS } from './limits.ts'

/** Highest security version of a program. */
export const MAX_SECURITY_VERSION = 65_534
/**
 * A vote as this version is for an instance as a replica (11.2) and for no program: who votes for a replica cannot be
 * made to approve a program by its measurement.
 */
export const REPLICA_VERSION = 65_535

/** That an organisation's administrator approved a program, and as which security version. */
export interface ProgramVote {
  readonly mspId: MspId
  readonly securityVersion: number
  readonly timeMs: number
  readonly txId: TxId
}

/** Result of `program`. */
export interface ProgramRecord {
  /** Hex SHA-256 of the program's file. */
  readonly measurement: Sha256Hex
  /** In the order of their names, at most one of each organisation; none if nobody approved it. */
  readonly votes: readonly ProgramVote[]
}

/** Of a program. */
export const securityVersionShape = uint({ min: 1, max: MAX_SECURITY_VERSION })
/** As what an organisation voted. */
export const votedVersionShape = uint({ min: 1, max: REPLICA_VERSION })

export const programRecordShape: Shape<ProgramRecord> = struct({
  measurement: sha256HexShape,
  votes: list(struct({ mspId: mspIdShape, securityVersion: votedVersionShape, timeMs: uint(), txId: txIdShape }), {
    max: MAX_ORGANIZATIONS,
  }),
})

/**
 * Whether more than half of the organisations approved the program as this security version.
 * @param organizations those that count, each once.
 */
export function isApproved(
  { votes }: ProgramRecord,
  organizations: readonly MspId[],
  securityVersion: number,
): boolean {
  const approving = organizations.filter((mspId) =>
    votes.some((vote) => vote.mspId === mspId && vote.securityVersion === securityVersion),
  )
  return 2 * approving.length > organizations.length
}
