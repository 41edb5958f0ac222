/**
 * What the façade refuses by itself, before or after the record server was asked.
 *
 * @module
 */
import { ERROR_TABLE, type ErrorCode } from '../../../shared/protocol/src/index.ts'

export interface FhirRequestErrorOptions {
  /** What exactly, for the person who wrote the request: may repeat the request's own words, never a record's. */
  readonly detail?: string
  readonly cause?: unknown
  /** FHIRPaths of the elements at fault. */
  readonly expression?: readonly string[]
}

/** A FHIR request that cannot be done, with its stable code. */
export class FhirRequestError extends Error {
  override readonly name = 'FhirRequestError'
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly expression: readonly string[] | undefined
  constructor(code: ErrorCode, { detail, cause, expression }: FhirRequestErrorOptions = {}) {
    super(detail ?? ERROR_TABLE[code].meaning, cause === undefined ? undefined : { cause })
    this.code = code
    this.detail = detail
    this.expression = expression
  }
}
