/**
 * The plan of a network: its names and ports, made once and kept in `network.json`, because certificates, the channel's
 * configuration and the peers' own data name them.
 *
 * @module
 */
import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { channelShape } from '../../../shared/ledger-model/src/index.ts'
import {
  type Infer,
  list,
  type MspId,
  mspIdShape,
  oneOf,
  optional,
  parseJson,
  struct,
  text,
  uint,
} from '../../../shared/protocol/src/index.ts'
import { NetworkError } from './errors.ts'
import type { NetworkOptions, NetworkOrganization } from './options.ts'

export const LOOPBACK = '127.0.0.1'
export const ORDERER_MSP = 'OrdererMSP' as MspId

const MAX_ORGANIZATIONS = 64
const MAX_ORDERERS = 9
const MAX_PEERS = 8
/** 3f + 1 for one that lies. */
const LEAST_BFT_ORDERERS = 4
const LAST_PORT = 65_535
const FIRST_FREE_PORT = 10_000
const LAST_FREE_PORT = 32_767

const port = uint({ min: 1, max: LAST_PORT })
const nodeName = text({ min: 1, max: 80, pattern: /^[a-z0-9][a-z0-9.-]*$/ })

const peerShape = struct({ name: nodeName, port, chaincodePort: port, operationsPort: port })

const organizationShape = struct({
  mspId: mspIdShape,
  name: text({ min: 1, max: 200 }),
  /** The one that peers of other organisations ask first. */
  peer: peerShape,
  morePeers: optional(list(peerShape, { min: 1, max: MAX_PEERS - 1 })),
  chaincode: struct({ name: nodeName, port }),
})

/** Of an orderer that is not on loopback. */
const placeShape = struct({
  host: text({ min: 7, max: 15, pattern: /^[0-9.]+$/ }),
  within: list(text({ min: 1, max: 256 }), { min: 1, max: 8 }),
})

/** The shape of `network.json`. */
const planShape = struct({
  v: uint({ min: 1, max: 1 }),
  /** `new` until the contract answers for the first time: what was begun before that is begun again. */
  state: oneOf('new', 'ready'),
  channel: channelShape,
  chaincode: text({ min: 1, max: 64, pattern: /^[a-zA-Z0-9]+(?:[-_][a-zA-Z0-9]+)*$/ }),
  ordering: oneOf('raft', 'bft'),
  batchTimeoutMs: uint({ min: 1, max: 60_000 }),
  orderers: list(struct({ name: nodeName, port, adminPort: port, operationsPort: port, place: optional(placeShape) }), {
    min: 1,
    max: MAX_ORDERERS,
  }),
  organizations: list(organizationShape, { min: 1, max: MAX_ORGANIZATIONS }),
  /** Begun and not done: the next start goes on with it. */
  joining: optional(organizationShape),
})

export type Plan = Infer<typeof planShape>
export type OrdererPlan = Plan['orderers'][number]
export type OrganizationPlan = Plan['organizations'][number]
export type PeerPlan = OrganizationPlan['peer']

/** Ports of an orderer: transactions, administration, operations. Of an organisation: each peer 3, chaincode 1. */
const PORTS_PER_ORDERER = 3
const PORTS_PER_PEER = 3
const portsOf = (peers: number): number => peers * PORTS_PER_PEER + 1

export function peersOf({ peer, morePeers = [] }: OrganizationPlan): readonly PeerPlan[] {
  return [peer, ...morePeers]
}

export function hostOf({ place }: Pick<OrdererPlan, 'place'>): string {
  return place?.host ?? LOOPBACK
}

/** @throws {NetworkError} `NETWORK_OPTIONS_REJECTED` */
export async function createPlan(options: NetworkOptions): Promise<Plan> {
  const {
    organizations,
    channel = 'health',
    chaincode = 'trusthealth',
    ordering = 'raft',
    basePort = 0,
    peers = 1,
  } = options
  const orderers = options.orderers ?? (ordering === 'bft' ? LEAST_BFT_ORDERERS : 3)
  if (ordering === 'bft' && orderers < LEAST_BFT_ORDERERS) {
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', `BFT needs ${LEAST_BFT_ORDERERS} orderers`)
  }
  const count = orderers * PORTS_PER_ORDERER + organizations.length * portsOf(peers)
  const names = organizations.map(({ name }) => slugOf(name))
  const mspIds = organizations.map(({ mspId }) => mspId)
  if (new Set(names).size < names.length || new Set([...mspIds, ORDERER_MSP]).size <= mspIds.length) {
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'two organisations have the same name')
  }
  const ports = portsFrom(basePort === 0 ? await freePorts(count) : consecutive(basePort, count))
  try {
    return planShape(
      {
        v: 1,
        state: 'new',
        channel,
        chaincode,
        ordering,
        batchTimeoutMs: options.batchTimeoutMs ?? 50,
        orderers: Array.from({ length: orderers }, (_, index) => ({
          name: `orderer${index + 1}`,
          port: ports(),
          adminPort: ports(),
          operationsPort: ports(),
          ...(options.ordererPlace === undefined ? {} : { place: options.ordererPlace(index + 1) }),
        })),
        organizations: organizations.map((organization) => organizationOn(ports, peers, organization)),
      },
      'options',
    )
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', `the network cannot be made like this: ${why}`, { cause })
  }
}

/** Of an organisation that joins. @throws {NetworkError} `NETWORK_OPTIONS_REJECTED` */
export async function planOrganization(
  { organizations }: Plan,
  { mspId, name }: Pick<NetworkOrganization, 'mspId' | 'name'>,
  peers = 1,
): Promise<OrganizationPlan> {
  const isTaken = organizations.some((one) => one.mspId === mspId || slugOf(one.name) === slugOf(name))
  if (isTaken || mspId === ORDERER_MSP || organizations.length >= MAX_ORGANIZATIONS) {
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', `the network has no room for ${name}`)
  }
  return organizationOn(portsFrom(await freePorts(portsOf(peers))), peers, { mspId, name })
}

function organizationOn(
  ports: () => number,
  peers: number,
  { mspId, name }: Pick<NetworkOrganization, 'mspId' | 'name'>,
): OrganizationPlan {
  const peer = (number: number): PeerPlan => {
    return { name: `peer${number}.${slugOf(name)}`, port: ports(), chaincodePort: ports(), operationsPort: ports() }
  }
  const first = peer(0)
  const more = Array.from({ length: peers - 1 }, (_, i) => peer(i + 1))
  return {
    mspId,
    name,
    peer: first,
    ...(more.length === 0 ? {} : { morePeers: more }),
    chaincode: { name: `chaincode.${slugOf(name)}`, port: ports() },
  }
}

/** @throws {NetworkError} `NETWORK_FOLDER_DAMAGED` */
export function parsePlan(json: string): Plan {
  try {
    const parsed = parseJson(json, { maxBytes: 262_144 })
    // The first networks had no other ordering, and did not say which.
    return planShape(typeof parsed === 'object' ? { ordering: 'raft', ...parsed } : parsed, 'network.json')
  } catch (cause) {
    throw new NetworkError('NETWORK_FOLDER_DAMAGED', 'network.json cannot be read', { cause })
  }
}

export function formatPlan(plan: Plan): string {
  return `${JSON.stringify(plan, null, 2)}\n`
}

/**
 * A network that exists is taken as it is: only what would make it another one is compared. Organisations may come after
 * those that are there: they join.
 * @throws {NetworkError} `NETWORK_OPTIONS_REJECTED`
 */
export function checkSameNetwork(plan: Plan, options: NetworkOptions): void {
  const differs = (what: string) =>
    new NetworkError('NETWORK_OPTIONS_REJECTED', `the network in this folder has other ${what}`)
  const there = plan.organizations.map(({ mspId }) => mspId)
  const wanted = options.organizations.map(({ mspId }) => mspId)
  if (there.join() !== wanted.slice(0, there.length).join()) throw differs('organisations')
  if (options.channel !== undefined && options.channel !== plan.channel) throw differs('names of channels')
  if (options.chaincode !== undefined && options.chaincode !== plan.chaincode) throw differs('names of chaincode')
  if (options.ordering !== undefined && options.ordering !== plan.ordering) throw differs('ordering')
  if (options.orderers !== undefined && options.orderers !== plan.orderers.length) throw differs('orderers')
  const { peers } = options
  if (peers !== undefined && plan.organizations.some((one) => peersOf(one).length !== peers)) throw differs('peers')
}

/** Part of node names, which stand in certificates: `Hospital A` becomes `hospital-a`. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
}

function portsFrom(ports: readonly number[]): () => number {
  const left = ports.values()
  return () => left.next().value ?? 0
}

function consecutive(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

/**
 * Below those that systems give to outgoing connections: a node that is started again finds its own still free. All are
 * open at the same time, so none comes twice.
 */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  while (servers.length < count) {
    const server = await listening(randomInt(FIRST_FREE_PORT, LAST_FREE_PORT + 1))
    if (server !== undefined) servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Undefined where something else listens. */
function listening(number: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    const failed = (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error))
    server.once('error', failed).listen(number, LOOPBACK, () => resolve(server))
  })
}
