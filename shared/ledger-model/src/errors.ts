import type { ErrorCode } from '../../protocol/src/index.ts'

/** Failures of the ledger: proposals, contract functions, blocks, endorsed reads. Meaning of each: docs/errors.md. */
export const LEDGER_ERROR_CODES = [
  // door: form, identity, order
  'LEDGER_BAD_PROPOSAL',
  'LEDGER_WRONG_CHANNEL',
  'LEDGER_IDENTITY_REJECTED',
  'LEDGER_SIGNATURE_INVALID',
  'LEDGER_STALE_PROPOSAL',
  'LEDGER_CONFIGURATION_REJECTED',
  'LEDGER_CONFLICT',
  'LEDGER_BUSY',
  'LEDGER_UNAVAILABLE',
  'LEDGER_STORAGE_FAILED',
  'LEDGER_FAULT',
  'LEDGER_BLOCK_INVALID',
  // every contract function
  'LEDGER_UNKNOWN_FUNCTION',
  'LEDGER_BAD_ARGUMENT',
  'LEDGER_FORBIDDEN',
  // single contract functions
  'PATIENT_EXISTS',
  'PATIENT_NOT_FOUND',
  'PARTICIPANT_EXISTS',
  'PARTICIPANT_UNKNOWN',
  'PARTICIPANT_SUSPENDED',
  'ORGANIZATION_UNKNOWN',
  'KEY_STATEMENT_INVALID',
  'KEY_HANDOVER_INVALID',
  'KEY_EXISTS',
  'KEY_UNKNOWN',
  'KEY_LAST',
  'WARRANT_SIGNATURE_INVALID',
  'WARRANT_EXISTS',
  'WARRANT_UNKNOWN',
  'GRANT_INVALID',
  'GRANT_EXISTS',
  'GRANT_UNKNOWN',
  'REVOCATION_INVALID',
  'PERMISSIONS_TOO_MANY',
  'COMMIT_SIGNATURE_INVALID',
  'COMMIT_TAG_MISMATCH',
  'BATCH_DIFFERENT',
  'BATCH_NOT_FOUND',
  'CHECKPOINT_INVALID',
  'CHECKPOINT_EPOCH',
  'CHECKPOINT_SMALLER',
  'CHECKPOINT_FORKED',
  'CHECKPOINT_NOT_FOUND',
  'SUCCESSION_OLD_TERM',
  // endorsed reads
  'ENDORSEMENT_MALFORMED',
  'ENDORSEMENT_QUORUM',
  'ENDORSEMENT_SIGNATURE',
  'ENDORSEMENT_NONCE',
  'ENDORSEMENT_STALE',
  'ENDORSEMENT_DISAGREEMENT',
] as const satisfies readonly ErrorCode[]

export type LedgerErrorCode = (typeof LEDGER_ERROR_CODES)[number]

const KNOWN: ReadonlySet<string> = new Set(LEDGER_ERROR_CODES)

/** A refusal with a stable code. Carries identifiers at most, never an argument's content. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code: LedgerErrorCode
  /** Number of the block at fault, with `LEDGER_BLOCK_INVALID`. */
  readonly block?: number
  constructor(code: LedgerErrorCode, message: string, details: { block?: number; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.block !== undefined) this.block = details.block
  }
}

export function isLedgerErrorCode(value: unknown): value is LedgerErrorCode {
  return typeof value === 'string' && KNOWN.has(value)
}

/**
 * The code of an error text that begins with `CODE: `. That is how codes cross Fabric, which carries only the message
 * of an error (docs/protocol/07-ledger.md §7.2).
 */
export function findLedgerErrorCode(message: string): LedgerErrorCode | undefined {
  const [, code] = /(?:^|[ ,])([A-Z]+(?:_[A-Z]+)+): /.exec(message) ?? []
  return isLedgerErrorCode(code) ? code : undefined
}
