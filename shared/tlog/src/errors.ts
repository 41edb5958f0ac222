/** Failures of logs, checkpoints and proofs. Codes are API, messages are not. Meaning of each: docs/errors.md. */
export type LogErrorCode =
  | 'LOG_SIZE_INVALID'
  | 'LOG_PROOF_INVALID'
  | 'LOG_NOT_CONSISTENT'
  | 'LOG_CHECKPOINT_MALFORMED'
  | 'LOG_ORIGIN_MISMATCH'
  | 'LOG_SIGNATURE_MISSING'
  | 'LOG_SIGNATURE_INVALID'
  | 'LOG_KEY_MALFORMED'
  | 'LOG_KEY_ENDED'

/** A log or its proof is not what it claims to be. Carries a code and fixed text; never an entry's content. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
