/**
 * `configtx.yaml`, from which configtxgen makes the channel's first block: orderers (Raft or BFT), the organisations, the policies
 * and the sizes of blocks. docs/fabric.md gives the reasons for each setting.
 *
 * @module
 */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type FolderPaths, nodePaths } from './folder.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, type Plan } from './plan.ts'

export const PROFILE = 'TrustHealth'

const implicit = (rule: string) => ({ Type: 'ImplicitMeta', Rule: rule })
const signature = (rule: string) => ({ Type: 'Signature', Rule: rule })
const anyOf = (mspId: string, ...roles: readonly string[]) =>
  signature(`OR(${roles.map((role) => `'${mspId}.${role}'`).join(',')})`)

const CHANNEL_POLICIES = {
  Readers: implicit('ANY Readers'),
  Writers: implicit('ANY Writers'),
  Admins: implicit('MAJORITY Admins'),
}

export function channelConfiguration(plan: Plan, paths: FolderPaths): string {
  return stringify({
    Profiles: {
      [PROFILE]: {
        Policies: CHANNEL_POLICIES,
        Capabilities: plan.ordering === 'bft' ? { V3_0: true } : { V2_0: true },
        Orderer: orderer(plan, paths),
        Application: {
          Organizations: plan.organizations.map((organization) => member(organization, paths)),
          Policies: {
            ...CHANNEL_POLICIES,
            LifecycleEndorsement: implicit('MAJORITY Endorsement'),
            Endorsement: implicit('MAJORITY Endorsement'),
          },
          Capabilities: { V2_5: true },
        },
      },
    },
  })
}

function orderer(plan: Plan, paths: FolderPaths) {
  return {
    // A lone transaction waits this long; the default of 2 s is most of what a write would take.
    BatchTimeout: `${plan.batchTimeoutMs}ms`,
    BatchSize: {
      MaxMessageCount: 500,
      // One batch of 1,000 commitments is about 1 MB: argument and written value.
      AbsoluteMaxBytes: '10 MB',
      PreferredMaxBytes: '4 MB',
    },
    ...(plan.ordering === 'bft' ? bft(plan, paths) : raft(plan, paths)),
    Organizations: [
      {
        Name: ORDERER_MSP,
        ID: ORDERER_MSP,
        MSPDir: join(paths.organization(ORDERER_MSP), 'msp'),
        OrdererEndpoints: plan.orderers.map((one) => `${hostOf(one)}:${one.port}`),
        Policies: {
          Readers: anyOf(ORDERER_MSP, 'member'),
          Writers: anyOf(ORDERER_MSP, 'member'),
          Admins: anyOf(ORDERER_MSP, 'admin'),
        },
      },
    ],
    Policies: { ...CHANNEL_POLICIES, BlockValidation: implicit('ANY Writers') },
    Capabilities: { V2_0: true },
  }
}

function raft(plan: Plan, paths: FolderPaths) {
  return {
    OrdererType: 'etcdraft',
    EtcdRaft: {
      Consenters: plan.orderers.map((one) => {
        const { tlsCertificate } = nodePaths(paths.node(one.name))
        return { Host: hostOf(one), Port: one.port, ClientTLSCert: tlsCertificate, ServerTLSCert: tlsCertificate }
      }),
      // An election after 1 s without a heartbeat; the default of 500 ms ticks makes it 5 s and more.
      Options: {
        TickInterval: '100ms',
        ElectionTick: 10,
        HeartbeatTick: 1,
        MaxInflightBlocks: 5,
        SnapshotIntervalSize: '64 MB',
      },
    },
  }
}

/** Orderers that lie are outvoted; each is known by its identity as well. Waiting times: the leader is suspected early. */
function bft(plan: Plan, paths: FolderPaths) {
  return {
    OrdererType: 'BFT',
    ConsenterMapping: plan.orderers.map((one, index) => {
      const { tlsCertificate, msp } = nodePaths(paths.node(one.name))
      return {
        ID: index + 1,
        Host: hostOf(one),
        Port: one.port,
        MSPID: ORDERER_MSP,
        Identity: join(msp, 'signcerts/cert.pem'),
        ClientTLSCert: tlsCertificate,
        ServerTLSCert: tlsCertificate,
      }
    }),
    SmartBFT: {
      RequestBatchMaxInterval: `${plan.batchTimeoutMs}ms`,
      RequestForwardTimeout: '1s',
      RequestComplainTimeout: '3s',
      RequestAutoRemoveTimeout: '1m',
      ViewChangeResendInterval: '1s',
      ViewChangeTimeout: '5s',
      LeaderHeartbeatTimeout: '3s',
      LeaderHeartbeatCount: 10,
      CollectTimeout: '1s',
      IncomingMessageBufferSize: 200,
      RequestPoolSize: 100_000,
    },
  }
}

function member({ mspId, peer }: Plan['organizations'][number], paths: FolderPaths) {
  return {
    Name: mspId,
    ID: mspId,
    MSPDir: join(paths.organization(mspId), 'msp'),
    AnchorPeers: [{ Host: LOOPBACK, Port: peer.port }],
    Policies: {
      Readers: anyOf(mspId, 'admin', 'peer', 'client'),
      Writers: anyOf(mspId, 'admin', 'client'),
      Admins: anyOf(mspId, 'admin'),
      Endorsement: anyOf(mspId, 'peer'),
    },
  }
}
