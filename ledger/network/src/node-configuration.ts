/**
 * `orderer.yaml` and `core.yaml` of a node: the sample that came with Fabric's programs, with only what must differ. So
 * each version keeps its own settings and explanations.
 *
 * @module
 */
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { NetworkError } from './errors.ts'
import type { NodePaths } from './folder.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, type OrdererPlan, type OrganizationPlan, type PeerPlan } from './plan.ts'

type Change = readonly [path: string, value: string | number | boolean | readonly unknown[]]

const REQUESTS_AT_ONCE = 5_000

export function ordererConfiguration(sample: string, orderer: OrdererPlan, node: NodePaths) {
  const { port, adminPort, operationsPort } = orderer
  const host = hostOf(orderer)
  return changed(sample, 'orderer.yaml', [
    ['General.ListenAddress', host],
    ['General.ListenPort', port],
    ['General.LocalMSPID', ORDERER_MSP],
    ['General.LocalMSPDir', node.msp],
    ['General.BootstrapMethod', 'none'],
    ['ChannelParticipation.Enabled', true],
    ['General.TLS.Enabled', true],
    ['General.TLS.Certificate', node.tlsCertificate],
    ['General.TLS.PrivateKey', node.tlsKey],
    ['General.TLS.RootCAs', [node.tlsRoot]],
    ['General.Cluster.ClientCertificate', node.tlsCertificate],
    ['General.Cluster.ClientPrivateKey', node.tlsKey],
    ['General.Cluster.RootCAs', [node.tlsRoot]],
    // A leader that is gone without a goodbye is noticed sooner than after the default of 7 s.
    ['General.Cluster.RPCTimeout', '1s'],
    // Peers may ask more often whether the connection lives.
    ['General.Keepalive.ServerMinInterval', '5s'],
    ['Admin.ListenAddress', `${host}:${adminPort}`],
    ['Admin.TLS.Enabled', true],
    ['Admin.TLS.Certificate', node.tlsCertificate],
    ['Admin.TLS.PrivateKey', node.tlsKey],
    ['Admin.TLS.ClientAuthRequired', true],
    ['Admin.TLS.ClientRootCAs', [node.tlsRoot]],
    ['Operations.ListenAddress', `${host}:${operationsPort}`],
    ['Metrics.Provider', 'prometheus'],
    ['FileLedger.Location', join(node.data, 'ledger')],
    ['Consensus.WALDir', join(node.data, 'wal')],
    ['Consensus.SnapDir', join(node.data, 'snapshots')],
  ])
}

/** @param peer which of the organisation's; default: the first. */
export function peerConfiguration(
  sample: string,
  { mspId, peer: first }: OrganizationPlan,
  node: NodePaths,
  builder: string,
  peer: PeerPlan = first,
) {
  const address = `${LOOPBACK}:${peer.port}`
  return changed(sample, 'core.yaml', [
    ['peer.id', peer.name],
    ['peer.networkId', 'trusthealth'],
    ['peer.localMspId', mspId],
    ['peer.mspConfigPath', node.msp],
    ['peer.fileSystemPath', node.data],
    ['peer.listenAddress', address],
    ['peer.address', address],
    ['peer.chaincodeListenAddress', `${LOOPBACK}:${peer.chaincodePort}`],
    ['peer.chaincodeAddress', `${LOOPBACK}:${peer.chaincodePort}`],
    ['peer.tls.enabled', true],
    ['peer.tls.cert.file', node.tlsCertificate],
    ['peer.tls.key.file', node.tlsKey],
    ['peer.tls.rootcert.file', node.tlsRoot],
    ['peer.gossip.bootstrap', `${LOOPBACK}:${first.port}`],
    ['peer.gossip.endpoint', address],
    ['peer.gossip.externalEndpoint', address],
    ['peer.gossip.useLeaderElection', false],
    ['peer.gossip.orgLeader', true],
    // Peers of other organisations are known after seconds, not after half a minute.
    ['peer.gossip.reconnectInterval', '1s'],
    ['peer.gossip.aliveTimeInterval', '1s'],
    ['peer.gossip.publishStateInfoInterval', '1s'],
    ['peer.gossip.requestStateInfoInterval', '1s'],
    ['peer.gossip.membershipTrackerInterval', '1s'],
    // The next orderer is tried soon, and never after a long pause.
    ['peer.deliveryclient.connTimeout', '500ms'],
    ['peer.deliveryclient.reConnectBackoffThreshold', '2s'],
    ['peer.gateway.endorsementTimeout', '10s'],
    ['peer.gateway.broadcastTimeout', '3s'],
    ['peer.gateway.dialTimeout', '3s'],
    // Clients may ask more often whether the connection lives.
    ['peer.keepalive.minInterval', '10s'],
    // An orderer, or a peer, that is cut off without a goodbye is left after 12 s, not after 80 s.
    ['peer.keepalive.deliveryClient.interval', '10s'],
    ['peer.keepalive.deliveryClient.timeout', '2s'],
    ['peer.keepalive.client.interval', '10s'],
    ['peer.keepalive.client.timeout', '2s'],
    ['peer.limits.concurrency.gatewayService', REQUESTS_AT_ONCE],
    ['peer.limits.concurrency.endorserService', REQUESTS_AT_ONCE],
    ['peer.limits.concurrency.deliverService', REQUESTS_AT_ONCE],
    // Chaincode is a service of its own: the peer needs no Docker.
    ['vm.endpoint', ''],
    ['chaincode.externalBuilders', [{ name: 'trusthealth_ccaas', path: builder, propagateEnvironment: [] }]],
    ['chaincode.logging.level', 'warning'],
    ['ledger.snapshots.rootDir', join(node.data, 'snapshots')],
    ['operations.listenAddress', `${LOOPBACK}:${peer.operationsPort}`],
    ['metrics.provider', 'prometheus'],
  ])
}

/** @throws {NetworkError} `NETWORK_BINARIES_MISSING` if the sample is none. */
function changed(sample: string, name: string, changes: readonly Change[]): string {
  const document = parseDocument(sample)
  if (document.errors.length > 0) {
    throw new NetworkError('NETWORK_BINARIES_MISSING', `the sample of ${name} is not YAML`)
  }
  for (const [path, value] of changes) {
    const keys = path.split('.')
    // A sample may have a section without members, which is null.
    for (let depth = 1; depth < keys.length; depth++) {
      const section = keys.slice(0, depth)
      if (document.getIn(section) === null) document.setIn(section, document.createNode({}))
    }
    document.setIn(keys, document.createNode(value))
  }
  return document.toString({ lineWidth: 0 })
}
