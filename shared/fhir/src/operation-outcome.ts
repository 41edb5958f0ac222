/**
 * FHIR OperationOutcome: how every refusal looks to a FHIR client. Which code of ours means which issue type is one
 * table in each façade; here is only the form.
 *
 * Source: FHIR R4 https://hl7.org/fhir/R4/operationoutcome.html, valueset-issue-type.html
 *
 * @module
 */
import { ERROR_CODE_SYSTEM } from './systems.ts'

export const ISSUE_SEVERITIES = ['fatal', 'error', 'warning', 'information'] as const
export type IssueSeverity = (typeof ISSUE_SEVERITIES)[number]

/** Every code of the required value set issue-type. */
export const ISSUE_TYPES = [
  'invalid',
  'structure',
  'required',
  'value',
  'invariant',
  'security',
  'login',
  'unknown',
  'expired',
  'forbidden',
  'suppressed',
  'processing',
  'not-supported',
  'duplicate',
  'multiple-matches',
  'not-found',
  'deleted',
  'too-long',
  'code-invalid',
  'extension',
  'too-costly',
  'business-rule',
  'conflict',
  'transient',
  'lock-error',
  'no-store',
  'exception',
  'timeout',
  'incomplete',
  'throttled',
  'informational',
] as const
export type IssueType = (typeof ISSUE_TYPES)[number]

/** What one issue says. */
export interface Issue {
  readonly severity: IssueSeverity
  readonly code: IssueType
  /** Our stable error code; becomes `details.coding`. */
  readonly errorCode?: string
  /** One sentence for a person; becomes `diagnostics`. Never record content. */
  readonly diagnostics?: string
  /** FHIRPaths of the elements at fault. */
  readonly expression?: readonly string[]
}

export interface OperationOutcome {
  readonly resourceType: 'OperationOutcome'
  readonly issue: readonly {
    readonly severity: IssueSeverity
    readonly code: IssueType
    readonly details?: { readonly coding: readonly { readonly system: string; readonly code: string }[] }
    readonly diagnostics?: string
    readonly expression?: readonly string[]
  }[]
}

/** Builds an outcome of at least one issue, as FHIR requires. */
export function operationOutcome(...issues: readonly [Issue, ...Issue[]]): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, errorCode, diagnostics, expression }) => ({
      severity,
      code,
      ...(errorCode === undefined ? {} : { details: { coding: [{ system: ERROR_CODE_SYSTEM, code: errorCode }] } }),
      ...(diagnostics === undefined ? {} : { diagnostics }),
      ...(expression === undefined ? {} : { expression }),
    })),
  }
}
