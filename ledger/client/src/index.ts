/**
 * Clients of the shared ledger: the port, its adapter for the embedded ledger, and the index of commitments.
 *
 * @module
 */
export * from './commitment-index.ts'
export { createEmbeddedLedgerClient, type EmbeddedLedgerClientOptions } from './embedded/client.ts'
export * from './fabric/profile.ts'
export type * from './indexed-commitment.ts'
export type * from './port.ts'
export * from './submit-call.ts'
