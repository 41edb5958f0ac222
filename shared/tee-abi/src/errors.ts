/** Failures of the door between the worlds. What the trusted application answers is a code of the whole product. */
export type AbiErrorCode = 'TEE_FRAME_INVALID' | 'TEE_MESSAGE_INVALID'

/** The other side broke the contract of docs/protocol/10-tee-abi.md; the stream is closed. Carries no content. */
export class AbiError extends Error {
  override readonly name = 'AbiError'
  readonly code: AbiErrorCode
  constructor(code: AbiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
