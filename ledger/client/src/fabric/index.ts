/**
 * The ledger's adapter for Hyperledger Fabric, and what reads Fabric's blocks. Apart from the rest, because Fabric's
 * packages take longer to load than all other parts of a program that may never meet a Fabric network.
 *
 * @module
 */
export { createFabricLedgerClient, type FabricLedgerClientOptions } from './client.ts'
export { fabricTransactionsOf } from './envelopes.ts'
export { verifyFabricChain } from './verify-chain.ts'
