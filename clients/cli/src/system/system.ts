/**
 * The whole system on one machine: the shared ledger, the record server with its trusted application, and the
 * hospitals, each in a process of its own on loopback. Makes what is missing, goes on where an earlier start was cut
 * off, and keeps everything running until it is closed. A hospital that is added to `consortium.json` meanwhile joins.
 *
 * @module
 */
import { unwatchFile, watchFile } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLedger, type Ledger } from '../../../../ledger/client/src/index.ts'
import { ERROR_TABLE } from '../../../../shared/protocol/src/index.ts'
import { codeOfFailure, usageError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { slugOf } from '../state-folder.ts'
import {
  findConsortium,
  findSystem,
  LEDGER_PROGRAM,
  SERVER_PROGRAM,
  writeConsortium,
  writeSystem,
  type Consortium,
  type SystemState,
} from '../system-file.ts'
import { VERSION } from '../version.ts'
import { CHANNEL } from './ledger-setup.ts'
import { ledgerKindOf, systemLedger, type LedgerKind } from './ledgers.ts'
import { endLeftovers } from './leftovers.ts'
import { takeLock } from './lock.ts'
import { checkNames, openMember, type Member } from './members.ts'
import { openOperator, type Operator } from './operator.ts'
import { FIRST_PORT, freePort, LOOPBACK } from './ports.ts'
import { startOf } from './processes.ts'
import { ProgramRunner, type Program } from './program-runner.ts'
import { hospitalProgram, recordServerProgram, tellDirectories, type RecordServerPlaces } from './programs.ts'
import {
  configurationOf,
  followConfiguration,
  setUpRecordServer,
  type RecordServerParts,
} from './record-server-setup.ts'
import { registerDevice } from './replica.ts'
import { prepareNewHardware, restoringDevice } from './restoring.ts'
import type { SystemLedger } from './system-ledger.ts'
import { ensureServer, installProgram, isOfAnotherBundle, type InstalledProgram } from './tees.ts'
import type { StartableTeeKind } from '../../../../tee/kinds/src/index.ts'

export interface SystemOptions {
  /** Names of the hospitals, for the first start; later ones take those that are there. */
  readonly hospitals?: readonly string[]
  /** For the first start; later ones take the one that is there. Default `embedded`. */
  readonly ledger?: LedgerKind
  /** For the first start; later ones take the one that is there. Default `process`. */
  readonly tee?: StartableTeeKind
  /** False: a program that ends stays down. */
  readonly restart: boolean
  /** A program ended by itself. */
  readonly onDown?: (program: Program, reason: string) => void
  /** Nothing but the ledger, for votes while the record server may not start. Not for the first start. */
  readonly ledgerOnly?: boolean
  /** New hardware: the store of the lost record server is restored from the newest backup in this folder. */
  readonly restoreFrom?: string
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

export const DEFAULT_HOSPITALS = ['Hospital A', 'Hospital B'] as const
/** How often `consortium.json` is looked at. */
const LOOK_EVERY_MS = 250
const ADMIT_ATTEMPTS = 5
const ADMIT_PAUSE_MS = 500
const ANOTHER_BUNDLE = 'The record server runs an earlier program than the one here. The one here:  npm run optee:build'

/** What everything after the ledger and the record server needs. */
interface Parts {
  readonly operator: Operator
  readonly ledger: SystemLedger
  readonly program: InstalledProgram
  readonly ledgerUrl: string
  readonly serverUrl: string
}

/**
 * Starts everything; resolves when all parts take requests.
 * @throws {CommandError} `CLIENT_ALREADY_RUNNING`, `SERVER_UNAVAILABLE` for a program that does not start.
 */
export async function startSystem(context: Context, options: SystemOptions): Promise<RunningSystem> {
  const release = takeLock(context.state)
  const system = new System(context, options, release)
  const isFirst = findConsortium(context.state) === undefined
  const firstTime = options.tee === 'optee' ? 'some minutes' : 'a minute'
  context.output.note(isFirst ? `Starting. The first time takes ${firstTime}.` : 'Starting.')
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
  readonly #members: Member[] = []
  readonly #refused = new Map<string, { readonly code: string; readonly timeMs: number }>()
  #admitting: Promise<void> = Promise.resolve()
  readonly #closing = new AbortController()
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
      ...(this.#refused.size === 0 ? {} : { refused: Object.fromEntries(this.#refused) }),
    }
  }

  runner(name: string): ProgramRunner {
    const found = this.#runners.get(name)
    if (found === undefined) throw new RangeError(`no program ${name}`)
    return found
  }

  async start(): Promise<void> {
    const { state, output } = this.#context
    if (this.#options.ledgerOnly === true && this.#earlier === undefined) {
      throw usageError('There is no system yet whose ledger could be started alone.', 'trusthealth start')
    }
    const operator = await openOperator(this.#context)
    const ledger = systemLedger(this.#ledgerKind(), this.#context, operator)
    const members = await this.#openMembers(operator, ledger)

    output.detail('Starting the shared ledger.')
    const ledgerUrl = await this.#run(await ledger.program(this.consortium, () => this.#port(LEDGER_PROGRAM, 0)))
    if (this.#options.ledgerOnly === true) return
    if (this.isFirst) await ledger.join(this.consortium, ledgerUrl, members)

    const { restoreFrom } = this.#options
    if (restoreFrom !== undefined) prepareNewHardware(this.#context, this.consortium, this.isFirst)
    const program = installProgram(state, ensureServer(this.#context, this.#options.tee).tee)
    this.#measurement = program.measurement
    if (isOfAnotherBundle(program)) output.note(ANOTHER_BUNDLE)
    output.detail('Setting up the record server.')
    const parts = { operator, ledger, program, ledgerUrl }
    await this.#withServerParts(parts, (server) => setUpRecordServer(this.#context, server))
    output.detail('Starting the record server.')
    const port = await this.#port(SERVER_PROGRAM, 1)
    let restore: RecordServerPlaces['restore']
    if (restoreFrom !== undefined) {
      await this.#withServerParts(parts, async (lost) => {
        restore = { configuration: configurationOf(lost), backups: restoreFrom }
      })
    }
    const places = { ...parts, port, ...(restore === undefined ? {} : { restore }) }
    const server = await recordServerProgram(this.#context, places)
    const all = { ...parts, serverUrl: `http://127.0.0.1:${port}` }
    const joined = await this.#joinedMembers(all, members)
    // A hospital asks the record server when somebody asks the hospital, so neither waits for the other.
    await Promise.all([this.#run(server), this.#startHospitals(all, joined)])
    if (restoreFrom !== undefined) {
      const { attestationKey } = await restoringDevice(this.#context, all.serverUrl)
      // Hospitals look for it there, before they give a share.
      await this.#withServerParts(all, async ({ ledger: writer, serverRef }) => {
        if (attestationKey !== undefined) await registerDevice(writer, operator, serverRef, attestationKey)
      })
      return
    }
    await this.#tellServer(all)
    const admit = () => this.#admitNew(all)
    watchFile(state.consortium, { interval: LOOK_EVERY_MS, persistent: false }, () => void admit())
    await admit()
  }

  /** @throws {CommandError} `CLIENT_USAGE` for another ledger than the system has. */
  #ledgerKind(): LedgerKind {
    const known = findConsortium(this.#context.state)
    const { ledger: asked } = this.#options
    if (known === undefined) return asked ?? 'embedded'
    const kind = ledgerKindOf(known)
    if (asked === undefined || asked === kind) return kind
    throw usageError(`The system in ${this.#context.state.root} has the other ledger: ${kind}.`, 'another --state')
  }

  async close(): Promise<void> {
    this.#closing.abort()
    unwatchFile(this.#context.state.consortium)
    await this.#admitting
    // Last started first: nobody asks a part that is already gone.
    for (const runner of [...this.#runners.values()].toReversed()) await runner.stop()
    if (this.#runners.size > 0) this.#write()
    this.#release()
  }

  /** Keys and references of every hospital; the consortium's public file is written at the first start. */
  async #openMembers(operator: Operator, ledger: SystemLedger): Promise<Member[]> {
    const { state, clock } = this.#context
    const known = findConsortium(state)
    const names = checkNames(this.#options.hospitals ?? DEFAULT_HOSPITALS)
    const wanted = known?.hospitals ?? names.map((name) => ({ name, slug: slugOf(name) }))
    const members: Member[] = []
    for (const { name, slug } of wanted) members.push(await openMember(this.#context, name, slug))
    this.isFirst = known === undefined
    this.#consortium = known ?? {
      v: 1,
      channel: CHANNEL,
      ...ledger.facts(members),
      serverRef: ensureServer(this.#context, this.#options.tee).serverRef,
      operatorMspId: operator.organization.mspId,
      createdMs: clock.nowMs(),
      hospitals: members.map(({ slug, name, mspId, ref }) => ({ slug, name, mspId, ref })),
    }
    if (known === undefined) writeConsortium(state, this.#consortium)
    return members
  }

  /** Those that the ledger has already. */
  async #joinedMembers({ ledger, ledgerUrl }: Parts, members: readonly Member[]): Promise<readonly Member[]> {
    const { organizations } = await ledger.configuration(this.consortium, ledgerUrl)
    return members.filter((member) => organizations.some(({ mspId }) => mspId === member.mspId))
  }

  /** Of configurations that it does not know. */
  async #tellServer(parts: Parts): Promise<void> {
    try {
      await this.#withServerParts(parts, (server) => followConfiguration(this.#context, server, parts.serverUrl))
    } catch (error) {
      const code = codeOfFailure(error)
      if (code === undefined || this.isFirst) throw error
      // The others go on: they are in the configuration that the server has.
      this.#context.output.note(`The record server does not take the configuration of the ledger: ${code}.`)
    }
  }

  /** Lets in, one after the other, the hospitals of `consortium.json` that are not there. */
  #admitNew(parts: Parts): Promise<void> {
    const { output } = this.#context
    this.#admitting = this.#admitting
      .then(() => this.#admitAll(parts))
      .catch((error: unknown) => {
        output.note(`consortium.json cannot be read: ${codeOfFailure(error) ?? 'SERVICE_FAULT'}.`)
      })
    return this.#admitting
  }

  async #admitAll(parts: Parts): Promise<void> {
    const consortium = findConsortium(this.#context.state) ?? this.consortium
    const isThere = (slug: string) => this.#members.some((member) => member.slug === slug)
    for (const { name, slug } of consortium.hospitals.filter((hospital) => !isThere(hospital.slug))) {
      if (this.#closing.signal.aborted) return
      try {
        await this.#admit(parts, await openMember(this.#context, name, slug))
        this.#refused.delete(slug)
        this.#consortium = findConsortium(this.#context.state) ?? consortium
        this.#context.output.note(`${name} joined.`)
      } catch (error) {
        // Told to whoever asked for it; the rest goes on.
        const code = codeOfFailure(error) ?? 'SERVICE_FAULT'
        this.#refused.set(slug, { code, timeMs: this.#context.clock.nowMs() })
        this.#context.output.note(`${name} did not join: ${code}.`)
      }
      this.#write()
    }
  }

  /** Every step looks first whether it was done, so it is tried again while a part does not answer. */
  async #admit(parts: Parts, member: Member): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await parts.ledger.join(this.consortium, parts.ledgerUrl, [...this.#members, member], this.#closing.signal)
        await this.#withServerParts(parts, (server) => followConfiguration(this.#context, server, parts.serverUrl))
        break
      } catch (error) {
        const code = codeOfFailure(error)
        const helps = code !== undefined && ERROR_TABLE[code].kind === 'unavailable'
        if (!helps || attempt === ADMIT_ATTEMPTS || this.#closing.signal.aborted) throw error
        await sleep(attempt * ADMIT_PAUSE_MS)
      }
    }
    await this.#startHospitals(parts, [member])
  }

  /** Together: none needs another. */
  async #startHospitals({ ledgerUrl, serverUrl }: Parts, members: readonly Member[]): Promise<void> {
    const { state, output } = this.#context
    const ports: number[] = []
    for (const [i, { slug }] of members.entries()) ports.push(await this.#port(slug, 2 + this.#members.length + i))
    const earlier = this.#members.flatMap(({ ref, name, slug }) => {
      const { url } = this.runner(slug)
      return url === undefined ? [] : [{ ref, name, url }]
    })
    const started = members.map(({ ref, name }, i) => ({ ref, name, url: `http://${LOOPBACK}:${ports[i]}` }))
    const places = { consortium: this.consortium, ledgerUrl, serverUrl, directories: [...earlier, ...started] }
    const programs = members.map((member, i) => {
      output.detail(`Starting ${member.name}.`)
      return hospitalProgram(state, member, places, ports[i] as number)
    })
    await Promise.all(programs.map((program) => this.#run(program)))
    for (const member of this.#members) tellDirectories(state, member, places.directories)
    this.#members.push(...members)
  }

  /** With the configuration that is in force now. */
  async #withServerParts(
    { operator, ledger: chosen, program, ledgerUrl }: Omit<Parts, 'serverUrl'>,
    work: (parts: RecordServerParts) => Promise<void>,
  ): Promise<void> {
    const { serverRef } = this.consortium
    const configuration = await chosen.configuration(this.consortium, ledgerUrl)
    const updates = (from: number) => chosen.updates(ledgerUrl, from)
    const ledger = await operatorLedger(this.#context, ledgerUrl, operator)
    try {
      await work({ operator, program, configuration, updates, ledger, serverRef })
    } finally {
      await ledger.close()
    }
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

function operatorLedger({ crypto, clock }: Context, url: string, { organization }: Operator): Promise<Ledger> {
  const identity = organization.admin
  return openLedger(url, { crypto, channel: CHANNEL, identity, nowMs: () => clock.nowMs() })
}
