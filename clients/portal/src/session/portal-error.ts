/**
 * An error on the page: a stable code whose words are in the catalogue.
 *
 * @module
 */
import type { CarriedError } from './messages.ts'

export class PortalError extends Error {
  override readonly name = 'PortalError'
  readonly code: CarriedError['code']
  readonly link: number | undefined

  constructor({ code, link, detail }: CarriedError) {
    super(detail)
    this.code = code
    this.link = link
  }
}

/** The code of anything that was thrown. */
export function codeOfError(error: unknown): CarriedError['code'] {
  return error instanceof PortalError ? error.code : 'PORTAL_FAULT'
}
