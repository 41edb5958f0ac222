/**
 * A Fabric network on this machine, for development, tests and demonstrations: Raft orderers, a peer and a chaincode
 * process per organisation, one channel with the contract on it. Guide: docs/fabric.md.
 *
 * @module
 */
export { type Binaries, FABRIC_VERSION, findBinaries } from './binaries.ts'
export { ensureBinaries } from './build-programs.ts'
export * from './errors.ts'
export { nodePaths, pathsIn } from './folder.ts'
export { startNetwork, stopNetwork } from './network.ts'
export * from './options.ts'
export { type Outcome, readOutcome } from './outcome.ts'
export { networkStatus, type NetworkStatus, type NodeStatus } from './status.ts'
export { openTlsAuthority, type TlsAuthority, type TlsPair } from './tls-authority.ts'
