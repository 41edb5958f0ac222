/**
 * Fabric networks for tests: of a consortium's organisations, in a new folder, with a client. Fabric's programs must be
 * installed (docs/fabric.md); a network takes seconds to start and is ended by `close`.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { type ChannelConfiguration, majorityQuorum } from '../../shared/ledger-model/src/index.ts'
import { createFabricLedgerClient, type FabricLedgerClientOptions } from '../../ledger/client/src/fabric/index.ts'
import type { FabricProfile } from '../../ledger/client/src/index.ts'
import type { Ledger } from '../../ledger/client/src/port.ts'
import { type Network, type NetworkOptions, startNetwork } from '../../ledger/network/src/index.ts'
import type { Consortium } from './consortium.ts'

const crypto = createNodeCrypto()

export interface TestNetwork {
  readonly network: Network
  /** Whom readers of this channel believe. */
  readonly configuration: ChannelConfiguration
  /** A client of the first organisation's administrator, closed with the network. @param profile other than the network's. */
  connect(options?: Partial<FabricLedgerClientOptions>, profile?: FabricProfile): Ledger
  close(): Promise<void>
}

export async function startTestNetwork(
  { channel, organizations, genesis }: Consortium,
  options: Partial<NetworkOptions> = {},
): Promise<TestNetwork> {
  const [first] = organizations
  if (first === undefined) throw new RangeError('a consortium has an organisation')
  const folder = mkdtempSync(join(tmpdir(), 'fabric-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const network = await startNetwork({ folder, channel, organizations, ...options }).catch((error: unknown) => {
    remove()
    throw error
  })
  const clients: Ledger[] = []
  return {
    network,
    configuration: fabricConfigurationOf(genesis, network.profile.chaincode),
    connect(changes = {}, profile = network.profile) {
      const client = createFabricLedgerClient(profile, { crypto, identity: first.admin, ...changes })
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) await client.close()
      await network.stop()
      remove()
    },
  }
}

/** The same organisations on a channel of Fabric. */
export function fabricConfigurationOf(genesis: ChannelConfiguration, chaincode: string): ChannelConfiguration {
  return { ...genesis, nodes: [], quorum: majorityQuorum(genesis.organizations), fabric: { chaincode } }
}
