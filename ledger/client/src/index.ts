/**
 * Clients of the shared ledger: the port, its adapter for the embedded ledger, and the index of commitments. What needs
 * Fabric's own packages is in `fabric/index.ts`.
 *
 * @module
 */
export * from './commitment-index.ts'
export { createEmbeddedLedgerClient, type EmbeddedLedgerClientOptions } from './embedded/client.ts'
export * from './fabric/profile.ts'
export { fabricTrustShape, formatFabricTrust } from './fabric/trust.ts'
export type * from './indexed-commitment.ts'
export { isFabric, ledgerLocationShape, openLedger, type OpenLedgerOptions } from './open-ledger.ts'
export type * from './port.ts'
export * from './submit-call.ts'
