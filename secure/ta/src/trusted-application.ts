/**
 * What is measured: the trusted application without a platform. Its one file has no imports and runs on any engine with
 * ES2023; a host of a platform (main.ts in a process, secure/adapters/optee in TrustZone) makes the ports, hands them over
 * and carries frames. A host takes everything it shares with the application from this file's exports, so that there is
 * one text codec and one class of each error.
 *
 * @module
 */
export { createTrustedApplication } from '../../core/src/application.ts'
export { SMALL_LIMITS } from '../../core/src/limits.ts'
export { StorageError } from '../../core/src/errors.ts'
export { concat, decodeHex, encodeHex, encodeUtf8, newBytes, useTextCodec } from '../../../shared/crypto/src/bytes.ts'
export { deriveKeys, deriveSigningKey, expandWith } from '../../../shared/crypto/src/derived-keys.ts'
export { signatureFromDer, signatureToDer } from '../../../shared/crypto/src/ecdsa-der.ts'
export { decryptionFailed } from '../../../shared/crypto/src/errors.ts'
export { label } from '../../../shared/crypto/src/label.ts'
export * from '../../../shared/crypto/src/sizes.ts'
export { issueEvidence, issueOpteeEvidence, SECURITY_VERSION } from '../../../shared/protocol/src/evidence.ts'
export { FrameReader } from '../../../shared/tee-abi/src/frames.ts'

/** Identity under which a device derives this application's keys; never changes. */
export const TA_ID = 'trusthealth-ta'
