/**
 * Where the demo is played: a whole system of its own in a temporary folder, every part a process of its own as
 * `trusthealth start` runs them; or the system that runs on a state folder. People register as everybody does.
 *
 * @module
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  openLedger,
  type CommitStatus,
  type LedgerCall,
  type LedgerIdentity,
} from '../../../../ledger/client/src/index.ts'
import { networkStatus, type NodeStatus } from '../../../../ledger/network/src/index.ts'
import { isErrorCode, type AttestationPolicy } from '../../../../shared/protocol/src/index.ts'
import type { StartableTeeKind, TeeSettings } from '../../../../tee/kinds/src/index.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import type { InvitationRequest } from '../../../sdk/src/hospital-answers/people.ts'
import type { Participant, ParticipantOptions } from '../../../sdk/src/participant.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { CommandError } from '../command-error.ts'
import { participantOptions } from '../connection.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import { findIdentity, type StoredIdentity } from '../identities.ts'
import { ledgerViewOf, type LedgerView } from '../ledger-view.ts'
import { registerPerson } from '../registration.ts'
import { stateFolderAt } from '../state-folder.ts'
import {
  LEDGER_PROGRAM,
  requireSystem,
  SERVER_PROGRAM,
  urlOf,
  type Consortium,
  type SystemState,
} from '../system-file.ts'
import { ledgerKindOf, type LedgerKind } from '../system/ledgers.ts'
import { startSystem, type RunningSystem } from '../system/system.ts'
import { ensureServer, storeFolder } from '../system/tees.ts'
import { embeddedInHand, fabricInHand, type LedgerInHand, type LyingPlace } from './ledger-in-hand.ts'
import { FolderCopy, SECURE_VOLUME, SQLCIPHER } from './server-files.ts'

/** An emulated machine needs seconds for what hardware does in milliseconds. */
const EMULATED_TIMEOUT_SECONDS = '300'

export const HOSPITALS = ['Hospital A', 'Hospital B'] as const

/** What the record server's host is told: a host that lies changes it. */
export interface HostSettings {
  readonly taPath?: string
  readonly measurement?: string
  readonly ledgerUrl?: string
}

/** Of a system of the demo's own; absent: the usual ones. */
export interface StageKinds {
  readonly ledger?: LedgerKind | undefined
  readonly tee?: StartableTeeKind | undefined
}

/** What the host of the record server is told of its program. */
export type StageProgram = Pick<TeeSettings, 'taPath' | 'measurement' | 'optee'>

export class Stage {
  readonly context: Context
  readonly #system: RunningSystem | undefined
  readonly #clients: Participant[] = []
  readonly #identities = new Map<string, StoredIdentity>()
  #honestHost: string | undefined
  #copies = 0

  private constructor(context: Context, system: RunningSystem | undefined) {
    this.context = context
    this.#system = system
  }

  /** A new system in a temporary folder; ends with the demo. */
  static async openTemporary(context: Context, { ledger, tee }: StageKinds = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'trusthealth-demo-'))
    const { timeout = tee === 'optee' ? EMULATED_TIMEOUT_SECONDS : undefined, ...others } = context.flags
    const flags = { ...others, ...(timeout === undefined ? {} : { timeout }), state: folder, input: false }
    const own = { ...context, state: stateFolderAt(folder), flags }
    try {
      return new Stage(
        own,
        await startSystem(own, {
          hospitals: HOSPITALS,
          ...(ledger === undefined ? {} : { ledger }),
          ...(tee === undefined ? {} : { tee }),
          restart: false,
          anyPorts: true,
        }),
      )
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** The system that runs on the state folder. What would damage it is not played. */
  static openRunning(context: Context): Stage {
    requireSystem(context.state)
    return new Stage(context, undefined)
  }

  /** Whether the demo may stop parts of it and change its files. */
  get isOwn(): boolean {
    return this.#system !== undefined
  }

  get folder(): string {
    return this.context.state.root
  }

  get consortium(): Consortium {
    return requireSystem(this.context.state).consortium
  }

  get current(): SystemState {
    return this.#system?.current ?? requireSystem(this.context.state).system
  }

  get ledgerUrl(): string {
    return urlOf(this.current, LEDGER_PROGRAM)
  }

  ledgerView(): Promise<LedgerView> {
    return ledgerViewOf(this.context, this.consortium, this.current)
  }

  /** The record server's encrypted database and its device key. */
  get dataFolder(): string {
    return join(storeFolder(this.context.state), 'data')
  }

  hospitalOf(place: number): Consortium['hospitals'][number] {
    const hospital = this.consortium.hospitals[place]
    if (hospital === undefined) throw new CommandError('CLIENT_USAGE', { what: 'The demo needs two hospitals.' })
    return hospital
  }

  /** The staff of a hospital: 0 is the first. */
  staff(place: number): HospitalClient {
    const { state, crypto } = this.context
    const who = findIdentity(state, crypto, this.hospitalOf(place).slug)
    return this.#keep(new HospitalClient(this.#optionsOf(who)))
  }

  /** A code from the staff; a key made here; registered. */
  async register(place: number, invitation: InvitationRequest): Promise<{ readonly code: string }> {
    const { context } = this
    const { code } = await this.staff(place).invite(invitation)
    const hospital = this.hospitalOf(place)
    const person = { system: this.current, hospital, name: invitation.name, code, device: 'phone' }
    const { slug } = await registerPerson(context, person)
    this.#identities.set(invitation.name, findIdentity(context.state, context.crypto, slug))
    return { code }
  }

  /** Tries a code again with another key. */
  async registerAgain(place: number, name: string, code: string): Promise<void> {
    const person = { system: this.current, hospital: this.hospitalOf(place), name, code, device: 'phone' }
    await registerPerson(this.context, person)
  }

  identityOf(name: string): StoredIdentity {
    const who = this.#identities.get(name)
    if (who === undefined) throw new TypeError(`${name} has not registered`)
    return who
  }

  patient(name: string, changes: Partial<ParticipantOptions> = {}): PatientClient {
    return this.#keep(new PatientClient({ ...this.#optionsOf(this.identityOf(name)), ...changes }))
  }

  doctor(name: string, changes: Partial<ParticipantOptions> = {}): DoctorClient {
    return this.#keep(new DoctorClient({ ...this.#optionsOf(this.identityOf(name)), ...changes }))
  }

  optionsOf(name: string): ParticipantOptions {
    return this.#optionsOf(this.identityOf(name))
  }

  /** Submits to the ledger directly, signed as `identity`. */
  async submitAs(identity: LedgerIdentity, call: LedgerCall): Promise<CommitStatus> {
    const { crypto, clock } = this.context
    const { channel } = this.consortium
    const ledger = await openLedger(this.ledgerUrl, {
      crypto,
      channel,
      identity,
      nowMs: () => clock.nowMs(),
    })
    try {
      return await ledger.submit(await ledger.prepare(identity, call))
    } finally {
      await ledger.close()
    }
  }

  /** The service of a hospital with its keys, as whoever runs it has them. */
  serviceOf(place: number): StoredIdentity & { readonly ledger: LedgerIdentity } {
    const { state, crypto } = this.context
    const who = findIdentity(state, crypto, this.hospitalOf(place).slug)
    const { credential, mspId } = who.identity
    const [cert] = credential.kind === 'x509' ? credential.chain : []
    if (cert === undefined) throw new TypeError('a hospital has a certificate')
    return { ...who, ledger: { mspId, cert, signingKey: who.keys.signingKey } }
  }

  /** What a client accepts that takes no practice system for a real one. */
  get hardwarePolicy(): AttestationPolicy {
    return { teeKinds: ['process', 'optee'], minSecurityVersion: 0 }
  }

  async stopServer(): Promise<void> {
    await this.#own().runner(SERVER_PROGRAM).stop()
  }

  /**
   * Starts the record server.
   * @throws {CommandError} the code with which it refused to go on, `STATE_ROLLED_BACK` for one.
   */
  async startServer(settings?: HostSettings): Promise<void> {
    this.#tellHost(settings)
    try {
      await this.#own().runner(SERVER_PROGRAM).start()
    } catch (error) {
      const reason = error instanceof CommandError ? error.words.reason : undefined
      const code = /"code":"([A-Z_]+)"/.exec(reason ?? '')?.[1]
      throw isErrorCode(code) ? new CommandError(code, { cause: error }) : error
    }
  }

  async restartServer(settings?: HostSettings): Promise<void> {
    await this.stopServer()
    await this.startServer(settings)
  }

  async stopLedger(): Promise<void> {
    await this.#own().runner(LEDGER_PROGRAM).stop()
  }

  async startLedger(): Promise<void> {
    await this.#own().runner(LEDGER_PROGRAM).start()
  }

  /** The server's files as they are now; it must be stopped. */
  copyServer(): FolderCopy {
    return new FolderCopy(
      this.dataFolder,
      join(this.folder, 'copies', `server-${++this.#copies}`),
      this.tee === 'optee' ? SECURE_VOLUME : SQLCIPHER,
    )
  }

  #ledgerInHand(): LedgerInHand {
    const { state } = this.context
    return this.kind === 'fabric' ? fabricInHand(state, this.hospitalOf(0).slug) : embeddedInHand(state)
  }

  get kind(): LedgerKind {
    return ledgerKindOf(this.consortium)
  }

  /** What the record server runs in. */
  get tee(): StartableTeeKind {
    return ensureServer(this.context, undefined).tee
  }

  /** As `start` set it up. */
  get program(): StageProgram {
    return JSON.parse(this.#hostSettings()) as StageProgram
  }

  /** Something that lies in the place of the ledger. */
  async lyingPlace(): Promise<LyingPlace> {
    return await this.#ledgerInHand().lyingPlace(this.ledgerUrl, this.attackFolder())
  }

  /** The processes of a network of Fabric. */
  async networkNodes(): Promise<readonly NodeStatus[]> {
    return (await networkStatus(this.context.state.fabric))?.nodes ?? []
  }

  /** From now on, until `letNetworkRestart`, nobody starts the network's processes again. */
  holdNetwork(): void {
    this.#signalNetwork('SIGSTOP')
  }

  letNetworkRestart(): void {
    this.#signalNetwork('SIGCONT')
  }

  #signalNetwork(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid } = this.#own().runner(LEDGER_PROGRAM)
    if (pid !== 0) process.kill(pid, signal)
  }

  /** Changes one digit of a text wherever it stands in blocks; the ledger must be stopped. @returns undoes it. */
  alterBlocks(text: string): () => void {
    return this.#ledgerInHand().alterBlocks(text, join(this.folder, 'copies', `ledger-${++this.#copies}`))
  }

  /** A folder for files of the attackers. */
  attackFolder(): string {
    const folder = join(this.folder, 'attack')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return folder
  }

  /** Ends what the demo started, and removes the folder. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    if (this.#system === undefined) return
    // One that is held could not end what it started.
    if (this.kind === 'fabric') this.letNetworkRestart()
    await this.#system.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The host's settings, changed; without changes those that `start` wrote. */
  #tellHost(settings: HostSettings | undefined): void {
    const honest = JSON.parse(this.#hostSettings()) as Record<string, unknown>
    writePrivateFile(this.#hostFile, `${JSON.stringify({ ...honest, ...settings }, null, 2)}\n`)
  }

  get #hostFile(): string {
    return join(this.context.state.server, 'host.json')
  }

  #hostSettings(): string {
    if (!existsSync(this.#hostFile)) throw new TypeError('the record server has no settings')
    this.#honestHost ??= readFileSync(this.#hostFile, 'utf8')
    return this.#honestHost
  }

  #own(): RunningSystem {
    if (this.#system === undefined) throw new TypeError('only on a system of its own')
    return this.#system
  }

  #optionsOf(who: StoredIdentity): ParticipantOptions {
    return participantOptions(this.context, who, this.consortium, this.current)
  }

  #keep<C extends Participant>(client: C): C {
    this.#clients.push(client)
    return client
  }
}
