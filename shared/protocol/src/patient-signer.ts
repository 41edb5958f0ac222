/**
 * Statements by patients: signed by a key that is active for the patient in whose name they speak.
 *
 * @module
 */
import type { Crypto } from '../../crypto/src/port.ts'
import { ProtocolError } from './errors.ts'
import type { PatientRef } from './ids.ts'
import { checkSignedByOneOf, type KeyLookup, type UnverifiedStatement } from './jws.ts'

export interface PatientSigner {
  readonly patient: PatientRef
  /** The keys of `patient` that are active on the ledger, and no others. */
  readonly patientKeys: KeyLookup
}

/** @throws {ProtocolError} `STATEMENT_SIGNATURE_INVALID`, also if the statement speaks in another patient's name. */
export function checkSignedByPatient<T extends { readonly iss: PatientRef }>(
  crypto: Crypto,
  statement: UnverifiedStatement<T>,
  signer: PatientSigner,
): T {
  checkSignedByOneOf(crypto, signer.patientKeys, statement)
  if (statement.payload.iss !== signer.patient) {
    throw new ProtocolError('STATEMENT_SIGNATURE_INVALID', 'the statement speaks in the name of another patient')
  }
  return statement.payload
}
