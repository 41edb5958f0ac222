/**
 * The embedded ledger: a whole ledger in one process, with the same contract that runs on Hyperledger Fabric.
 *
 * @module
 */
export { LedgerNode, type LedgerNodeOptions, type LedgerNodeStatus } from './ledger-node.ts'
export { createLocalLedger, type LocalLedgerOptions } from './local-ledger.ts'
export { type EmbeddedLedger, type EmbeddedLedgerOptions, startEmbeddedLedger } from './start.ts'
export { DATABASE_FILE } from './store.ts'
export { type BlockSource, verifyLedger, type VerifyOptions, type VerifyReport } from './verify-ledger.ts'
