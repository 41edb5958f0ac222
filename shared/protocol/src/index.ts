/**
 * The wire formats of trusthealth/1 and their checks: docs/protocol. No I/O, no clock; keys and times are parameters.
 *
 * @module
 */
export * from './cbor.ts'
export * from './commitment.ts'
export * from './ehr-types.ts'
export * from './envelope.ts'
export * from './error-table.ts'
export * from './errors.ts'
export * from './evidence.ts'
export * from './ids.ts'
export * from './json.ts'
export * from './jws.ts'
export * from './keys.ts'
export * from './message.ts'
export type { PatientSigner } from './patient-signer.ts'
export * from './request.ts'
export * from './shape.ts'
export * from './warrant.ts'
export * from './warrant-record.ts'
