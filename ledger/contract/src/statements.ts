/**
 * Statements that a patient signed: whichever member brings them, they count by the patient's signature.
 *
 * @module
 */
import {
  LedgerError,
  type LedgerErrorCode,
  type PatientKey,
  type PatientRegistration,
  refuseAs,
  stateKeys,
} from '../../../shared/ledger-model/src/index.ts'
import {
  checkStatementSignature,
  type Kid,
  type PatientRef,
  type UnverifiedStatement,
} from '../../../shared/protocol/src/index.ts'
import type { ContractCall } from './call.ts'
import { find } from './state.ts'
import { verifyingKey } from './verifying-keys.ts'

export interface SignedStatement<T> {
  readonly payload: T
  readonly registration: PatientRegistration
}

/** How a statement that cannot be read, and one that is not signed by its patient, are refused. */
export interface StatementCodes {
  readonly malformed: LedgerErrorCode
  readonly unsigned: LedgerErrorCode
}

/**
 * Reads a statement and checks that an active key of the patient whom it names signed it.
 * @throws {LedgerError} with one of `codes`; a patient who is not registered has no keys.
 */
export async function signedStatement<T extends { readonly iss: PatientRef }>(
  call: ContractCall,
  codes: StatementCodes,
  read: () => UnverifiedStatement<T>,
): Promise<SignedStatement<T>> {
  const statement = refuseAs(codes.malformed, read)
  const { payload, header } = statement
  const registration = await find<PatientRegistration>(call.state, stateKeys.patient(payload.iss))
  const key = registration === undefined ? undefined : findActiveKey(registration, header.kid)
  if (registration === undefined || key === undefined) {
    throw new LedgerError(codes.unsigned, 'no active key of the patient has this id')
  }
  const signer = verifyingKey(call.crypto, key.publicKey)
  refuseAs(codes.unsigned, () => checkStatementSignature(call.crypto, signer, statement))
  return { payload, registration }
}

/** New permissions and keys are not taken for a suspended patient; what takes them away always is. */
export function requireActivePatient(registration: PatientRegistration): void {
  if (registration.status !== 'active') throw new LedgerError('PARTICIPANT_SUSPENDED', 'the patient is suspended')
}

export function findActiveKey(registration: PatientRegistration, kid: Kid): PatientKey | undefined {
  return registration.keys.find((key) => key.kid === kid && key.removedMs === null)
}
