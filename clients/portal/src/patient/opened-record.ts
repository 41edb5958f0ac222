/**
 * A record on its way from the worker to the page.
 *
 * @module
 */
import type { RecordReport } from '../../../sdk/src/verify-record.ts'

/** A record that was read and checked. */
export interface OpenedRecord {
  readonly recordId: string
  readonly version: number
  readonly latestVersion: number
  /** FHIR R4 as it was signed. */
  readonly resource: Readonly<Record<string, unknown>>
  readonly author: { readonly ref: string; readonly name: string; readonly hospital: string }
  readonly report: RecordReport
  readonly details: readonly { readonly label: string; readonly value: string }[]
}
