/** What is written for Fabric's programs, from small samples in the form of Fabric's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { channelConfiguration } from './channel-configuration.ts'
import { nodePaths, pathsIn } from './folder.ts'
import { nodeUnits } from './msp.ts'
import { ordererConfiguration, peerConfiguration } from './node-configuration.ts'
import { createPlan, type OrganizationPlan } from './plan.ts'

const paths = pathsIn('/state')
const plan = await createPlan({
  folder: '',
  organizations: ['HospitalA', 'HospitalB'].map((name) => ({
    mspId: name as MspId,
    name,
    authority: undefined as never,
  })),
  basePort: 7_050,
  batchTimeoutMs: 50,
})
const [first] = plan.organizations as [OrganizationPlan]

const SAMPLE_PEER = `
# explains the section
peer:
    id: jdoe
    listenAddress: 0.0.0.0:7051
    address: 0.0.0.0:7051
    gossip:
        # where to begin
        bootstrap: 127.0.0.1:7051
        endpoint:
    tls:
        enabled:  false
        cert:
    profile:
        listenAddress: 0.0.0.0:6060
        enabled: false
chaincode:
    externalBuilders:
       - name: another
         path: /elsewhere
    logging:
operations:
    listenAddress: 127.0.0.1:9443
kept: as it is
`

/** All texts in a document, with the place where they are. */
function texts(value: unknown, place = ''): [string, string][] {
  if (typeof value === 'string') return [[place, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => texts(member, `${place}.${name}`))
}

test('a peer’s configuration is the sample with what must differ', () => {
  const text = peerConfiguration(SAMPLE_PEER, first, nodePaths('/state/nodes/peer0.hospitala'), '/state/builder')
  const { peer, chaincode, kept } = parse(text) as Record<string, Record<string, Record<string, unknown>>>
  assert.equal(kept, 'as it is')
  assert.equal(peer?.['id'], 'peer0.hospitala')
  assert.equal(peer['localMspId'], 'HospitalA')
  assert.equal(peer['tls']?.['enabled'], true)
  assert.deepEqual(peer['tls']['cert'], { file: '/state/nodes/peer0.hospitala/tls/server.crt' })
  assert.deepEqual(chaincode?.['externalBuilders'], [
    { name: 'trusthealth_ccaas', path: '/state/builder', propagateEnvironment: [] },
  ])
  assert.match(text, /# explains the section[^]*# where to begin/)
})

test('nothing of a peer listens beyond this machine', () => {
  const text = peerConfiguration(SAMPLE_PEER, first, nodePaths('/state/nodes/peer0.hospitala'), '/state/builder')
  const open = texts(parse(text)).filter(([, value]) => value.startsWith('0.0.0.0'))
  // The profiler of the sample is off, and stays as it is.
  assert.deepEqual(open, [['.peer.profile.listenAddress', '0.0.0.0:6060']])
})

test('an orderer asks administrators for certificates, and begins without a channel', () => {
  const orderer = plan.orderers[1]
  assert.ok(orderer)
  const text = ordererConfiguration('General:\n    TLS:\nAdmin:\n', orderer, nodePaths('/state/nodes/orderer2'))
  const { General, Admin, ChannelParticipation } = parse(text) as Record<string, Record<string, unknown>> & {
    Admin: { TLS: Record<string, unknown> }
  }
  assert.equal(General?.['ListenPort'], 7_053)
  assert.equal(General['BootstrapMethod'], 'none')
  assert.equal(Admin.TLS['ClientAuthRequired'], true)
  assert.deepEqual(ChannelParticipation, { Enabled: true })
})

test('what is no YAML is no sample', () => {
  const node = nodePaths('/state/nodes/peer0.hospitala')
  assert.throws(() => peerConfiguration('peer: [', first, node, ''), { code: 'NETWORK_BINARIES_MISSING' })
})

test('the channel wants a majority of the organisations’ peers for every write and every definition', () => {
  const { Profiles } = parse(channelConfiguration(plan, paths)) as { Profiles: Record<string, Record<string, unknown>> }
  const profile = Profiles['TrustHealth'] as {
    Application: { Policies: object; Organizations: { ID: string; Policies: object }[] }
    Orderer: { BatchTimeout: string; EtcdRaft: { Consenters: { Port: number }[] } }
  }
  const majority = { Type: 'ImplicitMeta', Rule: 'MAJORITY Endorsement' }
  assert.deepEqual(profile.Application.Policies, {
    Readers: { Type: 'ImplicitMeta', Rule: 'ANY Readers' },
    Writers: { Type: 'ImplicitMeta', Rule: 'ANY Writers' },
    Admins: { Type: 'ImplicitMeta', Rule: 'MAJORITY Admins' },
    LifecycleEndorsement: majority,
    Endorsement: majority,
  })
  assert.deepEqual(
    profile.Application.Organizations.map(({ ID }) => ID),
    ['HospitalA', 'HospitalB'],
  )
  assert.deepEqual(profile.Application.Organizations[0]?.Policies, {
    Readers: { Type: 'Signature', Rule: "OR('HospitalA.admin','HospitalA.peer','HospitalA.client')" },
    Writers: { Type: 'Signature', Rule: "OR('HospitalA.admin','HospitalA.client')" },
    Admins: { Type: 'Signature', Rule: "OR('HospitalA.admin')" },
    Endorsement: { Type: 'Signature', Rule: "OR('HospitalA.peer')" },
  })
  assert.equal(profile.Orderer.BatchTimeout, '50ms')
  assert.deepEqual(
    profile.Orderer.EtcdRaft.Consenters.map(({ Port }) => Port),
    [7_050, 7_053, 7_056],
  )
})

test('organisational units tell roles apart', () => {
  const { NodeOUs } = parse(nodeUnits()) as { NodeOUs: Record<string, unknown> }
  assert.equal(NodeOUs['Enable'], true)
  for (const [member, unit] of [
    ['ClientOUIdentifier', 'client'],
    ['PeerOUIdentifier', 'peer'],
    ['AdminOUIdentifier', 'admin'],
    ['OrdererOUIdentifier', 'orderer'],
  ] as const) {
    assert.deepEqual(NodeOUs[member], { OrganizationalUnitIdentifier: unit })
  }
})

test('with Byzantine ordering each orderer is known by its identity, too', async () => {
  const four = await createPlan({
    folder: '',
    organizations: [{ mspId: 'HospitalA' as MspId, name: 'HospitalA', authority: undefined as never }],
    ordering: 'bft',
  })
  const { Profiles } = parse(channelConfiguration(four, paths)) as { Profiles: Record<string, unknown> }
  const { Capabilities, Orderer } = Profiles['TrustHealth'] as {
    Capabilities: object
    Orderer: { OrdererType: string; ConsenterMapping: { ID: number; Identity: string }[]; EtcdRaft?: object }
  }
  assert.deepEqual(Capabilities, { V3_0: true })
  assert.deepEqual([Orderer.OrdererType, Orderer.EtcdRaft], ['BFT', undefined])
  assert.deepEqual(
    Orderer.ConsenterMapping.map(({ ID, Identity }) => [ID, Identity]),
    [1, 2, 3, 4].map((id) => [id, `/state/nodes/orderer${id}/msp/signcerts/cert.pem`]),
  )
})
