/**
 * The whole system on one machine: the shared ledger, the record server with its trusted application, and the
 * hospitals, each in a process of its own on loopback. Makes what is missing, goes on where an earlier start was cut
 * off, and keeps everything running until it is closed.
 *
 * @module
 */
import { openOrganization, openServiceIdentity, type Organization } from '../../../../hospital/src/index.ts'
import { createEmbeddedLedgerClient, type Ledger } from '../../../../ledger/client/src/index.ts'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { mspIdShape } from '../../../../shared/protocol/src/index.ts'
import { usageError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { slugOf } from '../state-folder.ts'
import {
  findConsortium,
  findSystem,
  hospitalFolder,
  LEDGER_PROGRAM,
  SERVER_PROGRAM,
  writeConsortium,
  writeSystem,
  type Consortium,
  type HospitalEntry,
  type SystemState,
} from '../system-file.ts'
import { VERSION } from '../version.ts'
import { CHANNEL, ensureGenesis, joinHospitals } from './ledger-setup.ts'
import { endLeftovers } from './leftovers.ts'
import { takeLock } from './lock.ts'
import { openOperator, type Operator } from './operator.ts'
import { FIRST_PORT, freePort } from './ports.ts'
import { startOf } from './processes.ts'
import { ProgramRunner, type Program } from './program-runner.ts'
import { hospitalProgram, ledgerProgram, recordServerProgram } from './programs.ts'
import { ensureServerRef, installBundle, setUpRecordServer } from './record-server-setup.ts'

export interface SystemOptions {
  /** Names of the hospitals, for the first start; later ones take those that are there. */
  readonly hospitals?: readonly string[]
  /** False: a program that ends stays down. */
  readonly restart: boolean
  /** A program ended by itself. */
  readonly onDown?: (program: Program, reason: string) => void
  /** Ports are any free ones, not the usual ones: for systems beside another. */
  readonly anyPorts?: boolean
}

export interface RunningSystem {
  readonly consortium: Consortium
  /** What runs now. */
  readonly current: SystemState
  /** Whether this start made the consortium. */
  readonly isFirst: boolean
  runner(name: string): ProgramRunner
  /** Stops all programs in order, and gives the folder free. */
  close(): Promise<void>
}

interface Member extends HospitalEntry {
  readonly organization: Organization
}

export const DEFAULT_HOSPITALS = ['Hospital A', 'Hospital B'] as const

/**
 * Starts everything; resolves when all parts take requests.
 * @throws {CommandError} `CLIENT_ALREADY_RUNNING`, `SERVER_UNAVAILABLE` for a program that does not start.
 */
export async function startSystem(context: Context, options: SystemOptions): Promise<RunningSystem> {
  const release = takeLock(context.state)
  const system = new System(context, options, release)
  const isFirst = findConsortium(context.state) === undefined
  context.output.note(isFirst ? 'Starting. The first time takes a minute.' : 'Starting.')
  try {
    await endLeftovers(context)
    await system.start()
    return system
  } catch (error) {
    await system.close()
    throw error
  }
}

class System implements RunningSystem {
  readonly #context: Context
  readonly #options: SystemOptions
  readonly #release: () => void
  readonly #runners = new Map<string, ProgramRunner>()
  readonly #startedMs: number
  readonly #earlier: SystemState | undefined
  readonly #ports = new Set<number>()
  #consortium: Consortium | undefined
  #measurement: string | undefined
  isFirst = false

  constructor(context: Context, options: SystemOptions, release: () => void) {
    this.#context = context
    this.#options = options
    this.#release = release
    this.#startedMs = context.clock.nowMs()
    this.#earlier = findSystem(context.state)
  }

  get consortium(): Consortium {
    if (this.#consortium === undefined) throw new TypeError('the system has not started')
    return this.#consortium
  }

  get current(): SystemState {
    const programs = [...this.#runners.values()].map((runner) => [
      runner.program.name,
      {
        pid: runner.pid,
        start: startOf(runner.pid) ?? '',
        url: runner.url ?? '',
        state: runner.state,
        restarts: runner.restarts,
        log: runner.program.log,
      },
    ])
    return {
      v: 1,
      version: VERSION,
      pid: process.pid,
      startedMs: this.#startedMs,
      ...(this.#measurement === undefined ? {} : { measurement: this.#measurement }),
      programs: Object.fromEntries(programs) as SystemState['programs'],
    }
  }

  runner(name: string): ProgramRunner {
    const found = this.#runners.get(name)
    if (found === undefined) throw new RangeError(`no program ${name}`)
    return found
  }

  async start(): Promise<void> {
    const { state, output } = this.#context
    const operator = await openOperator(this.#context)
    const members = await this.#openMembers(operator)
    const consortium = this.consortium
    const { serverRef } = consortium
    const genesis = ensureGenesis(this.#context, operator)

    output.detail('Starting the shared ledger.')
    const ledgerPort = await this.#port(LEDGER_PROGRAM, 0)
    const ledgerUrl = await this.#run(ledgerProgram(state, operator.nodeKeyFile, genesis, ledgerPort))
    await joinHospitals(this.#context, ledgerUrl, operator, members)

    const measurement = installBundle(state)
    this.#measurement = measurement
    const ledger = operatorLedger(this.#context, ledgerUrl, operator)
    try {
      output.detail('Setting up the record server.')
      const hospitals = members.map(({ organization }) => organization)
      await setUpRecordServer(this.#context, { operator, hospitals, ledger, serverRef, measurement })
    } finally {
      await ledger.close()
    }
    output.detail('Starting the record server.')
    const serverPort = await this.#port(SERVER_PROGRAM, 1)
    const server = await recordServerProgram(this.#context, { operator, ledgerUrl, measurement, port: serverPort })
    const serverUrl = await this.#run(server)

    for (const [i, member] of members.entries()) {
      output.detail(`Starting ${member.name}.`)
      const port = await this.#port(member.slug, 2 + i)
      const places = { consortium, ledgerUrl, serverUrl }
      await this.#run(hospitalProgram(state, member, places, port))
    }
  }

  async close(): Promise<void> {
    // Last started first: nobody asks a part that is already gone.
    for (const runner of [...this.#runners.values()].toReversed()) await runner.stop()
    if (this.#runners.size > 0) this.#write()
    this.#release()
  }

  /** Keys and references of every hospital; the consortium's public file is written at the first start. */
  async #openMembers(operator: Operator): Promise<Member[]> {
    const { state, crypto, clock } = this.#context
    const known = findConsortium(state)
    const nowMs = () => clock.nowMs()
    const names = known?.hospitals.map(({ name }) => name) ?? checkNames(this.#options.hospitals ?? DEFAULT_HOSPITALS)
    const members: Member[] = []
    for (const name of names) {
      const slug = known?.hospitals.find((one) => one.name === name)?.slug ?? slugOf(name)
      const mspId = mspIdShape(mspIdOf(name), 'mspId')
      const folder = hospitalFolder(state, slug)
      const organization = await openOrganization(folder, { crypto, mspId, nowMs })
      const { ref } = await openServiceIdentity(folder, name, organization, crypto, nowMs)
      members.push({ slug, name, mspId, ref, organization })
    }
    this.isFirst = known === undefined
    this.#consortium = known ?? {
      v: 1,
      channel: CHANNEL,
      nodes: [{ mspId: operator.organization.mspId, publicKey: encodeBase64url(operator.nodeKey.publicKey) }],
      quorum: 1,
      serverRef: ensureServerRef(this.#context),
      operatorMspId: operator.organization.mspId,
      createdMs: clock.nowMs(),
      hospitals: members.map(({ slug, name, mspId, ref }) => ({ slug, name, mspId, ref })),
    }
    if (known === undefined) writeConsortium(state, this.#consortium)
    return members
  }

  /** The port of the last start, so that addresses stay; else the usual one; else any that is free. */
  async #port(name: string, place: number): Promise<number> {
    const earlier = this.#earlier?.programs[name]?.url
    const usual = this.#options.anyPorts === true ? 0 : FIRST_PORT + place
    const preferred = earlier === undefined || earlier === '' ? usual : Number(new URL(earlier).port)
    const port = await freePort(preferred, this.#ports)
    this.#ports.add(port)
    return port
  }

  async #run(program: Program): Promise<string> {
    const runner = new ProgramRunner(program, {
      restart: this.#options.restart,
      onChange: () => this.#write(),
      onDown: (down, reason) => this.#options.onDown?.(down, reason),
    })
    this.#runners.set(program.name, runner)
    return await runner.start()
  }

  #write(): void {
    writeSystem(this.#context.state, this.current)
  }
}

function operatorLedger({ crypto, clock }: Context, url: string, { organization }: Operator): Ledger {
  const identity = organization.admin
  return createEmbeddedLedgerClient(url, { crypto, channel: CHANNEL, identity, nowMs: () => clock.nowMs() })
}

/** `Hospital A` is `HospitalA`. */
function mspIdOf(name: string): string {
  const words = slugOf(name)
    .split('-')
    .filter((word) => word !== '')
  return words
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
    .slice(0, 32)
}

function checkNames(names: readonly string[]): readonly string[] {
  const slugs = names.map(slugOf)
  const reserved = new Set<string>([LEDGER_PROGRAM, SERVER_PROGRAM])
  const isRight =
    names.length > 0 &&
    names.length <= 8 &&
    new Set(slugs).size === slugs.length &&
    slugs.every((slug) => !reserved.has(slug)) &&
    names.every((name) => /^[A-Za-z][A-Za-z0-9]{1,31}$/.test(mspIdOf(name)))
  if (isRight) return names
  throw usageError('Each hospital needs a name of its own that begins with a letter.', '--hospital "Hospital A"')
}
