/**
 * The cryptography that every world imports: the port, byte helpers and the constructions on them. The two
 * implementations of the port have paths of their own and are chosen at a composition root, so that a bundle holds
 * only the one it uses: node-crypto.ts (Node) and portable-crypto.ts (browsers and other engines).
 *
 * @module
 */
export * from './bytes.ts'
export * from './ecdsa-der.ts'
export * from './errors.ts'
export { HPKE_OVERHEAD_BYTES, hpkeOpen, hpkeSeal } from './hpke.ts'
export * from './label.ts'
export * from './pem.ts'
export type * from './port.ts'
export * from './rsa-pss.ts'
export * from './shamir.ts'
export * from './sizes.ts'
export * from './spki.ts'
export * from './x509-chain.ts'
export * from './x509.ts'
