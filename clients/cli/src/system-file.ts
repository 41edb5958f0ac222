/**
 * What runs on this state folder: written by `trusthealth start`, read by every other command. No keys in it.
 *
 * @module
 */
import { join } from 'node:path'
import { decodeBase64url } from '../../../shared/crypto/src/index.ts'
import { fabricTrustShape, formatFabricTrust } from '../../../ledger/client/src/index.ts'
import {
  b64u,
  hospitalRefShape,
  list,
  literal,
  mspIdShape,
  oneOf,
  optional,
  record,
  serverRefShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../shared/protocol/src/index.ts'
import type { ConsortiumConfig } from '../../sdk/src/ledger-reader.ts'
import { CommandError } from './command-error.ts'
import { readJsonFile, writePrivateFile } from './files.ts'
import type { StateFolder } from './state-folder.ts'
import { readFabricConfigurations } from './system/fabric-configurations.ts'

/** Of a program; of the ledger, its place. */
const url = text({ max: 4_096 })
const slug = text({ min: 1, max: 48, pattern: /^[a-z0-9-]+$/ })

const consortiumShape = struct({
  v: literal(1),
  channel: text({ max: 64 }),
  /** None on Fabric. */
  nodes: list(struct({ mspId: mspIdShape, publicKey: b64u(65) }), { max: 64 }),
  quorum: uint({ min: 1, max: 64 }),
  /** Where the ledger is a network of Fabric: whose peers are believed. */
  fabric: optional(fabricTrustShape),
  serverRef: serverRefShape,
  /** The organisation that runs the ledger node and the record server. */
  operatorMspId: mspIdShape,
  createdMs: uint(),
  hospitals: list(struct({ slug, name: text({ max: 128 }), mspId: mspIdShape, ref: hospitalRefShape }), { max: 64 }),
})
/** Public facts of the consortium. Hospitals are added, and on Fabric whom to believe with them; nothing else changes. */
export type Consortium = Infer<typeof consortiumShape>
export type HospitalEntry = Consortium['hospitals'][number]

const programShape = struct({
  /** Of the process now; 0 while it is being started again. */
  pid: uint(),
  /** When that process was started, in the system's own form. */
  start: text({ max: 64 }),
  url,
  state: oneOf('starting', 'running', 'stopped'),
  restarts: uint(),
  log: text({ max: 4_096 }),
})
export type ProgramEntry = Infer<typeof programShape>

const systemShape = struct({
  v: literal(1),
  version: text({ max: 32 }),
  /** Of `trusthealth start`. */
  pid: uint(),
  startedMs: uint(),
  /** SHA-256 of the program in the protected area. */
  measurement: optional(text({ max: 64 })),
  programs: record(slug, programShape, { max: 68 }),
  /** Hospitals that could not be let in: why, and when it was tried. */
  refused: optional(record(slug, struct({ code: text({ min: 1, max: 64 }), timeMs: uint() }), { max: 64 })),
})
export type SystemState = Infer<typeof systemShape>

/** Names of the programs in `SystemState.programs`; a hospital's is its slug. */
export const LEDGER_PROGRAM = 'ledger'
export const SERVER_PROGRAM = 'record-server'

export function findConsortium(state: StateFolder): Consortium | undefined {
  const value = readJsonFile(state.consortium)
  if (value === undefined) return undefined
  const consortium = consortiumShape(value, 'consortium.json')
  const newest = consortium.fabric === undefined ? undefined : readFabricConfigurations(state).at(-1)
  return newest === undefined ? consortium : { ...consortium, quorum: newest.quorum, fabric: newest.fabric }
}

export function writeConsortium(state: StateFolder, consortium: Consortium): void {
  const { fabric, ...rest } = consortium
  const written = fabric === undefined ? rest : { ...rest, fabric: formatFabricTrust(fabric) }
  writePrivateFile(state.consortium, `${JSON.stringify(written, null, 2)}\n`)
}

export function findSystem(state: StateFolder): SystemState | undefined {
  const value = readJsonFile(state.system)
  return value === undefined ? undefined : systemShape(value, 'system.json')
}

export function writeSystem(state: StateFolder, system: SystemState): void {
  writePrivateFile(state.system, `${JSON.stringify(system, null, 2)}\n`)
}

/** Both, or why a command cannot go on. @throws {CommandError} `CLIENT_NOT_RUNNING` */
export function requireSystem(state: StateFolder): { readonly consortium: Consortium; readonly system: SystemState } {
  const consortium = findConsortium(state)
  const system = findSystem(state)
  if (consortium === undefined || system === undefined) {
    throw new CommandError('CLIENT_NOT_RUNNING', { reason: `nothing was started in ${state.root}` })
  }
  return { consortium, system }
}

/** @throws {CommandError} `CLIENT_NOT_RUNNING` */
export function urlOf(system: SystemState, program: string): string {
  const found = system.programs[program]
  if (found === undefined) throw new CommandError('CLIENT_NOT_RUNNING', { reason: `${program} has never run here` })
  return found.url
}

export function consortiumConfigOf({ channel, nodes, quorum, fabric }: Consortium): ConsortiumConfig {
  return {
    channel,
    quorum,
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: decodeBase64url(publicKey) })),
    ...(fabric === undefined ? {} : { fabric }),
  }
}

export function hospitalFolder(state: StateFolder, hospitalSlug: string): string {
  return join(state.hospitals, hospitalSlug)
}
