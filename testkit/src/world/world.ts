/**
 * A whole TrustHealth for tests, on loopback and in a temporary folder: the embedded ledger, the services of two
 * hospitals, a record server with the real trusted application, and people with the clients that everybody uses.
 *
 * @example
 * ```ts
 * await using world = await openTestWorld()
 * const bob = await world.patient('bob')
 * const alice = await world.doctor('alice')
 * const { warrant } = await world.permit(bob, [alice])
 * const stored = await alice.store({ patient: bob.ref, warrant, ehr: labResult(47) })
 * await world.verifyEverything()
 * ```
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DoctorClient,
  HospitalClient,
  HttpTransport,
  parseIdentityFile,
  PatientClient,
  type BinaryFetch,
  type ConsortiumConfig,
  type IssuedWarrant,
  type ParticipantOptions,
  type Transport,
  type WarrantTerms,
} from '../../../clients/sdk/src/index.ts'
import { startHospital, type RunningHospital } from '../../../hospital/src/compose.ts'
import type { HospitalConfiguration } from '../../../hospital/src/configuration.ts'
import { openOrganization, serviceIdentityPath, type Organization } from '../../../hospital/src/index.ts'
import { submitCall } from '../../../ledger/client/src/submit-call.ts'
import { encodeConfiguration, type DatabasePort } from '../../../secure/core/src/index.ts'
import type { Limits } from '../../../secure/core/src/limits.ts'
import { encodeBase64url, encodeHex, type Crypto, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { logOriginOf, type ChannelConfiguration } from '../../../shared/ledger-model/src/index.ts'
import {
  newRef,
  type AuthorRef,
  type HospitalRef,
  type MspId,
  type OpteeReference,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { createMovableClock, createServerClock, type MovableClock, type ServerClock } from './clock.ts'
import type { HostHooks } from './host.ts'
import { INSECURE_MEASUREMENT } from './in-process-tee.ts'
import { participantOptions, register, type Registered, type Surroundings } from './people.ts'
import { RecordServer } from './record-server.ts'
import { Traffic } from './traffic.ts'
import { startLedgerInProcess, startLedgerOnFabric, startLedgerProcess, type WorldLedger } from './world-ledger.ts'
import { verifyEverything, verifyNewest, type SeenLog, type Verified } from './verify-everything.ts'

type Directories = NonNullable<HospitalConfiguration['directories']>
export type HospitalName = 'a' | 'b'
const HOSPITALS = { a: 'Hospital A', b: 'Hospital B' } as const
const MSP_IDS = { a: 'HospitalA', b: 'HospitalB' } as const satisfies Record<HospitalName, string>
const CHANNEL = 'health'
const CHAINCODE = 'trusthealth'
const DAY_MS = 86_400_000

export interface TestWorldOptions {
  /** A driver of a process of its own and the key and measurement to register; default: in this process. */
  readonly tee?: ProcessTee
  /** The ledger as a program of its own, which can be killed; its clock cannot be moved. */
  readonly ledgerProcess?: boolean
  /** The ledger on a network of Hyperledger Fabric with a peer of each hospital; its clock cannot be moved. */
  readonly fabric?: boolean
  /** 0 to 5,000. */
  readonly policyCacheMs?: number
  readonly emergencyMs?: number
  /** Wraps the database of the trusted application in this process. */
  readonly database?: (port: DatabasePort) => DatabasePort
  /** Of the trusted application in this process; default: a process's. */
  readonly limits?: Limits
  /** The token under which another record server may follow this one. */
  readonly replicaToken?: string
  /** What the hospitals' configurations say beside the usual. */
  readonly hospital?: Partial<HospitalConfiguration>
  /** Hospital B starts first; what is returned is where A is told to fetch the lists of others' doctors. */
  readonly directories?: (b: { readonly ref: HospitalRef; readonly url: string }) => Directories
  /** Keeps the folder after `close`, for a look at it. */
  readonly keepFolder?: boolean
}

/** How to run the trusted application in a process of its own. */
export interface ProcessTee {
  /** Hex. */
  readonly measurement: string
  readonly start: (storeFolder: string, traffic: Traffic) => Promise<TeeDriver>
  /** What the registration says of a TEE of another kind; default: `process`. */
  readonly registration?: (tee: TeeDriver) => Promise<{ readonly teeKind: string; readonly optee: OpteeReference }>
}

export interface PersonOptions {
  /** Default: A. */
  readonly hospital?: HospitalName
  readonly department?: string
  /** Doctors: may open emergency access. */
  readonly emergency?: boolean
}

type Person = { readonly registered: Registered; readonly hospital: HospitalName }

export async function openTestWorld(options: TestWorldOptions = {}): Promise<TestWorld> {
  const world = new TestWorld(options)
  try {
    await world.start()
    return world
  } catch (error) {
    await world.close()
    throw error
  }
}

export class TestWorld {
  readonly crypto: Crypto = createNodeCrypto()
  readonly clock: MovableClock = createMovableClock()
  /** What the record server's host shows its trusted application. */
  readonly serverClock: ServerClock = createServerClock(this.clock)
  readonly folder: string
  readonly serverRef: ServerRef
  /** What the record server's host does instead of what it should. Empty: honest. */
  readonly hooks: HostHooks = {}
  readonly traffic = new Traffic()
  /** Texts that nobody outside the protected area may see. */
  readonly canaries = new Set<string>()
  /** Faults that services reported. */
  readonly faults: unknown[] = []
  readonly server: RecordServer
  #seenLog: SeenLog | undefined
  readonly #options: TestWorldOptions
  readonly #nodeKey: SigningKey
  #ledger: WorldLedger | undefined
  #ledgerPort = 0
  #genesis: ChannelConfiguration | undefined
  #organizations: Readonly<Record<HospitalName, Organization>> | undefined
  readonly #hospitals = new Map<HospitalName, RunningHospital>()
  readonly #people = new Map<string, Promise<Person>>()
  readonly #clients: { close(): void }[] = []
  readonly #patients = new Map<string, PatientClient>()

  /** @internal Use `openTestWorld`. */
  constructor(options: TestWorldOptions) {
    this.#options = options
    this.folder = mkdtempSync(join(tmpdir(), 'trusthealth-world-'))
    this.serverRef = newRef(this.crypto, 's')
    this.#nodeKey = this.crypto.generateSigningKey()
    this.server = new RecordServer({
      crypto: this.crypto,
      clock: this.serverClock,
      folder: join(this.folder, 'server'),
      ledger: () => this.ledger.ledger,
      identity: () => this.organization('a').admin,
      hooks: this.hooks,
      traffic: this.traffic,
      ...(options.tee === undefined ? {} : { startTee: options.tee.start }),
      ...(options.database === undefined ? {} : { database: options.database }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.replicaToken === undefined ? {} : { replica: { token: options.replicaToken } }),
    })
  }

  /** @internal */
  async start(): Promise<void> {
    const { crypto, clock } = this
    const nowMs = () => clock.nowMs()
    const organization = (name: HospitalName) =>
      openOrganization(this.hospitalFolder(name), { crypto, mspId: MSP_IDS[name] as MspId, nowMs })
    this.#organizations = { a: await organization('a'), b: await organization('b') }
    const { a, b } = this.#organizations
    const organizations = [a, b].map(({ mspId, authority }) => ({ mspId, roots: [authority.root] }))
    const common = { channel: CHANNEL, sequence: 0, organizations }
    this.#genesis =
      this.#options.fabric === true
        ? { ...common, nodes: [], quorum: 2, fabric: { chaincode: CHAINCODE } }
        : { ...common, nodes: [{ mspId: a.mspId, publicKey: this.#nodeKey.publicKey }], quorum: 1 }
    await this.startLedger()
    await this.server.start()
    await this.#provision()
    if (this.#options.directories === undefined) {
      await Promise.all([this.#startHospital('a'), this.#startHospital('b')])
    } else {
      // One after the other: A is told where B is.
      await this.#startHospital('b')
      await this.#startHospital('a')
    }
  }

  get ledger(): WorldLedger {
    if (this.#ledger === undefined) throw new TypeError('the ledger is stopped')
    return this.#ledger
  }

  get genesis(): ChannelConfiguration {
    if (this.#genesis === undefined) throw new TypeError('the world has not begun')
    return this.#genesis
  }

  /** The organisation's own keys, for tests that act as its administrator. */
  organization(name: HospitalName): Organization {
    if (this.#organizations === undefined) throw new TypeError('the world has not begun')
    return this.#organizations[name]
  }

  /** The hospital's service looks once whether its certificates are about to end; this world signs with the new ones, too. */
  async renewCertificates(name: HospitalName): Promise<boolean> {
    const isRenewed = await this.#hospital(name).renewCertificates()
    const { crypto, clock } = this
    const { mspId, admin } = this.organization(name)
    const nowMs = () => clock.nowMs()
    const { admin: renewed } = await openOrganization(this.hospitalFolder(name), { crypto, mspId, nowMs })
    // In place: the ledger's client and the record server's host hold it.
    Object.assign(admin, renewed)
    return isRenewed
  }

  hospitalFolder(name: HospitalName): string {
    return join(this.folder, 'hospitals', name)
  }

  hospitalRef(name: HospitalName): HospitalRef {
    return this.#hospital(name).ref
  }

  /** Whom the hospital takes a token or signed request for. */
  authorization(name: HospitalName): RunningHospital['authorization'] {
    return this.#hospital(name).authorization
  }

  hospitalUrl(name: HospitalName): string {
    return this.#hospital(name).url
  }

  /** The hospital's witness looks once. @param url of a copy of the record server. @returns the size that it cosigned. */
  lookAtLog(name: HospitalName, url?: string): Promise<number> {
    return this.#hospital(name).lookAtLog(url)
  }

  get ledgerFolder(): string {
    return join(this.folder, 'ledger')
  }

  /** What a hospital's program is started with. */
  hospitalConfiguration(name: HospitalName): HospitalConfiguration {
    const { channel, nodes, quorum, fabric } = this.consortium
    return {
      v: 1,
      name: HOSPITALS[name],
      mspId: MSP_IDS[name] as MspId,
      port: 0,
      channel,
      nodes,
      quorum,
      ...(fabric === undefined ? {} : { fabric }),
      ledgerUrl: this.ledger.url,
      server: { ref: this.serverRef, url: this.server.url },
      allowSimulated: true,
      ...this.#directoriesOf(name),
      ...this.#options.hospital,
    }
  }

  #directoriesOf(name: HospitalName): Pick<HospitalConfiguration, 'publishDirectory' | 'directories'> {
    const { directories } = this.#options
    if (directories === undefined) return {}
    if (name === 'b') return { publishDirectory: true }
    return { directories: directories({ ref: this.hospitalRef('b'), url: this.hospitalUrl('b') }) }
  }

  /** Its service ends, its folder stays: another process may run on it. */
  async stopHospital(name: HospitalName): Promise<void> {
    await this.#hospital(name).close()
    this.#hospitals.delete(name)
  }

  /** What every client believes of the consortium. */
  get consortium(): ConsortiumConfig {
    const { channel, nodes, quorum, fabric, organizations } = this.genesis
    return { channel, nodes, quorum, ...(fabric === undefined ? {} : { fabric: { ...fabric, organizations } }) }
  }

  /** Where the hospital's people are, for clients that a test makes itself. */
  surroundings(name: HospitalName): Surroundings {
    return {
      crypto: this.crypto,
      clock: this.clock,
      hospitalUrl: this.#hospital(name).url,
      hospitalName: HOSPITALS[name],
      consortium: this.consortium,
      serverRef: this.serverRef,
      transport: () => this.transport(),
    }
  }

  /** A way to the record server; what it carries is kept for searches. */
  transport(): Transport {
    return new HttpTransport(this.server.url, this.#fetchBytes)
  }

  /** The staff of a hospital. */
  hospital(name: HospitalName, changes: Partial<ParticipantOptions> = {}): HospitalClient {
    const text = readFileSync(serviceIdentityPath(this.hospitalFolder(name)), 'utf8')
    const { identity } = parseIdentityFile(this.crypto, text)
    return this.#keep(new HospitalClient(participantOptions(this.surroundings(name), identity, changes)))
  }

  /** A patient; registers at the first call of the name. */
  async patient(
    name: string,
    options: PersonOptions = {},
    changes: Partial<ParticipantOptions> = {},
  ): Promise<PatientClient> {
    const { registered, hospital } = await this.#person(name, 'patient', options)
    const client = new PatientClient(participantOptions(this.surroundings(hospital), registered.identity, changes))
    this.#patients.set(client.ref, client)
    return this.#keep(client)
  }

  /** A doctor; registers at the first call of the name. */
  async doctor(
    name: string,
    options: PersonOptions = {},
    changes: Partial<ParticipantOptions> = {},
  ): Promise<DoctorClient> {
    const { registered, hospital } = await this.#person(name, 'practitioner', options)
    return this.#keep(new DoctorClient(participantOptions(this.surroundings(hospital), registered.identity, changes)))
  }

  /** Keys of a registered person, for tests that sign by hand. */
  async keysOf(name: string): Promise<Registered> {
    const person = this.#people.get(name)
    if (person === undefined) throw new TypeError(`${name} is not registered`)
    return (await person).registered
  }

  /** A permission from now on, for a week and every kind unless told otherwise. */
  async permit(
    patient: PatientClient,
    doctors: readonly { readonly ref: AuthorRef }[],
    terms: Partial<WarrantTerms> = {},
  ): Promise<IssuedWarrant> {
    const nowMs = this.clock.nowMs()
    const name = await this.#hospitalOf(patient)
    return await patient.issueWarrant({
      doctors: doctors.map(({ ref }) => ref),
      hospital: this.hospitalRef(name),
      fromMs: nowMs - 1_000,
      untilMs: nowMs + 7 * DAY_MS,
      scope: ['*'],
      ...terms,
    })
  }

  /** Patients with clients, for `verifyEverything`. */
  get patients(): readonly PatientClient[] {
    return [...this.#patients.values()]
  }

  /** A text that must never be seen outside; remember it, and put it into a record. */
  canary(text = `canary-${encodeHex(this.crypto.randomBytes(12))}`): string {
    this.canaries.add(text)
    return text
  }

  /** The host becomes honest again. */
  beHonest(): void {
    for (const name of Object.keys(this.hooks)) delete this.hooks[name as keyof HostHooks]
  }

  /** Submits as the administrator of an organisation. */
  async submitAsAdmin(name: HospitalName, fn: string, args: readonly string[]) {
    return await submitCall(this.ledger.ledger, this.organization(name).admin, { fn, args })
  }

  /** Starts the ledger on its folder, at the same address as before. */
  async startLedger(): Promise<void> {
    const options = {
      crypto: this.crypto,
      folder: this.ledgerFolder,
      filesFolder: this.folder,
      genesis: this.genesis,
      nodeKey: this.#nodeKey,
      identity: this.organization('a').admin,
      port: this.#ledgerPort,
      nowMs: () => this.clock.nowMs(),
      onFault: (error: unknown) => this.faults.push(error),
    }
    if (this.#options.fabric === true) {
      const organizations = (['a', 'b'] as const).map((name) => ({ ...this.organization(name), name: HOSPITALS[name] }))
      this.#ledger = await startLedgerOnFabric({ ...options, organizations })
    } else if (this.#options.ledgerProcess === true) this.#ledger = await startLedgerProcess(options)
    else this.#ledger = await startLedgerInProcess(options)
    this.#ledgerPort = Number(new URL(this.#ledger.url).port)
  }

  /** Checks everything that can be checked from outside, again, from the beginning. @throws on the first that is wrong. */
  verifyEverything(): Promise<Verified> {
    return verifyEverything(this)
  }

  /** As `verifyEverything`, of what came since this was called last. @param records that were stored since. */
  async verifyNewest(records: readonly string[]): Promise<Pick<Verified, 'records' | 'checks'>> {
    const { seen, ...verified } = await verifyNewest(this, this.#seenLog, records)
    this.#seenLog = seen
    return verified
  }

  /** Ends what this world started, and nothing else. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await Promise.all([...this.#hospitals.values()].map((hospital) => hospital.close()))
    this.#hospitals.clear()
    await this.server.stop()
    await this.#ledger?.close()
    this.#ledger = undefined
    if (this.#options.keepFolder !== true) rmSync(this.folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  readonly #fetchBytes: BinaryFetch = async (url, init) => {
    this.traffic.carry('client to host', init.body)
    const response = await fetch(url, init)
    const body = await response.arrayBuffer()
    this.traffic.carry('host to client', new Uint8Array(body))
    return { status: response.status, arrayBuffer: () => Promise.resolve(body) }
  }

  async #provision(): Promise<void> {
    const { server } = this
    const { channel, organizations, nodes, quorum, fabric } = this.genesis
    const { policyCacheMs = 0, emergencyMs, tee } = this.#options
    const config = encodeConfiguration({
      channel,
      serverRef: this.serverRef,
      organizations,
      ledgerNodes: nodes,
      quorum,
      ...(fabric === undefined ? {} : { fabric }),
      logOrigin: logOriginOf(this.serverRef),
      allow: { policyCacheMs, ...(emergencyMs === undefined ? {} : { emergencyMs }) },
    })
    const { identityKey, configDigest, attestationKey } = await server.tee.request('provision', { config })
    if (attestationKey === undefined) throw new TypeError('the trusted application has no attestation key')
    const { authority } = this.organization('a')
    const { chain, serialHex } = await authority.issue({ role: 'server', ref: this.serverRef, publicKey: identityKey })
    await server.tee.request('certificate', { cert: chain[0] })
    const registration = {
      ref: this.serverRef,
      kind: 'server',
      publicKey: encodeBase64url(identityKey),
      certSerial: serialHex,
      attributes: {},
      server: {
        certificate: encodeBase64url(chain[0]),
        ...((await tee?.registration?.(server.tee)) ?? { teeKind: 'process' }),
        measurements: [tee?.measurement ?? encodeHex(INSECURE_MEASUREMENT)],
        configDigest: encodeHex(configDigest),
        attestationKeys: [encodeBase64url(attestationKey)],
      },
    }
    await this.submitAsAdmin('a', 'registerParticipant', [JSON.stringify(registration)])
    await server.serving()
  }

  async #startHospital(name: HospitalName): Promise<void> {
    const hospital = await startHospital({
      crypto: this.crypto,
      clock: this.clock,
      fetch,
      fetchBytes: this.#fetchBytes,
      folder: this.hospitalFolder(name),
      configuration: this.hospitalConfiguration(name),
      onFault: (where, error) => {
        this.faults.push(error)
        this.traffic.log(`${where} ${String(error)}`)
      },
    })
    this.#hospitals.set(name, hospital)
  }

  #hospital(name: HospitalName): RunningHospital {
    const hospital = this.#hospitals.get(name)
    if (hospital === undefined) throw new TypeError(`hospital ${name} is not running`)
    return hospital
  }

  #person(name: string, kind: 'patient' | 'practitioner', options: PersonOptions): Promise<Person> {
    const known = this.#people.get(name)
    if (known !== undefined) return known
    const { hospital = 'a', department = 'Cardiology', emergency = false } = options
    const invitation =
      kind === 'patient'
        ? ({ kind, name, birthDate: '1962-03-03', identityCheckedBy: 'front desk' } as const)
        : ({ kind, name, department, emergency } as const)
    const registering = register(this.surroundings(hospital), this.hospital(hospital), invitation).then(
      (registered): Person => ({ registered, hospital }),
    )
    this.#people.set(name, registering)
    return registering
  }

  async #hospitalOf(patient: PatientClient): Promise<HospitalName> {
    for (const person of this.#people.values()) {
      const { registered, hospital } = await person
      if (registered.identity.ref === patient.ref) return hospital
    }
    throw new TypeError('the patient is not of this world')
  }

  #keep<C extends { close(): void }>(client: C): C {
    this.#clients.push(client)
    return client
  }
}
