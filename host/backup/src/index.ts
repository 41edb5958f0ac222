/**
 * Copies of the record server's store: taken online, incremental, encrypted, proven against the ledger, put back.
 *
 * @module
 */
export { proveSnapshot, type ProofParts, type Proven } from './prove.ts'
export { Repository, type Backup } from './repository.ts'
export { restoreSnapshot } from './restore.ts'
export { takeSnapshot, type Taken } from './snapshot.ts'
