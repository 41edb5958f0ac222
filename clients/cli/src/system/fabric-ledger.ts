/**
 * A network of Hyperledger Fabric on this machine as the system's ledger: the operator and every hospital of the first
 * start have a peer each, with certificates of their own authorities. In `fabric/` of the state folder.
 *
 * @module
 */
import { findBinaries, NetworkError } from '../../../../ledger/network/src/index.ts'
import { CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import type { StateFolder } from '../state-folder.ts'
import { hospitalFolder, LEDGER_PROGRAM, type Consortium } from '../system-file.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import { join } from 'node:path'
import { CHANNEL } from './ledger-setup.ts'
import { cannotJoin, type Member } from './members.ts'
import { OPERATOR_MSP_ID, type Operator } from './operator.ts'
import type { Program } from './program-runner.ts'
import type { SystemLedger } from './system-ledger.ts'

const CHAINCODE = 'trusthealth'
/** Certificates, first block and the contract's first start, on a machine that is busy. */
const READY_MS = 180_000
/** Peers and orderers end one after the other. */
const STOP_MS = 40_000

export function fabricLedger({ state }: Context, operator: Operator): SystemLedger {
  return {
    facts: (members) => factsOf([operator, ...members]),
    program: (consortium) => Promise.resolve(networkProgram(state, consortium)),
    configuration: ({ channel, quorum, fabric }) => {
      if (fabric === undefined) throw new TypeError('not a system on Fabric')
      const { chaincode, organizations } = fabric
      return Promise.resolve({ channel, sequence: 0, organizations, nodes: [], quorum, fabric: { chaincode } })
    },
    updates: () => Promise.resolve([]),
    join: ({ fabric }, _location, hospitals) => {
      const members = new Set(fabric?.organizations.map(({ mspId }) => mspId))
      const stranger = hospitals.find(({ organization }) => !members.has(organization.mspId))
      return stranger === undefined ? Promise.resolve() : Promise.reject(cannotJoin(stranger.name))
    },
  }
}

function factsOf(members: readonly (Operator | Member)[]): Pick<Consortium, 'nodes' | 'quorum' | 'fabric'> {
  const organizations = members.map(({ organization: { mspId, authority } }) => ({ mspId, roots: [authority.root] }))
  return {
    nodes: [],
    // As the channel demands of endorsements: a majority.
    quorum: Math.floor(organizations.length / 2) + 1,
    fabric: { chaincode: CHAINCODE, organizations },
  }
}

/** @throws {CommandError} `NETWORK_BINARIES_MISSING` */
function networkProgram(state: StateFolder, { fabric, hospitals }: Consortium): Program {
  requireBinaries()
  const members = new Set(fabric?.organizations.map(({ mspId }) => mspId))
  const joined = hospitals.filter(({ mspId }) => members.has(mspId))
  const config = join(state.fabric, 'serve.json')
  const organizations = [
    { mspId: OPERATOR_MSP_ID, name: 'Operator', folder: state.operator },
    ...joined.map(({ mspId, name, slug }) => ({ mspId, name, folder: hospitalFolder(state, slug) })),
  ]
  const configuration = { v: 1, folder: state.fabric, channel: CHANNEL, chaincode: CHAINCODE, organizations }
  writePrivateFile(config, `${JSON.stringify(configuration, null, 2)}\n`)
  return {
    name: LEDGER_PROGRAM,
    title: 'The shared ledger',
    script: join(PRODUCT_FOLDER, 'ledger', 'network', 'src', 'serve.ts'),
    args: ['--config', config],
    log: join(state.logs, 'ledger.log'),
    readyMs: READY_MS,
    stopMs: STOP_MS,
  }
}

function requireBinaries(): void {
  try {
    findBinaries()
  } catch (cause) {
    if (!(cause instanceof NetworkError)) throw cause
    throw new CommandError(cause.code, { what: cause.message, next: 'docs/fabric.md, "Start here"', cause })
  }
}
