/**
 * What a caller says of a network, and what runs.
 *
 * @module
 */
import type { MspId } from '../../../shared/protocol/src/index.ts'
import type { CertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import type { FabricProfile } from '../../client/src/fabric/profile.ts'

export interface NetworkOrganization {
  readonly mspId: MspId
  readonly name: string
  /** Issues the certificates of the organisation's peer and of the administrator who joins and approves. */
  readonly authority: CertificateAuthority
}

export interface NetworkOptions {
  /** Made if it does not exist. One program at a time makes or starts it. */
  readonly folder: string
  /** Peers and one chaincode process each. At every start the same, in their order; others after them join then. */
  readonly organizations: readonly NetworkOrganization[]
  /** Default `health`. */
  readonly channel?: string
  /** Default `trusthealth`. */
  readonly chaincode?: string
  /**
   * `raft`, the default: orderers may stop. `bft`: they may also lie, and Fabric 3 is needed. Part of the channel's first
   * block, so the same at every start.
   */
  readonly ordering?: Ordering
  /** With Raft (n − 1) / 2 of them may be down, with BFT (n − 1) / 3 down or lying. Default 3, with BFT 4, its least. */
  readonly orderers?: number
  /** Of each organisation; all run the contract through its one process. 1 to 8, default 1. */
  readonly peers?: number
  /** Where an orderer runs, by its number from 1. Default: all on loopback, where everything else runs. First start only. */
  readonly ordererPlace?: (number: number) => Place
  /** First of consecutive ports on loopback; 0, the default: any free ones, which are then kept. */
  readonly basePort?: number
  /** How long an orderer waits for more transactions before it closes a block. Default 50. */
  readonly batchTimeoutMs?: number
  /** Told one line for each step. */
  readonly onProgress?: (line: string) => void
  /** Folder with Fabric's programs; default: see `findBinaries`. */
  readonly bin?: string
}

/** Elsewhere on this machine: a network namespace with an address of its own, which everything here reaches. */
export interface Place {
  /** IPv4. */
  readonly host: string
  /** What its program is started with: `['ip', 'netns', 'exec', NAME]`. */
  readonly within: readonly string[]
}

export type Ordering = 'raft' | 'bft'

export type NodeKind = 'orderer' | 'peer' | 'chaincode'

/** One process of the network. */
export interface NetworkNode {
  /** `orderer1`, `peer0.hospitala`, `chaincode.hospitala`. */
  readonly name: string
  readonly kind: NodeKind
  readonly mspId: string
  /** `host:port` */
  readonly endpoint: string
  /** Of the process that runs now; 0 if none does. */
  readonly pid: number
  /** Ends the process and returns when it is gone. Default SIGKILL: as when the machine fails. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on its data, and returns when it answers. */
  start(): Promise<void>
}

export interface Network {
  readonly profile: FabricProfile
  readonly nodes: readonly NetworkNode[]
  /**
   * Revokes certificates of an organisation: on the ledger, where record servers and other readers look, for ever; and on
   * the revocation list of its MSP, so that peers and orderers refuse them themselves.
   * @param serials hex; all that are to be on the MSP's list from now on, earlier ones too.
   * @param list PEM, as an authority made it that is not this product's (`fabric-ca-client gencrl`); default: made here.
   */
  revokeCertificates(mspId: MspId, serials: readonly string[], list?: string): Promise<void>
  /** The orderer that leads now; waits for an election that is under way. */
  leader(): Promise<NetworkNode>
  /** Ends all processes of the folder, in order. Data stays. */
  stop(): Promise<void>
}
