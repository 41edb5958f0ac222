/**
 * From running nodes to a channel with the contract on it: first block, orderers and peers join, each organisation
 * installs and approves the chaincode, one of them commits its definition.
 *
 * @module
 */
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { PROFILE } from './channel-configuration.ts'
import { NetworkError } from './errors.ts'
import { type FolderPaths, nodePaths } from './folder.ts'
import { blockHeight, waitUntil } from './health.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, type PeerPlan, peersOf, type Plan } from './plan.ts'
import type { Member } from './setup.ts'
import { runTool } from './tools.ts'

export interface ChannelContext {
  readonly plan: Plan
  readonly paths: FolderPaths
  readonly binaries: Binaries
  readonly members: readonly Member[]
}

const CHAINCODE = ['lifecycle', 'chaincode'] as const

export const firstBlock = ({ paths }: ChannelContext) => join(paths.channel, 'first.block')

export async function makeFirstBlock(context: ChannelContext): Promise<void> {
  const { plan, paths, binaries } = context
  const args = ['-profile', PROFILE, '-channelID', plan.channel, '-outputBlock', firstBlock(context)]
  await runTool(binaries.bin, 'configtxgen', [...args, '-configPath', paths.channel], {})
}

export async function joinOrderers(context: ChannelContext): Promise<void> {
  const { plan, paths, binaries } = context
  const admin = nodePaths(join(paths.organization(ORDERER_MSP), 'admin'))
  for (const orderer of plan.orderers) {
    const { adminPort, name } = orderer
    const said = await runTool(
      binaries.bin,
      'osnadmin',
      [
        'channel',
        'join',
        `--channelID=${plan.channel}`,
        `--config-block=${firstBlock(context)}`,
        `--orderer-address=${hostOf(orderer)}:${adminPort}`,
        `--ca-file=${admin.tlsRoot}`,
        `--client-cert=${admin.tlsCertificate}`,
        `--client-key=${admin.tlsKey}`,
      ],
      {},
    )
    // osnadmin ends well even when the orderer refused.
    if (!said.includes('Status: 201')) {
      throw new NetworkError('NETWORK_TOOL_FAILED', `osnadmin: ${name} did not join: ${said.trim().slice(0, 300)}`)
    }
  }
}

export async function joinPeers(context: ChannelContext): Promise<void> {
  await onEveryPeer(context.members, (member, peer) =>
    asAdmin(context, member, ['channel', 'join', '-b', firstBlock(context)], peer),
  )
}

export async function installChaincode(context: ChannelContext): Promise<void> {
  await onEveryPeer(context.members, (member, peer) =>
    asAdmin(context, member, [...CHAINCODE, 'install', packageOf(context, member)], peer),
  )
}

function packageOf({ paths }: ChannelContext, { plan }: Member): string {
  return join(paths.organization(plan.mspId), 'chaincode.tar.gz')
}

async function onEveryPeer(
  members: readonly Member[],
  step: (member: Member, peer: PeerPlan) => Promise<unknown>,
): Promise<void> {
  await Promise.all(members.flatMap((member) => peersOf(member.plan).map((peer) => step(member, peer))))
}

/**
 * The peer of an organisation that has joined: fetches the ledger, installs the contract, says yes to the definition that
 * is committed. What was done before is left as it is.
 */
export async function bringUpMember(context: ChannelContext, member: Member): Promise<void> {
  const { plan } = context
  const { mspId } = member.plan
  await onEveryPeer([member], async (_, peer) => {
    if ((await asAdmin(context, member, ['channel', 'list'], peer)).split('\n').includes(plan.channel)) return
    await asAdmin(context, member, ['channel', 'join', '-b', firstBlock(context)], peer)
  })
  const heights = await Promise.all(
    plan.organizations
      .filter((one) => one.mspId !== mspId)
      .map((one) => blockHeight(one.peer.operationsPort, plan.channel)),
  )
  const newest = Math.max(0, ...heights.map((height) => height ?? 0))
  await onEveryPeer([member], async (_, peer) => {
    await waitUntil(
      `the ledger at ${peer.name}`,
      async () => ((await blockHeight(peer.operationsPort, plan.channel)) ?? 0) >= newest,
    )
    const install = [...CHAINCODE, 'install', packageOf(context, member)]
    await unlessDone(/already successfully installed/, asAdmin(context, member, install, peer))
  })
  await unlessDone(/unchanged content/, approve(context, member))
  await waitForContract({ ...context, members: [member] })
}

/** The result does not matter, or whether it was done before, as the tool says. */
async function unlessDone(done: RegExp, work: Promise<string>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof NetworkError) || !done.test(error.message)) throw error
  }
}

/** Each organisation says yes to the definition; then one commits it, endorsed by all. */
export async function defineChaincode(context: ChannelContext): Promise<void> {
  const { members } = context
  await Promise.all(members.map((member) => approve(context, member)))
  const [first] = members
  if (first === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'a network has an organisation')
  await asAdmin(context, first, [
    ...CHAINCODE,
    'commit',
    ...toOrderer(context),
    ...definitionOf(context),
    ...endorsersOf(context),
  ])
}

/** A transaction of the organisation's administrator, endorsed by all; returns when it is in a block. */
export async function invoke(context: ChannelContext, member: Member, args: readonly string[]): Promise<void> {
  const { channel, chaincode } = context.plan
  const call = ['-C', channel, '-n', chaincode, '-c', JSON.stringify({ Args: args }), '--waitForEvent']
  await asAdmin(context, member, ['chaincode', 'invoke', ...toOrderer(context), ...endorsersOf(context), ...call])
}

function endorsersOf({ members, paths }: ChannelContext): string[] {
  return members.flatMap(({ plan: { peer } }) => [
    `--peerAddresses=${LOOPBACK}:${peer.port}`,
    `--tlsRootCertFiles=${nodePaths(paths.node(peer.name)).tlsRoot}`,
  ])
}

function approve(context: ChannelContext, member: Member): Promise<string> {
  const packageId = `--package-id=${member.chaincode.id}`
  const args = [...CHAINCODE, 'approveformyorg', ...toOrderer(context), ...definitionOf(context), packageId]
  return asAdmin(context, member, args)
}

function definitionOf({ plan }: ChannelContext): string[] {
  return [`--channelID=${plan.channel}`, `--name=${plan.chaincode}`, '--version=1', '--sequence=1']
}

/** Every peer runs the contract and answers reads. */
export async function waitForContract(context: ChannelContext): Promise<void> {
  const question = JSON.stringify({ Args: ['reads:answer', '0'.repeat(64), '[{"fn":"keysOf","args":["p"]}]'] })
  await onEveryPeer(context.members, async (member, peer) => {
    let last: unknown
    const answers = async () => {
      try {
        const args = ['chaincode', 'query', '-C', context.plan.channel, '-n', context.plan.chaincode, '-c', question]
        return (await asAdmin(context, member, args, peer)).includes('"answers"')
      } catch (error) {
        last = error
        return false
      }
    }
    try {
      await waitUntil(`the contract at ${peer.name}`, answers)
    } catch (error) {
      throw last instanceof NetworkError ? last : error
    }
  })
}

export function toOrderer({ plan, paths }: ChannelContext): string[] {
  const root = nodePaths(join(paths.organization(ORDERER_MSP), 'admin')).tlsRoot
  const [first] = plan.orderers
  if (first === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'a network has an orderer')
  return [`--orderer=${hostOf(first)}:${first.port}`, '--tls', `--cafile=${root}`]
}

/** As the organisation's administrator, at its first peer unless told. */
export function asAdmin(
  { paths, binaries }: ChannelContext,
  { plan }: Member,
  args: readonly string[],
  peer: PeerPlan = plan.peer,
): Promise<string> {
  return runTool(binaries.bin, 'peer', args, {
    FABRIC_CFG_PATH: paths.node(peer.name),
    CORE_PEER_MSPCONFIGPATH: join(paths.organization(plan.mspId), 'admin/msp'),
  })
}
