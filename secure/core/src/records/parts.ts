/**
 * What the work on records needs of the trusted application around it. The vault gives it; only types, so that the
 * vault may be made of this work.
 *
 * @module
 */
import type { Crypto } from '../../../../shared/crypto/src/index.ts'
import type { LogEntry } from '../audit/entry.ts'
import type { LedgerFacts } from '../facts/ledger-facts.ts'
import type { TreatmentKeys } from '../keys/treatment-keys.ts'
import type { Limits } from '../limits.ts'
import type { Patient, Patients } from '../patients.ts'
import type { CompressionPort } from '../ports.ts'
import type { Now } from '../sessions/index.ts'
import type { Store } from '../store.ts'
import type { Bodies } from './bodies.ts'
import type { RecordIndex } from './record-index.ts'
import type { RecordRows } from './record-rows.ts'
import type { RecordTexts } from './record-text.ts'
import type { Warrants } from './warrants.ts'

export interface RecordParts {
  readonly crypto: Crypto
  readonly compression: CompressionPort | undefined
  readonly store: Store
  readonly patients: Patients
  readonly treatmentKeys: TreatmentKeys
  readonly warrants: Warrants
  readonly records: RecordRows
  readonly bodies: Bodies
  readonly index: RecordIndex
  readonly texts: RecordTexts
  readonly facts: LedgerFacts
  readonly limits: Limits
  /** Content keys that must move to a new treatment key. */
  readonly rewraps: { add(patient: Patient): void }
  now(): Now
  /** Appends an entry and takes notice of whom it is about. @returns its index. */
  log(entry: LogEntry): number
}
