/**
 * The `process` TEE.
 *
 * @module
 */
export { measure, readMeasured, sqlCipherPackage, type NativePackage } from './measurement.ts'
export { startProcessTee, type ProcessTeeOptions } from './process-tee.ts'
