/**
 * The processes of a network, one object each.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Binaries } from './binaries.ts'
import { type FolderPaths, nodePaths } from './folder.ts'
import { answersTls, isHealthy, waitUntil } from './health.ts'
import type { NetworkNode, NodeKind } from './options.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, peersOf, type Plan } from './plan.ts'
import { endProgram, type Program, runningPid, startProgram } from './processes.ts'
import type { Member } from './setup.ts'

/** fabric-shim's own program, run with the source of the contracts beside this file. */
const SHIM = createRequire(import.meta.url).resolve('fabric-shim/cli.js')
const CHAINCODE = fileURLToPath(new URL('../chaincode', import.meta.url))

interface NodeParts {
  readonly name: string
  readonly kind: NodeKind
  readonly mspId: string
  /** Default: loopback. */
  readonly host?: string
  readonly port: number
  readonly program: Program
  readonly answers: () => Promise<boolean>
}

/** In the order in which they are started. */
export function nodesOf(
  plan: Plan,
  paths: FolderPaths,
  { bin }: Pick<Binaries, 'bin'>,
  members: readonly Member[],
): NetworkNode[] {
  const orderers = plan.orderers.map((orderer) => {
    const { name, port, operationsPort, place } = orderer
    const host = hostOf(orderer)
    const binary = join(bin, 'orderer')
    const [command, ...args] = place?.within ?? []
    const program =
      command === undefined ? programOf(paths, name, binary, []) : programOf(paths, name, command, [...args, binary])
    const answers = () => isHealthy(operationsPort, host)
    return node({ name, kind: 'orderer', mspId: ORDERER_MSP, host, port, program, answers })
  })
  const peers = plan.organizations.flatMap((organization) =>
    peersOf(organization).map(({ name, port, operationsPort }) => {
      const program = programOf(paths, name, join(bin, 'peer'), ['node', 'start'])
      const { mspId } = organization
      return node({ name, kind: 'peer', mspId, port, program, answers: () => isHealthy(operationsPort) })
    }),
  )
  return [...orderers, ...peers, ...members.map((member) => chaincodeNode(member, paths))]
}

function chaincodeNode({ plan, chaincode }: Member, paths: FolderPaths): NetworkNode {
  const { name, port } = plan.chaincode
  const own = nodePaths(paths.node(name))
  const peer = nodePaths(paths.node(plan.peer.name))
  const program = programOf(paths, name, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    SHIM,
    'server',
    `--chaincode-address=${LOOPBACK}:${port}`,
    `--chaincode-id=${chaincode.id}`,
    `--chaincode-tls-cert-file=${own.tlsCertificate}`,
    `--chaincode-tls-key-file=${own.tlsKey}`,
    `--chaincode-tls-client-cacert-file=${own.tlsRoot}`,
    `--module-path=${CHAINCODE}`,
  ])
  return node({
    name,
    kind: 'chaincode',
    mspId: plan.mspId,
    port,
    program,
    answers: () => answersTls(port, own, readFileSync(peer.tlsCertificate, 'utf8'), readFileSync(peer.tlsKey, 'utf8')),
  })
}

function programOf(paths: FolderPaths, name: string, command: string, args: readonly string[]): Program {
  const { folder, log, process: record } = nodePaths(paths.node(name))
  return {
    command,
    args,
    cwd: folder,
    env: { FABRIC_CFG_PATH: folder, FABRIC_LOGGING_SPEC: 'warn', CORE_CHAINCODE_LOGGING_LEVEL: 'warning' },
    log,
    record,
  }
}

function node({ name, kind, mspId, host = LOOPBACK, port, program, answers }: NodeParts): NetworkNode {
  const { record } = program
  return {
    name,
    kind,
    mspId,
    endpoint: `${host}:${port}`,
    get pid() {
      return runningPid(record)
    },
    kill: (signal = 'SIGKILL') => endProgram(record, signal),
    async start() {
      await startProgram(program)
      await waitUntil(name, answers, { isLost: () => runningPid(record) === 0 })
    },
  }
}
