/**
 * What an OperationOutcome of the hospital's FHIR API refused with.
 *
 * @module
 */
import { isErrorCode } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'

interface Outcome {
  readonly issue?: readonly { readonly details?: { readonly coding?: readonly { readonly code?: unknown }[] } }[]
}

/** @returns our code, `SERVER_UNAVAILABLE` where none is given. */
export function codeOfOutcome(outcome: unknown): string {
  const codings = ((outcome ?? {}) as Outcome).issue?.flatMap(({ details }) => details?.coding ?? []) ?? []
  const found = codings.find(({ code }) => isErrorCode(code))?.code
  return typeof found === 'string' ? found : 'SERVER_UNAVAILABLE'
}

export function refusalOf(outcome: unknown): ClientError {
  const code = codeOfOutcome(outcome)
  return new ClientError(isErrorCode(code) ? code : 'SERVER_UNAVAILABLE')
}
