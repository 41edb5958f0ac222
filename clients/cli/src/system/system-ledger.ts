/**
 * What a system needs of the ledger that it has: which program runs it, what its configuration is, how a hospital joins.
 *
 * @module
 */
import type { Organization } from '../../../../hospital/src/index.ts'
import type { ChannelConfiguration } from '../../../../shared/ledger-model/src/index.ts'
import type { Consortium } from '../system-file.ts'
import type { Member } from './members.ts'
import type { Program } from './program-runner.ts'

/** What the consortium's public file says of its ledger. */
export type LedgerFacts = Pick<Consortium, 'nodes' | 'quorum' | 'fabric'>

export interface SystemLedger {
  /** For a consortium that is made now. */
  facts(members: readonly Member[]): LedgerFacts
  /** @param port gives the one to listen on, where one is needed. */
  program(consortium: Consortium, port: () => Promise<number>): Promise<Program>
  /** The configuration in force. */
  configuration(consortium: Consortium, location: string): Promise<ChannelConfiguration>
  /** Signed updates of the configuration, from a sequence on. */
  updates(location: string, from: number): Promise<Uint8Array[]>
  /** Lets in, in order, those who are not members yet; gives up when `signal` is aborted. @throws {CommandError} if it cannot. */
  join(
    consortium: Consortium,
    location: string,
    hospitals: readonly JoiningHospital[],
    signal?: AbortSignal,
  ): Promise<void>
}

export interface JoiningHospital {
  readonly name: string
  readonly organization: Organization
}
