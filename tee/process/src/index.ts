/**
 * The `process` TEE.
 *
 * @module
 */
export { measure, sqlCipherPackage, type NativePackage } from './measurement.ts'
export { startProcessTee, type ProcessTeeOptions } from './process-tee.ts'
