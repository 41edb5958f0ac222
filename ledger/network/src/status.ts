/**
 * What runs of the network in a folder, read from its files and its nodes' own figures, without its organisations' keys.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nodePaths, pathsIn } from './folder.ts'
import { blockHeight, isLeader } from './health.ts'
import type { NodeKind } from './options.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, parsePlan, peersOf, type Plan } from './plan.ts'
import { runningPid } from './processes.ts'

export interface NodeStatus {
  readonly name: string
  readonly kind: NodeKind
  readonly mspId: string
  readonly endpoint: string
  /** 0: it does not run. */
  readonly pid: number
  readonly log: string
  /** Blocks that it has; undefined for a chaincode process and for a node that does not answer. */
  readonly blocks: number | undefined
  readonly isLeader: boolean
}

export interface NetworkStatus {
  readonly channel: string
  readonly chaincode: string
  /** Whether it has ever been ready. */
  readonly isReady: boolean
  readonly nodes: readonly NodeStatus[]
}

/** @returns undefined if there is no network in the folder. @throws {NetworkError} `NETWORK_FOLDER_DAMAGED` */
export async function networkStatus(folder: string): Promise<NetworkStatus | undefined> {
  const paths = pathsIn(resolve(folder))
  if (!existsSync(paths.plan)) return undefined
  const plan = parsePlan(readFileSync(paths.plan, 'utf8'))
  const nodes = await Promise.all(
    listNodes(plan).map(async ({ operationsPort, host = LOOPBACK, port, ...node }): Promise<NodeStatus> => {
      const { process: record, log } = nodePaths(paths.node(node.name))
      const pid = runningPid(record)
      const asks = pid !== 0 && operationsPort !== undefined
      return {
        ...node,
        endpoint: `${host}:${port}`,
        pid,
        log,
        blocks: asks ? await blockHeight(operationsPort, plan.channel, host) : undefined,
        isLeader: asks && node.kind === 'orderer' && (await isLeader(operationsPort, plan.channel, host)),
      }
    }),
  )
  return { channel: plan.channel, chaincode: plan.chaincode, isReady: plan.state === 'ready', nodes }
}

interface ListedNode {
  readonly name: string
  readonly kind: NodeKind
  readonly mspId: string
  readonly host?: string
  readonly port: number
  readonly operationsPort: number | undefined
}

function listNodes({ orderers, organizations }: Plan): ListedNode[] {
  return [
    ...orderers.map((orderer) => {
      const { name, port, operationsPort } = orderer
      return { name, kind: 'orderer', mspId: ORDERER_MSP, host: hostOf(orderer), port, operationsPort } as const
    }),
    ...organizations.flatMap((organization) =>
      peersOf(organization).map(({ name, port, operationsPort }) => {
        return { name, kind: 'peer', mspId: organization.mspId, port, operationsPort } as const
      }),
    ),
    ...organizations.map(({ mspId, chaincode: { name, port } }) => {
      return { name, kind: 'chaincode', mspId, port, operationsPort: undefined } as const
    }),
  ]
}
