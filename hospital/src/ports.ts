/**
 * What the hospital service asks of its surroundings.
 *
 * @module
 */
import type { PatientRef, PractitionerRef } from '../../shared/protocol/src/index.ts'

/** Writes to the ledger as one identity of the hospital. */
export interface LedgerWriter {
  /**
   * Signs, submits and waits for the commit; repeats the same signed transaction while the ledger is away.
   * @throws {ProtocolError | LedgerError} the code with which the contract refused, or `LEDGER_UNAVAILABLE`.
   */
  submit(fn: string, args: readonly string[]): Promise<LedgerReceipt>
}

export interface LedgerReceipt {
  readonly txId: string
  readonly block: number
  readonly result: string
}

/** The hospital's own session with the trusted application. */
export interface RecordServer {
  provisionPatient(patient: PatientRef, version: number, ptk: Uint8Array, name: string): Promise<void>
  rekeyPatient(patient: PatientRef, version: number, ptk: Uint8Array): Promise<void>
  provisionPractitioner(practitioner: ProvisionedPractitioner): Promise<void>
}

export interface ProvisionedPractitioner {
  readonly ref: PractitionerRef
  readonly name: string
  readonly department: string
  readonly emergency: boolean
}
