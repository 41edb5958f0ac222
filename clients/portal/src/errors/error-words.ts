/**
 * What an error means to a person: what happened, what it means, what to do next. Every code of the product has its three
 * texts in the catalogue; a test proves it for both languages.
 *
 * @module
 */
import { ERROR_TABLE, type ErrorCode } from '../../../../shared/protocol/src/error-table.ts'
import { codeOfError } from '../session/portal-error.ts'
import type { Words } from '../i18n/words.ts'

export interface ErrorWords {
  readonly code: string
  readonly what: string
  readonly means: string
  readonly next: string
}

export function errorWords({ t, has }: Words, error: unknown): ErrorWords {
  const code = codeOfError(error)
  // A code of a newer service than this page.
  const known = has(`error.${code}.what`) ? code : 'PORTAL_FAULT'
  return {
    code,
    what: t(`error.${known}.what`),
    means: t(`error.${known}.means`),
    next: t(`error.${known}.next`),
  }
}

/** The same request may be sent again in the hope of a better answer. */
export function isAway(error: unknown): boolean {
  const code = codeOfError(error)
  return code !== 'PORTAL_FAULT' && ERROR_TABLE[code].kind === 'unavailable'
}

/** Codes after which nothing at all is shown: the server that answered is not the one that was approved. */
export function isWrongServer(error: unknown): boolean {
  const code = codeOfError(error)
  return code.startsWith('ATTESTATION_') || WRONG_SERVER.has(code)
}

const WRONG_SERVER: ReadonlySet<string> = new Set<ErrorCode>([
  'SESSION_SERVER_SIGNATURE',
  'SESSION_SERVER_CONFIRMATION',
  'SESSION_WEAK_SHARED_SECRET',
])
