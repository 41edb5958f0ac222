/**
 * The one door between the normal world and the trusted application: docs/protocol/10-tee-abi.md.
 *
 * @module
 */
export * from './effects.ts'
export * from './errors.ts'
export * from './frames.ts'
export * from './messages.ts'
export { ABI_OPS, isAbiOp, isServed, MAX_ITEMS, MAX_QUERIES, REPLICATION_MODES, TA_STATES } from './ops.ts'
export type { AbiAnswer, AbiOpName, AbiRequest, CommittedItem, ReplicationMode, TaState } from './ops.ts'
