/**
 * What the ledger, its clients and the trusted application share: proposals, queries, blocks, configuration, state keys,
 * arguments and results of contract functions, and the verification of endorsed reads.
 * Pure: no I/O, no clock. Spec: docs/protocol/07-ledger.md.
 *
 * @module
 */
export * from './anchor-statement.ts'
export * from './key-handover.ts'
export * from './block.ts'
export * from './chain-verifier.ts'
export * from './configuration.ts'
export { refuseAs } from './decode.ts'
export * from './endorsed-read.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './fabric/endorsed.ts'
export * from './fabric/proposal.ts'
export * from './fabric/reads.ts'
export * from './fabric/wire.ts'
export * from './functions.ts'
export * from './limits.ts'
export * from './marks.ts'
export * from './member.ts'
export { MemberCache } from './member-cache.ts'
export * from './model.ts'
export * from './places.ts'
export * from './proposal.ts'
export * from './query.ts'
export * from './read-status.ts'
export * from './state-keys.ts'
export * from './transaction.ts'
