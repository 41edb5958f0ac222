/**
 * Changes of a running channel: an organisation's revocation list, and an organisation more. A change is signed by the
 * administrators whom the channel's policies ask for, ordered like a transaction, and counts when it is in a block.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { common, msp, peer } from '@hyperledger/fabric-protos'
import { decodeBase64url, decodePem, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { asAdmin, type ChannelContext, invoke, toOrderer } from './channel.ts'
import { type Administrator, computeUpdate, signUpdate } from './configuration-update.ts'
import { NetworkError } from './errors.ts'
import { blockHeight, waitUntil } from './health.ts'
import { LOOPBACK, peersOf } from './plan.ts'
import type { Member } from './setup.ts'

const crypto = createNodeCrypto()
const APPLICATION = 'Application'
const REASON = 'revocation-list'

/**
 * Puts certificates on the list of an organisation's MSP, signed by its own administrator. Returns when every peer has the
 * change.
 * @param list PEM, of the organisation's authority: all that are to count as revoked from now on, earlier ones too.
 * @throws {NetworkError} `NETWORK_OPTIONS_REJECTED` for an organisation that is none, `NETWORK_TOOL_FAILED`
 */
export async function changeRevocationList(context: ChannelContext, mspId: MspId, list: string): Promise<void> {
  const member = memberOf(context, mspId)
  await changeChannel(context, [member], (config) => {
    const group = applicationOf(config).getGroupsMap().get(mspId)
    if (group === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', `${mspId} is not on the channel`)
    changeMsp(group, (definition) => definition.setRevocationListList([encodeUtf8(list)]))
  })
}

/**
 * Lists certificates in the contract, too, which readers of the ledger ask: those who never call a peer themselves, like a
 * record server, hear of no list of an MSP. An entry of that list stays.
 * @throws {NetworkError} `NETWORK_OPTIONS_REJECTED` for an organisation that is none, `NETWORK_TOOL_FAILED`
 */
export async function listOnLedger(context: ChannelContext, mspId: MspId, serials: readonly string[]): Promise<void> {
  const member = memberOf(context, mspId)
  for (const serial of serials) await invoke(context, member, ['revokeCertificate', serial, REASON])
}

/** Whether the channel has this organisation. */
export async function isOnChannel(context: ChannelContext, mspId: MspId): Promise<boolean> {
  const [first] = context.members
  if (first === undefined) return false
  const config = await readConfiguration(context, first)
  return applicationOf(config).getGroupsMap().get(mspId) !== undefined
}

/**
 * Adds an organisation like those that are there, with its own roots and peer; signed by the administrators of all members.
 * A majority would do.
 */
export async function addToChannel(
  context: ChannelContext,
  { plan, tlsRootPem }: Member,
  rootPem: string,
): Promise<void> {
  await changeChannel(context, context.members, (config) => {
    const groups = applicationOf(config).getGroupsMap()
    const [example] = context.members
    const like = example === undefined ? undefined : groups.get(example.plan.mspId)
    if (like === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'the channel has no organisation')
    const group = common.ConfigGroup.deserializeBinary(like.serializeBinary())
    changeMsp(group, (definition) => {
      definition.setName(plan.mspId)
      definition.setRootCertsList([encodeUtf8(rootPem)])
      definition.setTlsRootCertsList([encodeUtf8(tlsRootPem)])
      definition.setRevocationListList([])
    })
    const anchor = new peer.AnchorPeer()
    anchor.setHost(LOOPBACK)
    anchor.setPort(plan.peer.port)
    const anchors = new peer.AnchorPeers()
    anchors.addAnchorPeers(anchor)
    group.getValuesMap().get('AnchorPeers')?.setValue(anchors.serializeBinary())
    group.getPoliciesMap().forEach((policy: common.ConfigPolicy) => renamePrincipals(policy, plan.mspId))
    groups.set(plan.mspId, group)
  })
}

async function changeChannel(
  context: ChannelContext,
  signers: readonly Member[],
  change: (config: common.Config) => void,
): Promise<void> {
  const { plan, paths } = context
  const [submitter, ...others] = signers
  if (submitter === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'nobody signs')
  const now = await readConfiguration(context, submitter)
  const wanted = common.Config.deserializeBinary(now.serializeBinary())
  change(wanted)
  const update = computeUpdate(plan.channel, now, wanted)
  if (update === undefined) return
  const administrators = others.map(({ plan: { mspId } }) =>
    administratorIn(mspId, join(paths.organization(mspId), 'admin/msp')),
  )
  await withFile('update.pb', async (file) => {
    writeFileSync(file, signUpdate(crypto, plan.channel, update, administrators), { mode: 0o600 })
    const args = ['channel', 'update', `--channelID=${plan.channel}`, `--file=${file}`, ...toOrderer(context)]
    await asAdmin(context, submitter, args)
  })
  await everyPeerHas(context, now.getSequence() + 1)
}

/** The newest one that the orderers have. */
async function readConfiguration(context: ChannelContext, member: Member): Promise<common.Config> {
  return (await newestConfiguration(context, member)).config
}

async function newestConfiguration(context: ChannelContext, member: Member) {
  return await withFile('config.block', async (file) => {
    await asAdmin(context, member, [
      'channel',
      'fetch',
      'config',
      file,
      `--channelID=${context.plan.channel}`,
      ...toOrderer(context),
    ])
    const block = common.Block.deserializeBinary(new Uint8Array(readFileSync(file)))
    const [envelope = new Uint8Array(0)] = block.getData()?.getDataList_asU8() ?? []
    const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(envelope).getPayload_asU8())
    const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig()
    if (config === undefined) throw new NetworkError('NETWORK_TOOL_FAILED', 'peer channel fetch gave no configuration')
    return { config, number: block.getHeader()?.getNumber() ?? 0 }
  })
}

/** An update is acknowledged when it is ordered: it counts for a peer that has its block. */
async function everyPeerHas(context: ChannelContext, sequence: number): Promise<void> {
  const { plan, members } = context
  const [member] = members
  if (member === undefined) return
  let block = 0
  await waitUntil('the configuration', async () => {
    const newest = await newestConfiguration(context, member)
    block = newest.number
    return newest.config.getSequence() >= sequence
  })
  for (const { plan: organization } of members) {
    for (const { operationsPort, name } of peersOf(organization)) {
      await waitUntil(
        `the configuration at ${name}`,
        async () => ((await blockHeight(operationsPort, plan.channel)) ?? 0) > block,
      )
    }
  }
}

function memberOf({ members }: ChannelContext, mspId: MspId): Member {
  const member = members.find(({ plan }) => plan.mspId === mspId)
  if (member === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', `${mspId} is not of this network`)
  return member
}

function applicationOf(config: common.Config): common.ConfigGroup {
  const group = config.getChannelGroup()?.getGroupsMap().get(APPLICATION)
  if (group === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'the channel has no organisations')
  return group
}

function changeMsp(group: common.ConfigGroup, change: (definition: msp.FabricMSPConfig) => void): void {
  const value = group.getValuesMap().get('MSP')
  const wrapped = msp.MSPConfig.deserializeBinary(value?.getValue_asU8() ?? new Uint8Array(0))
  const definition = msp.FabricMSPConfig.deserializeBinary(wrapped.getConfig_asU8())
  change(definition)
  wrapped.setConfig(definition.serializeBinary())
  value?.setValue(wrapped.serializeBinary())
}

/** The same rules, for another organisation's members. */
function renamePrincipals(policy: common.ConfigPolicy, mspId: MspId): void {
  const rule = policy.getPolicy()
  const envelope = common.SignaturePolicyEnvelope.deserializeBinary(rule?.getValue_asU8() ?? new Uint8Array(0))
  for (const principal of envelope.getIdentitiesList()) {
    const role = msp.MSPRole.deserializeBinary(principal.getPrincipal_asU8())
    role.setMspIdentifier(mspId)
    principal.setPrincipal(role.serializeBinary())
  }
  rule?.setValue(envelope.serializeBinary())
}

function administratorIn(mspId: MspId, folder: string): Administrator {
  const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', readFileSync(join(folder, 'signcerts/cert.pem'), 'utf8'))
  const key = createPrivateKey(readFileSync(join(folder, 'keystore/key.pem'))).export({ format: 'jwk' })
  return { mspId, cert, signingKey: crypto.importSigningKey(decodeBase64url(key.d ?? '')) }
}

async function withFile<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'channel-'))
  try {
    return await use(join(folder, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
