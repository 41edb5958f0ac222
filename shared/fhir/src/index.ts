/**
 * FHIR R4 for every world: strict reading, index extraction, Bundles and NDJSON, OperationOutcome, Consent.
 * Imports nothing; see README.md.
 *
 * @module
 */
export { BUNDLE_LIMITS, linkBundle, splitBundle } from './bundle.ts'
export type { BundleEntry, LinkedBundle, LinkedEntry, SplitBundle } from './bundle.ts'
export { consentToWarrant, warrantToConsent } from './consent.ts'
export type { ConsentDetails, ConsentStatus, WarrantView } from './consent.ts'
export { EHR_TYPES, isEhrType } from './ehr-type.ts'
export type { EhrType } from './ehr-type.ts'
export { ehrTypeOf } from './ehr-type-of.ts'
export { FhirError } from './errors.ts'
export type { FhirErrorCode } from './errors.ts'
export { formatInstant, parseDateTime } from './fhir-date.ts'
export type { MsInterval } from './fhir-date.ts'
export type { JsonLimits } from './json-text.ts'
export { plainTextOf } from './narrative.ts'
export { NdjsonSplitter } from './ndjson.ts'
export type { NdjsonLine } from './ndjson.ts'
export { ISSUE_SEVERITIES, ISSUE_TYPES, operationOutcome } from './operation-outcome.ts'
export type { Issue, IssueSeverity, IssueType, OperationOutcome } from './operation-outcome.ts'
export { isResourceType, RESOURCE_TYPES } from './resource-types.ts'
export type { ResourceType } from './resource-types.ts'
export { checkResource, parseResource, RESOURCE_LIMITS } from './resource.ts'
export type { FhirResource } from './resource.ts'
export { extractIndex } from './search-index.ts'
export type { IndexedCode, RecordIndex } from './search-index.ts'
export {
  EHR_TYPE_SYSTEM,
  ERROR_CODE_SYSTEM,
  PARTICIPANT_SYSTEM,
  WARRANT_AUX_EXTENSION,
  WARRANT_ID_SYSTEM,
} from './systems.ts'
