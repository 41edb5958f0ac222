/**
 * What the hospital service asks of its surroundings.
 *
 * @module
 */
import type { ParticipantRecord, PatientKey } from '../../shared/ledger-model/src/index.ts'
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

/** The organisation's certificate authority. */
export interface CertificateIssuer {
  /** Certificate with `trusthealth.role`, `trusthealth.ref` and, where given, `trusthealth.emergency`. */
  issue(subject: {
    readonly role: 'doctor' | 'hospital' | 'auditor' | 'server' | 'admin'
    readonly ref: string
    /** 65 bytes. */
    readonly publicKey: Uint8Array
    readonly emergency?: boolean
  }): Promise<{
    /** DER, leaf first, without root. */
    readonly chain: readonly Uint8Array[]
    readonly serialHex: string
  }>
}

/** Ledger reads on behalf of participants who have no certificate: the reader's own nonce, nothing cached. */
export interface LedgerRelay {
  /** One list of endorsed answers per query, bytes in base64url, as the reader's library expects them. */
  endorsedReads(
    queries: readonly { readonly fn: string; readonly args: readonly string[] }[],
    nonce: Uint8Array,
    minHeight?: number,
  ): Promise<object>
  /** Encoded blocks, for readers that keep their own index or verify the chain. */
  blocks(from: number, limit: number): Promise<object>
  /** Where the versions of a record stand on the ledger: a hint, for readers that compare what it points at. */
  findRecord(recordId: string): Promise<readonly LedgerPlace[]>
  /** Everything on the ledger under one patient tag (hex). */
  findTag(patientTag: string): Promise<readonly LedgerPlace[]>
  /** How much is under each of many patient tags, all as the ledger has it at one moment. */
  countTags(patientTags: readonly string[]): Promise<readonly number[]>
  /** Every key of a patient. @throws {LedgerError} `PATIENT_NOT_FOUND` */
  patientKeys(patient: string): Promise<readonly PatientKey[]>
  /** An active auditor, doctor or hospital of any organisation, as the ledger has it now. */
  findParticipant(ref: string): Promise<ParticipantRecord | undefined>
  /** An active key of a patient, as the ledger has it now. */
  findPatientKey(
    patient: string,
    kid: string,
  ): Promise<{ readonly publicKey: string; readonly sealKey: string } | undefined>
}

export interface LedgerPlace {
  readonly recordId: string
  readonly version: number
  readonly batchId: string
  readonly index: number
}
