/**
 * The wire formats of trusthealth/1 and their checks: docs/protocol. No I/O, no clock; keys and times are parameters.
 *
 * @module
 */
export * from './cbor.ts'
export * from './error-table.ts'
export * from './errors.ts'
export * from './ids.ts'
export * from './json.ts'
export * from './jws.ts'
export * from './message.ts'
export * from './shape.ts'
