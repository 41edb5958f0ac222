/**
 * URIs by which our identifiers and codes are known in FHIR resources that leave the product. They are part of the wire
 * format: never changed, only added to. `trusthealth.example` is a reserved name (RFC 2606) that nobody else can use;
 * they are names, not pages to fetch.
 *
 * @module
 */

const BASE = 'https://trusthealth.example/fhir'

/** Identifier system of participant references: `p-…`, `d-…`, `h-…` (docs/protocol/01-conventions.md §1.2). */
export const PARTICIPANT_SYSTEM = `${BASE}/participant`
/** Identifier system of warrant ids: `w-…`. */
export const WARRANT_ID_SYSTEM = `${BASE}/warrant`
/** Code system of record kinds (ehr-type.ts) and `*` for every kind. */
export const EHR_TYPE_SYSTEM = `${BASE}/ehr-type`
/** Code system of our error codes (docs/errors.md). */
export const ERROR_CODE_SYSTEM = `${BASE}/error-code`
/** Extension of a Consent: the warrant's `aux`. */
export const WARRANT_AUX_EXTENSION = `${BASE}/StructureDefinition/warrant-aux`
