/** Failures while a Fabric network is set up or started. Meaning of each: docs/errors.md. */
export type NetworkErrorCode =
  | 'NETWORK_BINARIES_MISSING'
  | 'NETWORK_OPTIONS_REJECTED'
  | 'NETWORK_FOLDER_DAMAGED'
  | 'NETWORK_BUSY'
  | 'NETWORK_TOOL_FAILED'
  | 'NETWORK_NOT_READY'

/** Carries a code, and in the message what a person at the terminal needs: names of nodes and tools, never keys. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
