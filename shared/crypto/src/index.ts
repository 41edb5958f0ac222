/**
 * The pure part of the cryptography: the port, byte helpers and the constructions on them. The implementation on
 * node:crypto is not here but in node-crypto.ts, so that bundles for browsers and for other engines never see it.
 *
 * @module
 */
export * from './bytes.ts'
export * from './ecdsa-der.ts'
export * from './errors.ts'
export * from './label.ts'
export * from './pem.ts'
export type * from './port.ts'
export * from './sizes.ts'
export * from './spki.ts'
export * from './x509-chain.ts'
export * from './x509.ts'
