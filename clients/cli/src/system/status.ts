/**
 * `trusthealth status`: what runs, and what to do. Looks at each part itself; what the record server says of its log is
 * compared with the ledger.
 *
 * @module
 */
import {
  checkpointRecordShape,
  logOriginOf,
  parseResult,
  participantRecordShape,
  serverNoteKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import { openCheckpoint, verifyConsistency } from '../../../../shared/tlog/src/index.ts'
import { codeOf } from '../../../sdk/src/errors.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import { commandHere, commandName } from '../calling.ts'
import { CommandError } from '../command-error.ts'
import { connectHospital } from '../connection.ts'
import type { Context } from '../context.ts'
import { listIdentities } from '../identities.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import { ledgerViewOf, type LedgerFacts } from '../ledger-view.ts'
import { fetchCheckpoint, fetchConsistencyProof, fetchServerStatus, type RecordServerStatus } from '../record-server.ts'
import {
  LEDGER_PROGRAM,
  requireSystem,
  SERVER_PROGRAM,
  urlOf,
  type Consortium,
  type ProgramEntry,
  type SystemState,
} from '../system-file.ts'
import { VERSION } from '../version.ts'
import { countWords, numberWords } from '../words.ts'
import { findLockHolder } from './lock.ts'
import { isSameProcess } from './processes.ts'

export interface SystemStatus {
  readonly version: string
  readonly practice: true
  readonly server: RecordServerStatus | { readonly state: 'down'; readonly code: string }
  readonly approved: boolean | null
  readonly ledger: LedgerFacts | { readonly code: string }
  readonly hospitals: readonly HospitalCounts[]
  readonly log: LogStatus
  readonly programs: SystemState['programs']
  /** Names of parts that do not work. */
  readonly down: readonly string[]
}

interface HospitalCounts {
  readonly name: string
  readonly patients?: number
  readonly practitioners?: number
  readonly waitingCommitments?: number
  readonly waitingProvisions?: number
  readonly waitingUploads?: number
  readonly code?: string
}

interface LogStatus {
  readonly size?: number
  readonly anchoredSize?: number
  readonly epoch?: number
  readonly consistent?: boolean
  readonly code?: string
}

/** @throws {CommandError} `CLIENT_NOT_RUNNING` */
export async function readStatus(context: Context): Promise<SystemStatus> {
  const { consortium, system } = requireSystem(context.state)
  if (findLockHolder(context.state) === undefined && !Object.values(system.programs).some(isSameProcess)) {
    throw new CommandError('CLIENT_NOT_RUNNING', { reason: `nothing runs in ${context.state.root}` })
  }
  const [server, ledger, hospitals, log] = await Promise.all([
    serverStatus(context, system),
    ledgerStatus(context, consortium, system),
    Promise.all(consortium.hospitals.map(({ slug, name }) => hospitalCounts(context, slug, name))),
    logStatus(context, consortium, system),
  ])
  const approved = await isApproved(context, consortium, system, server)
  const down = [
    ...('code' in ledger ? ['the shared ledger'] : []),
    ...(server.state === 'serving' ? [] : ['the record server']),
    ...hospitals.filter(({ code }) => code !== undefined).map(({ name }) => name),
  ]
  return { version: VERSION, practice: true, server, approved, ledger, hospitals, log, programs: system.programs, down }
}

export function statusText(status: SystemStatus, context: Context): string {
  const { paint } = context.output
  const { ledger, hospitals, log, programs } = status
  const head = `TrustHealth ${status.version} on this machine`
  const practice = paint.magenta('PRACTICE: the protected area is simulated')
  const rows: [string, string][] = [
    ['Record server', serverWords(status, programs[SERVER_PROGRAM])],
    ['Ledger', 'code' in ledger ? paint.red(`does not answer  ${ledger.code}`) : ledgerWords(ledger)],
    ['Hospital', hospitalWords(hospitals)],
    ['Log', logWords(log, context)],
    ...Object.entries(programs)
      .filter(([, { url }]) => url !== '')
      .map(([name, { url, pid, state }]): [string, string] => [
        name === LEDGER_PROGRAM ? 'Addresses' : '',
        `${name.padEnd(14)} ${url}   ${state === 'running' ? `pid ${pid}` : state}`,
      ]),
  ]
  const last =
    status.down.length === 0
      ? `All parts work. ${paint.bold('Try:')}  ${commandHere(context, `record list --as ${somebody(context)}`)}   or  ${commandName(context)} demo`
      : paint.red(`Down: ${status.down.join(', ')}. `) + `Read the logs in ${context.state.logs}.`
  const lines = rows.map(([label, words]) => `  ${label.padEnd(14)} ${words}`)
  return [`${head.padEnd(42)} ${practice}`, ...lines, last].join('\n')
}

/** A patient with a key here. */
function somebody({ state, crypto }: Context): string {
  const patients = listIdentities(state, crypto).filter(({ identity }) => identity.kind === 'patient')
  return (patients.find(({ slug }) => slug === 'bob-li') ?? patients[0])?.slug ?? 'bob'
}

function serverWords({ server, approved }: SystemStatus, program: ProgramEntry | undefined): string {
  if (!('tee' in server)) return `does not answer  ${server.code}`
  const { state, measurement, isolation, failure } = server
  if (state !== 'serving') return `${state}${failure === undefined ? '' : `  ${failure}`}`
  const short = measurement === undefined ? '' : `${measurement.slice(0, 4)}…${measurement.slice(-2)}`
  const word = approved === null ? 'not compared' : approved ? 'approved' : 'NOT APPROVED'
  return `running  pid ${program?.pid ?? '?'}  program ${short} ${word}   isolation: ${isolationWords(isolation)}`
}

/** The two that say most, and how many more; `trusthealth attest` has all. */
function isolationWords(isolation: readonly string[]): string {
  const first = ['seccomp', 'no-network'].filter((one) => isolation.includes(one))
  const rest = isolation.length - first.length
  const words = first.map((one) => one.replaceAll('-', ' '))
  if (words.length === 0) return isolation.length === 0 ? 'none' : countWords(isolation.length, 'measure')
  return `${words.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`
}

function ledgerWords({ height, organizations, running, nodes }: LedgerFacts): string {
  return `block ${numberWords(height)}   ${running} of ${nodes} nodes, ${organizations} organisations (practice)`
}

function hospitalWords(hospitals: readonly HospitalCounts[]): string {
  const sum = (member: 'patients' | 'practitioners' | 'waitingCommitments' | 'waitingProvisions' | 'waitingUploads') =>
    hospitals.reduce((total, one) => total + (one[member] ?? 0), 0)
  const waiting = sum('waitingCommitments') + sum('waitingProvisions') + sum('waitingUploads')
  return (
    `${countWords(hospitals.length, 'hospital')}, ${countWords(sum('practitioners'), 'doctor')}, ` +
    `${countWords(sum('patients'), 'patient')}   Outbox ${numberWords(waiting)}`
  )
}

function logWords(log: LogStatus, { output }: Context): string {
  if (log.size === undefined) return `not compared  ${log.code ?? ''}`.trimEnd()
  if (log.anchoredSize === undefined) return `${numberWords(log.size)} entries, not anchored yet`
  const word = log.consistent === true ? 'consistent with it' : output.paint.red(`NOT CONSISTENT  ${log.code ?? ''}`)
  return `${numberWords(log.size)} entries, anchored in the ledger up to ${numberWords(log.anchoredSize)} (epoch ${log.epoch ?? '?'}), ${word}`
}

async function serverStatus(context: Context, system: SystemState): Promise<SystemStatus['server']> {
  try {
    return await fetchServerStatus(context, urlOf(system, SERVER_PROGRAM))
  } catch (error) {
    return { state: 'down', code: codeOf(error) ?? 'SERVER_UNAVAILABLE' }
  }
}

async function ledgerStatus(
  context: Context,
  consortium: Consortium,
  system: SystemState,
): Promise<SystemStatus['ledger']> {
  try {
    return await (await ledgerViewOf(context, consortium, system)).facts()
  } catch (error) {
    return { code: codeOf(error) ?? 'LEDGER_UNAVAILABLE' }
  }
}

async function hospitalCounts(context: Context, slug: string, name: string): Promise<HospitalCounts> {
  try {
    const { client } = connectHospital(context, slug)
    return { name, ...(await client.options.hospital.status(client.requestSigner)) }
  } catch (error) {
    return { name, code: codeOf(error) ?? 'SERVER_UNAVAILABLE' }
  }
}

async function isApproved(
  context: Context,
  consortium: Consortium,
  system: SystemState,
  server: SystemStatus['server'],
): Promise<boolean | null> {
  if (!('tee' in server) || server.measurement === undefined) return null
  try {
    const ledger = await ledgerReaderOf(context, consortium, system)
    const { value } = await readLedger(ledger, 'participant', [consortium.serverRef], participantRecordShape)
    return value.server?.measurements.some((one) => one === server.measurement) ?? false
  } catch {
    return null
  }
}

/** Compares the server's newest checkpoint with the one that the ledger has. */
async function logStatus(context: Context, consortium: Consortium, system: SystemState): Promise<LogStatus> {
  try {
    const { crypto } = context
    const { serverRef } = consortium
    const url = urlOf(system, SERVER_PROGRAM)
    const ledger = await ledgerReaderOf(context, consortium, system)
    const [server, anchored] = await ledger.read([
      { fn: 'participant', args: [serverRef] },
      { fn: 'checkpoint', args: [serverRef] },
    ])
    const origin = logOriginOf(serverRef)
    const keys = serverNoteKeys(crypto, parseResult(server?.result ?? '', participantRecordShape))
    const now = openCheckpoint(crypto, await fetchCheckpoint(context, url), origin, keys).checkpoint
    if (anchored?.status !== 200) return { size: now.size }
    const record = parseResult(anchored.result, checkpointRecordShape)
    const anchor = openCheckpoint(crypto, record.checkpoint, origin, keys).checkpoint
    const found = { size: now.size, anchoredSize: anchor.size, epoch: record.epoch }
    try {
      const proof = await fetchConsistencyProof(context, url, anchor.size, now.size)
      verifyConsistency(crypto, anchor.size, now.size, anchor.root, now.root, proof)
      return { ...found, consistent: true }
    } catch (error) {
      return { ...found, consistent: false, code: codeOf(error) ?? 'LOG_NOT_CONSISTENT' }
    }
  } catch (error) {
    return { code: codeOf(error) ?? 'SERVER_UNAVAILABLE' }
  }
}
