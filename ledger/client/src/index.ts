/**
 * Clients of the shared ledger: the port, its adapters for the embedded ledger and for Hyperledger Fabric, and the index of commitments.
 *
 * @module
 */
export * from './commitment-index.ts'
export { createEmbeddedLedgerClient, type EmbeddedLedgerClientOptions } from './embedded/client.ts'
export { createFabricLedgerClient, type FabricLedgerClientOptions } from './fabric/client.ts'
export { fabricTransactionsOf, type FabricTransaction } from './fabric/envelopes.ts'
export * from './fabric/profile.ts'
export { fabricTrustShape, formatFabricTrust } from './fabric/trust.ts'
export { verifyFabricChain, type FabricChainReport, type VerifyFabricOptions } from './fabric/verify-chain.ts'
export type * from './indexed-commitment.ts'
export { isFabric, ledgerLocationShape, openLedger, type OpenLedgerOptions } from './open-ledger.ts'
export type * from './port.ts'
export * from './submit-call.ts'
