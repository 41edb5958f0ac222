/**
 * A Fabric network on this machine: made once, then started on its data as often as wanted. Everything listens on
 * loopback. What was begun and never got ready is begun again.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { encodePem } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { type FabricProfile, formatFabricProfile } from '../../client/src/fabric/profile.ts'
import { ensureBinaries } from './build-programs.ts'
import { addToChannel, changeRevocationList, isOnChannel, listOnLedger } from './channel-update.ts'
import {
  bringUpMember,
  type ChannelContext,
  defineChaincode,
  installChaincode,
  joinOrderers,
  joinPeers,
  makeFirstBlock,
  waitForContract,
} from './channel.ts'
import { NetworkError } from './errors.ts'
import { lockFolder } from './folder-lock.ts'
import { type FolderPaths, nodePaths, pathsIn, writeOwnFile } from './folder.ts'
import { isLeader, waitUntil } from './health.ts'
import { nodesOf } from './nodes.ts'
import type { Network, NetworkNode, NetworkOptions, NetworkOrganization } from './options.ts'
import {
  checkSameNetwork,
  createPlan,
  formatPlan,
  hostOf,
  LOOPBACK,
  ORDERER_MSP,
  parsePlan,
  peersOf,
  planOrganization,
  type Plan,
} from './plan.ts'
import { revocationList } from './revocation-list.ts'
import { endProgram } from './processes.ts'
import { type Setup, writeMember, writeSetup } from './setup.ts'

const SECOND = 1_000

/**
 * Makes the network in `folder`, or starts the one that is there; what already runs stays as it is. Returns when every
 * peer runs the contract. Its processes go on when this program ends: `stop` ends them.
 * @throws {NetworkError} Processes that this call has started are ended before; what ran already goes on. Logs stay, and
 * starting again takes it from there.
 */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const paths = pathsIn(resolve(options.folder))
  mkdirSync(paths.root, { recursive: true, mode: 0o700 })
  const unlock = lockFolder(paths.lock)
  try {
    return await openNetwork(paths, options)
  } finally {
    unlock()
  }
}

async function openNetwork(paths: FolderPaths, options: NetworkOptions): Promise<Network> {
  const say = progress(options.onProgress)
  const binaries = await ensureBinaries(options.bin, options)
  say(`Fabric ${binaries.version} in ${binaries.bin}`)

  let plan = await openPlan(paths, options)
  if (plan.ordering === 'bft' && /^v?2\./.test(binaries.version)) {
    throw new NetworkError('NETWORK_BINARIES_MISSING', `BFT needs Fabric 3, this is ${binaries.version}`)
  }
  const isNew = plan.state === 'new'
  const { members, ordererTlsRootPem } = await writeSetup(plan, paths, options.organizations, binaries)
  const context: ChannelContext = { plan, paths, binaries, members }
  if (isNew) {
    await makeFirstBlock(context)
    say('certificates and first block made')
  }

  const nodes = nodesOf(plan, paths, binaries, members)
  const { orderers, channel } = plan
  const leader = () => findLeader(orderers, channel, nodes)
  let grown = context
  await keepOnlyIfAll([...nodes], async () => {
    say(`${nodes.length} processes answer`)
    await bringUp(context, isNew, leader, say)
    if (isNew) {
      plan = { ...plan, state: 'ready' }
      writeOwnFile(paths.plan, formatPlan(plan))
    }
    grown = { ...context, plan }
    for (const joining of options.organizations.slice(plan.organizations.length)) {
      grown = await joinOrganization(grown, joining, nodes, say, options.peers)
    }
  })
  const profile = profileOf(grown.plan, grown.members, ordererTlsRootPem)
  writeOwnFile(paths.profile, formatFabricProfile(profile))
  return {
    profile,
    nodes,
    leader,
    async revokeCertificates(mspId, serials, list) {
      const authority = authorityOf(options, mspId)
      const asListed = list ?? (await revocationList(createNodeCrypto(), authority, serials, Date.now()))
      // First where the trusted application and every other reader of the ledger looks.
      await listOnLedger(grown, mspId, serials)
      await changeRevocationList(grown, mspId, asListed)
    },
    stop: () => stopNetwork(paths.root),
  }
}

/** One step after the other, each of which may have been done before. @param nodes its nodes are added */
async function joinOrganization(
  context: ChannelContext,
  organization: NetworkOrganization,
  nodes: NetworkNode[],
  say: (line: string) => void,
  peers?: number,
): Promise<ChannelContext> {
  const { paths, binaries } = context
  const { joining: begun, ...before } = context.plan
  const joining = begun?.mspId === organization.mspId ? begun : await planOrganization(before, organization, peers)
  writeOwnFile(paths.plan, formatPlan({ ...before, joining }))
  const member = await writeMember(joining, paths, organization.authority, binaries)
  if (!(await isOnChannel(context, joining.mspId))) {
    await addToChannel(context, member, encodePem('CERTIFICATE', organization.authority.root))
  }
  say(`the members took ${joining.mspId} into the channel`)
  const plan = { ...before, organizations: [...before.organizations, joining] }
  const grown = { ...context, plan, members: [...context.members, member] }
  const own = nodesOf({ ...plan, orderers: [] }, paths, binaries, [member]).filter(
    ({ mspId }) => mspId === joining.mspId,
  )
  await keepOnlyIfAll(own, () => bringUpMember(grown, member))
  say(`${joining.peer.name} has the ledger and runs the contract`)
  writeOwnFile(paths.plan, formatPlan(plan))
  nodes.push(...own)
  return grown
}

function authorityOf({ organizations }: NetworkOptions, mspId: MspId): CertificateAuthority {
  const found = organizations.find((one) => one.mspId === mspId)
  if (found === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', `${mspId} is not of this network`)
  return found.authority
}

/** From processes that answer to peers that run the contract. */
async function bringUp(
  context: ChannelContext,
  isNew: boolean,
  leader: () => Promise<NetworkNode>,
  say: (line: string) => void,
): Promise<void> {
  if (isNew) {
    await joinOrderers(context)
    await joinPeers(context)
    say('orderers and peers joined the channel')
    await installChaincode(context)
  }
  // Before there is one, whatever is submitted is refused.
  say(`${(await leader()).name} leads`)
  if (isNew) {
    await defineChaincode(context)
    say('every organisation approved the contract, its definition is committed')
  }
  await waitForContract(context)
  say('every peer runs the contract')
}

/** Starts what does not run, then takes the next step; if either fails, what was started here is ended. */
async function keepOnlyIfAll(nodes: readonly NetworkNode[], next: () => Promise<void>): Promise<void> {
  const own = nodes.filter(({ pid }) => pid === 0)
  const end = () => Promise.all(own.map((node) => node.kill('SIGTERM')))
  const starting = nodes.map((node) => node.start())
  try {
    await Promise.all(starting)
    await next()
    // One may answer and end a moment later: an orderer whose port is taken does.
    const gone = nodes.find(({ pid }) => pid === 0)
    if (gone !== undefined) throw new NetworkError('NETWORK_NOT_READY', `${gone.name} ended; see its log`)
  } catch (error) {
    await end()
    // Those that had not come so far, too.
    await Promise.allSettled(starting)
    await end()
    throw error
  }
}

/** Ends the processes of the network in `folder`: clients' side first, so that nothing waits for what is gone. */
export async function stopNetwork(folder: string): Promise<void> {
  const paths = pathsIn(resolve(folder))
  if (!existsSync(paths.plan)) return
  const plan = parsePlan(readFileSync(paths.plan, 'utf8'))
  const end = (names: readonly string[]) =>
    Promise.all(names.map((name) => endProgram(nodePaths(paths.node(name)).process, 'SIGTERM')))
  const organizations = [...plan.organizations, ...(plan.joining === undefined ? [] : [plan.joining])]
  await end(organizations.flatMap(peersOf).map(({ name }) => name))
  await end([...organizations.map(({ chaincode }) => chaincode.name), ...plan.orderers.map(({ name }) => name)])
}

async function openPlan(paths: FolderPaths, options: NetworkOptions): Promise<Plan> {
  if (existsSync(paths.plan)) {
    const plan = parsePlan(readFileSync(paths.plan, 'utf8'))
    if (plan.state === 'ready') {
      checkSameNetwork(plan, options)
      return plan
    }
    await stopNetwork(paths.root)
    for (const part of ['nodes', 'organizations', 'channel']) {
      rmSync(join(paths.root, part), { recursive: true, force: true })
    }
  }
  const plan = await createPlan(options)
  writeOwnFile(paths.plan, formatPlan(plan))
  return plan
}

async function findLeader(
  orderers: Plan['orderers'],
  channel: string,
  nodes: readonly NetworkNode[],
): Promise<NetworkNode> {
  let found: NetworkNode | undefined
  await waitUntil('a leading orderer', async () => {
    const leads = await Promise.all(orderers.map((one) => isLeader(one.operationsPort, channel, hostOf(one))))
    const name = orderers[leads.indexOf(true)]?.name
    found = nodes.find((node) => node.name === name)
    return found !== undefined
  })
  return found as NetworkNode
}

function profileOf(plan: Plan, members: Setup['members'], ordererTlsRootPem: string): FabricProfile {
  return {
    channel: plan.channel,
    chaincode: plan.chaincode,
    peers: members.flatMap(({ plan: organization, tlsRootPem }) =>
      peersOf(organization).map(({ port, name }) => {
        return { mspId: organization.mspId, endpoint: `${LOOPBACK}:${port}`, tlsRootPem, serverName: name }
      }),
    ),
    orderers: plan.orderers.map((one) => ({
      mspId: ORDERER_MSP,
      endpoint: `${hostOf(one)}:${one.port}`,
      tlsRootPem: ordererTlsRootPem,
      serverName: one.name,
    })),
  }
}

function progress(onProgress: ((line: string) => void) | undefined): (line: string) => void {
  const begin = performance.now()
  return (line) => onProgress?.(`${((performance.now() - begin) / SECOND).toFixed(1)} s  ${line}`)
}
