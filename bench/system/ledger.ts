/**
 * The ledger of a system under measurement: the embedded one with one organisation, or a network of Fabric with a peer of
 * two, which needs Fabric's programs (docs/fabric.md).
 *
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openOrganization, type Organization } from '../../hospital/src/index.ts'
import { networkStatus } from '../../ledger/network/src/index.ts'
import { encodeHex, type Crypto } from '../../shared/crypto/src/index.ts'
import { encodeConfiguration, type ChannelConfiguration } from '../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'

export type LedgerKind = 'embedded' | 'fabric'

export interface BenchLedger {
  readonly configuration: ChannelConfiguration
  readonly script: string
  readonly args: readonly string[]
  /** Where its data is. */
  readonly folder: string
  /** Process ids by part, while it runs. */
  pids(program: number): Promise<Readonly<Record<string, readonly number[]>>>
}

const CHAINCODE = 'trusthealth'

/** Makes what it needs in `folder`; `organization` has its keys in the folder `hospital` there. */
export async function createLedger(
  kind: LedgerKind,
  crypto: Crypto,
  folder: string,
  channel: string,
  organization: Organization,
): Promise<BenchLedger> {
  const { mspId, authority } = organization
  const own = { mspId, roots: [authority.root] }
  if (kind === 'embedded') {
    const nodeKey = crypto.generateSigningKey()
    const nodes = [{ mspId, publicKey: nodeKey.publicKey }]
    const configuration = { channel, sequence: 0, organizations: [own], nodes, quorum: 1 }
    const [key, genesis, data] = ['node.key', 'genesis.cbor', 'ledger'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(key, encodeHex(crypto.exportSigningKey(nodeKey)), { mode: 0o600 })
    writeFileSync(genesis, encodeConfiguration(configuration))
    return {
      configuration,
      script: 'ledger/embedded/src/main.ts',
      args: [data, '--node-key', key, '--genesis', genesis],
      folder: data,
      pids: (program) => Promise.resolve({ ledger: [program] }),
    }
  }
  const otherKeys = join(folder, 'other')
  const other = await openOrganization(otherKeys, { crypto, mspId: 'HospitalB' as MspId, nowMs: Date.now })
  const organizations = [own, { mspId: other.mspId, roots: [other.authority.root] }]
  const network = join(folder, 'fabric')
  const config = join(folder, 'serve.json')
  const members = [
    { mspId, name: 'Hospital A', folder: join(folder, 'hospital') },
    { mspId: other.mspId, name: 'Hospital B', folder: otherKeys },
  ]
  const serve = { v: 1, folder: network, channel, chaincode: CHAINCODE, organizations: members }
  writeFileSync(config, JSON.stringify(serve), { mode: 0o600 })
  return {
    configuration: { channel, sequence: 0, organizations, nodes: [], quorum: 2, fabric: { chaincode: CHAINCODE } },
    script: 'ledger/network/src/serve.ts',
    args: ['--config', config],
    folder: network,
    async pids() {
      const nodes = existsSync(network) ? ((await networkStatus(network))?.nodes ?? []) : []
      const of = (role: string) => nodes.filter((node) => node.kind === role).map(({ pid }) => pid)
      return { orderers: of('orderer'), peers: of('peer'), chaincode: of('chaincode') }
    },
  }
}
