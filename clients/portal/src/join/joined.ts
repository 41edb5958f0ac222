/**
 * Checks on what a hospital answers to somebody new.
 *
 * @module
 */
import { mspIdShape, type MspId } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import type { Facts } from '../session/facts.ts'

export function asMspId(text: string): MspId {
  return mspIdShape(text, 'organisation')
}

/** The hospital that answers is the one that served the page. @throws {ClientError} `REQUEST_REJECTED` */
export function requireConsortium(hospitalRef: string, facts: Facts): void {
  if (hospitalRef !== facts.hospital.ref) throw new ClientError('REQUEST_REJECTED')
}
