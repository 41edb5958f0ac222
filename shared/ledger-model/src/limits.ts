/**
 * Limits of the ledger (docs/protocol/07-ledger.md §7.8). A value at its limit is allowed, the next one refused.
 *
 * @module
 */

/** A batch of 1,000 commitments, each with a group and signature of its own, has 620 kB. */
export const MAX_PROPOSAL_BYTES = 1_500_000
export const MAX_ARGUMENTS = 8
/** UTF-16 units of one argument. */
export const MAX_ARGUMENT_LENGTH = 1_200_000
export const MAX_QUERY_BYTES = 262_144
export const MAX_QUERIES = 64
export const PROPOSAL_NONCE_BYTES = 24
export const QUERY_NONCE_BYTES = 32
/** How far a proposal's time may be from the ledger node's clock. */
export const MAX_PROPOSAL_SKEW_MS = 300_000
export const MAX_BLOCK_TRANSACTIONS = 500
/** A block is closed when its transactions pass this; the last one may exceed it. */
export const MAX_BLOCK_BYTES = 8_388_608
export const MAX_ENDORSED_ANSWER_BYTES = 16_777_216
export const MAX_ORGANIZATIONS = 64

export const MAX_BATCH_ITEMS = 1_000
export const MAX_POLICY_PATIENTS = 256
export const MAX_LOOKUP_COMMITMENTS = 1_000
/** Keys of one patient that ever were; removed ones stay so that a statement cannot be replayed. */
export const MAX_PATIENT_KEYS = 64
export const MAX_HOSPITALS = 32
/** Warrants, and again grants, of one patient that have neither ended nor been revoked. */
export const MAX_ACTIVE_PERMISSIONS = 200
/** After this time an ended or revoked permission leaves the patient's policy. */
export const PERMISSION_RETENTION_MS = 90 * 86_400_000
/** A hundred years. */
export const MAX_RETENTION_DAYS = 36_525
/** Of one organisation's period, each longer than the one before. */
export const MAX_RETENTION_STEPS = 64
export const MAX_MEASUREMENTS = 64
export const MAX_CHECKPOINT_LENGTH = 8_192
export const MAX_STATEMENT_LENGTH = 16_384
export const PAGE_ITEMS = 100
