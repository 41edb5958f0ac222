/** Failures of reading FHIR R4. Codes are API, messages are not. */
export type FhirErrorCode =
  | 'FHIR_TOO_LARGE'
  | 'FHIR_TOO_DEEP'
  | 'FHIR_NOT_JSON'
  | 'FHIR_DUPLICATE_KEY'
  | 'FHIR_UNKNOWN_RESOURCE_TYPE'
  | 'FHIR_BAD_ID'
  | 'FHIR_NOT_A_BUNDLE'
  | 'FHIR_CONSENT_UNSUPPORTED'

/**
 * The text is not a FHIR resource that we take. Carries a code and fixed text, never content: also no `cause`,
 * because an engine's SyntaxError quotes the text it failed on.
 */
export class FhirError extends Error {
  override readonly name = 'FhirError'
  readonly code: FhirErrorCode
  /** The entry of a Bundle, or the line of NDJSON, that failed; counted from 0 and from 1 as those formats do. */
  readonly position: number | undefined
  constructor(code: FhirErrorCode, message: string, position?: number) {
    super(message)
    this.code = code
    this.position = position
  }
}
