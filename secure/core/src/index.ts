/**
 * The trusted application. Only the composition root (secure/ta) and tests import this.
 *
 * @module
 */
export { createTrustedApplication, type TrustedApplication } from './application.ts'
export type { TrustedApplicationOptions } from './lifecycle/installation.ts'
export { COMMANDS, type CommandName } from './commands/table.ts'
export { StorageError, TrustedApplicationError, type StorageErrorCode } from './errors.ts'
export {
  configurationDigest,
  decodeConfiguration,
  encodeConfiguration,
  type Configuration,
} from './keys/configuration.ts'
export type * from './ports.ts'
