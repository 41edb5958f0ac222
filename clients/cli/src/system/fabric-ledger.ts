/**
 * A network of Hyperledger Fabric on this machine as the system's ledger: the operator and every hospital have a peer
 * each, with certificates of their own authorities. In `fabric/` of the state folder.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  findBinaries,
  NetworkError,
  networkStatus,
  pathsIn,
  readOutcome,
} from '../../../../ledger/network/src/index.ts'
import {
  encodeConfiguration,
  encodeConfigurationUpdate,
  majorityQuorum,
  signConfiguration,
  type ChannelConfiguration,
} from '../../../../shared/ledger-model/src/index.ts'
import { CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import type { StateFolder } from '../state-folder.ts'
import { findConsortium, hospitalFolder, LEDGER_PROGRAM, type Consortium } from '../system-file.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import {
  readFabricConfigurations,
  writeFabricConfigurations,
  type FabricConfiguration,
} from './fabric-configurations.ts'
import { CHANNEL } from './ledger-setup.ts'
import type { Member } from './members.ts'
import { OPERATOR_MSP_ID, type Operator } from './operator.ts'
import type { Program } from './program-runner.ts'
import type { JoiningHospital, SystemLedger } from './system-ledger.ts'

const CHAINCODE = 'trusthealth'
/** Certificates, first block and the contract's first start, on a machine that is busy. */
const READY_MS = 180_000
/** Peers and orderers end one after the other. */
const STOP_MS = 40_000
const LOOK_EVERY_MS = 100

export function fabricLedger(context: Context, operator: Operator): SystemLedger {
  const { state } = context
  return {
    facts: (members) => factsOf([operator, ...members]),
    program: (consortium) => networkProgram(state, consortium),
    configuration: (consortium) => Promise.resolve(newestOf(state, consortium)),
    updates: (_location, from) =>
      Promise.resolve(
        readFabricConfigurations(state)
          .slice(from)
          .flatMap(({ update }) => update ?? []),
      ),
    join: (consortium, _location, hospitals, signal) => joinHospitals(context, operator, consortium, hospitals, signal),
  }
}

function factsOf(members: readonly (Operator | Member)[]): Pick<Consortium, 'nodes' | 'quorum' | 'fabric'> {
  const organizations = members.map(({ organization: { mspId, authority } }) => ({ mspId, roots: [authority.root] }))
  // As the channel demands of endorsements: a majority.
  return { nodes: [], quorum: majorityQuorum(organizations), fabric: { chaincode: CHAINCODE, organizations } }
}

function newestOf(state: StateFolder, { channel, ...first }: Consortium): ChannelConfiguration {
  const all = readFabricConfigurations(state)
  const { quorum, fabric } = all.at(-1) ?? first
  if (fabric === undefined) throw new TypeError('not a system on Fabric')
  const { chaincode, organizations } = fabric
  return { channel, sequence: Math.max(0, all.length - 1), organizations, nodes: [], quorum, fabric: { chaincode } }
}

/**
 * Lets each hospital join that is not a member yet: first the network gets its peer, by an update of the channel that the
 * members' administrators sign; then they sign the configuration that the trusted application takes. All their keys are here.
 */
async function joinHospitals(
  { state, crypto, output }: Context,
  operator: Operator,
  consortium: Consortium,
  hospitals: readonly JoiningHospital[],
  signal?: AbortSignal,
): Promise<void> {
  const here = [operator.organization, ...hospitals.map(({ organization }) => organization)]
  for (const { name, organization } of hospitals) {
    const { mspId, authority } = organization
    const inForce = newestOf(state, consortium)
    const members = new Set(inForce.organizations.map((member) => member.mspId))
    if (members.has(mspId)) continue
    await growNetwork(state, consortium, mspId, signal)
    const organizations = [...inForce.organizations, { mspId, roots: [authority.root] }]
    const next = { ...inForce, sequence: inForce.sequence + 1, organizations, quorum: majorityQuorum(organizations) }
    const configuration = encodeConfiguration(next)
    const signers = here.filter((one) => one === organization || members.has(one.mspId))
    const signatures = signers.map(({ admin }) => signConfiguration(crypto, admin, configuration))
    const update = encodeConfigurationUpdate({ configuration, signatures })
    const entry: FabricConfiguration = { quorum: next.quorum, fabric: { chaincode: CHAINCODE, organizations }, update }
    const before = readFabricConfigurations(state)
    writeFabricConfigurations(state, [...(before.length === 0 ? [firstOf(consortium)] : before), entry])
    output.detail(`${name} joined the network: ${signers.length} organisations signed.`)
  }
}

function firstOf({ quorum, fabric }: Consortium): FabricConfiguration {
  if (fabric === undefined) throw new TypeError('not a system on Fabric')
  return { quorum, fabric }
}

/**
 * The program that runs the network takes its configuration again, and says what came of it.
 * @throws {CommandError} `LEDGER_UNAVAILABLE` if it says nothing
 */
async function growNetwork(
  state: StateFolder,
  consortium: Consortium,
  joining: string,
  signal?: AbortSignal,
): Promise<void> {
  const { outcome: path } = pathsIn(state.fabric)
  rmSync(path, { force: true })
  await writeNetworkConfiguration(state, consortium, joining)
  const untilMs = performance.now() + READY_MS
  const isOver = () => signal?.aborted === true || performance.now() >= untilMs
  while (!isOver()) {
    const outcome = readOutcome(path)
    if (outcome?.organizations.includes(joining) === true) {
      if (outcome.code === undefined) return
      // Not at the next start either, until somebody asks for it again.
      await writeNetworkConfiguration(state, consortium)
      throw new CommandError(outcome.code, { next: 'the log of the network says why' })
    }
    await sleep(LOOK_EVERY_MS)
  }
  throw new CommandError('LEDGER_UNAVAILABLE')
}

/** @throws {CommandError} `NETWORK_BINARIES_MISSING` */
async function networkProgram(state: StateFolder, consortium: Consortium): Promise<Program> {
  requireBinaries()
  return {
    name: LEDGER_PROGRAM,
    title: 'The shared ledger',
    script: join(PRODUCT_FOLDER, 'ledger', 'network', 'src', 'serve.ts'),
    args: ['--config', await writeNetworkConfiguration(state, consortium)],
    log: join(state.logs, 'ledger.log'),
    readyMs: READY_MS,
    stopMs: STOP_MS,
  }
}

/**
 * Who has a peer: those of the network that is there, in its order, also one who had joined it and was cut off then; the
 * other members; and one who joins.
 */
async function writeNetworkConfiguration(
  state: StateFolder,
  consortium: Consortium,
  joining?: string,
): Promise<string> {
  const peers = (await networkStatus(state.fabric))?.nodes.filter(({ kind }) => kind === 'peer') ?? []
  const members = newestOf(state, consortium).organizations.map(({ mspId }) => mspId)
  const { hospitals } = findConsortium(state) ?? consortium
  const names = new Set<string>([...peers.map(({ mspId }) => mspId), ...members])
  if (joining !== undefined) names.add(joining)
  const known = [
    { mspId: OPERATOR_MSP_ID, name: 'Operator', folder: state.operator },
    ...hospitals.map(({ mspId, name, slug }) => ({ mspId, name, folder: hospitalFolder(state, slug) })),
  ]
  const organizations = [...names].flatMap((mspId) => known.find((one) => one.mspId === mspId) ?? [])
  const path = join(state.fabric, 'serve.json')
  const configuration = { v: 1, folder: state.fabric, channel: CHANNEL, chaincode: CHAINCODE, organizations }
  writePrivateFile(path, `${JSON.stringify(configuration, null, 2)}\n`)
  return path
}

function requireBinaries(): void {
  try {
    findBinaries()
  } catch (cause) {
    if (!(cause instanceof NetworkError)) throw cause
    throw new CommandError(cause.code, { what: cause.message, next: 'docs/fabric.md, "Start here"', cause })
  }
}
