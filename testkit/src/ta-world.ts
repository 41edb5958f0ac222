/**
 * A whole world around the trusted application in one process: two hospitals with authorities, doctors, patients with
 * devices, the real contract in memory, the real client handshake, a store on SQLCipher in a temporary folder. The host
 * is this file: honest unless a test tells it otherwise.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessCompression } from '../../secure/adapters/node-process/src/index.ts'
import { createSqlCipherPort } from '../../secure/adapters/sqlcipher/src/index.ts'
import {
  createTrustedApplication,
  encodeConfiguration,
  type DatabasePort,
  type DeviceKeyPort,
  type SqlDatabase,
  type TrustedApplication,
  type TrustedApplicationOptions,
} from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex, encodeUtf8, type Crypto } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import {
  anchorCallOf,
  encodeCommitGroups,
  LedgerError,
  logOriginOf,
  shareRows,
  type EndorsedAnswer,
  type PatientKeyInput,
} from '../../shared/ledger-model/src/index.ts'
import { leafHash, openCheckpoint, verifyInclusion } from '../../shared/tlog/src/index.ts'
import {
  commitmentToJson,
  deriveTreatmentKey,
  encodeRecordUpload,
  issueCredential,
  decodeCbor,
  issueGrant,
  issueKeyStatement,
  issueRevocation,
  issueWarrant,
  makeCommitment,
  makeWarrantRecord,
  newId,
  newRecordId,
  newRef,
  ProtocolError,
  sealEnvelope,
  signCommitments,
  warrantHash,
  type AuthorRef,
  type CborValue,
  type Commitment,
  type ErrorCode,
  type Grant,
  type HospitalRef,
  type PractitionerRef,
  type RecordId,
  type Scope,
  type ServerRef,
  type ServerRegistration,
  type TreatmentKey,
  type Warrant,
  isErrorCode,
} from '../../shared/protocol/src/index.ts'
import {
  startHandshake,
  type ClientSession,
  type SigningClientIdentity,
} from '../../shared/protocol/src/session/index.ts'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeRequest,
  FrameReader,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
  type Effect,
  type EffectOf,
  type Outcome,
} from '../../shared/tee-abi/src/index.ts'
import {
  createConsortium,
  createPatient,
  createPatientKey,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
  type Consortium,
  type TestIdentity,
  type TestOrganization,
  type TestPatient,
} from './consortium.ts'
import { InsecureFabricPeer } from './fabric-peer.ts'
import { InsecureMemoryLedger, TEST_CHAINCODE, type MemoryNode } from './insecure-memory-ledger.ts'
import { createInsecureDeviceKey, createInsecureEvidence, createTestClock, type TestClock } from './memory-ports.ts'

export const MEASUREMENT = new Uint8Array(32).fill(0x5a)

/** A patient with everything the hospital made for it. */
export interface WorldPatient extends TestPatient {
  readonly hospital: TestIdentity
  readonly credential: string
  ptk: Uint8Array
  keyVersion: number
}

/** What the host does with an effect. `honest` does what an honest host would. */
export type HostBehaviour = (effect: Effect, honest: (effect: Effect) => Promise<void>) => Promise<void>

export interface TaWorldOptions {
  readonly crypto?: Crypto
  readonly policyCacheMs?: number
  readonly emergencyMs?: number
  readonly recoveryThreshold?: number
  /** Names of organisations; default: two hospitals. */
  readonly names?: readonly string[]
  /** Nodes of both organisations and a quorum of 2, instead of one node. */
  readonly twoNodes?: boolean
  /** A channel of Fabric: a peer of each organisation answers, and both must agree. */
  readonly fabric?: boolean
  /** Wraps the database, to fail at a chosen moment. */
  readonly database?: (port: DatabasePort) => DatabasePort
  readonly limits?: TrustedApplicationOptions['limits']
}

export interface UploadOptions {
  readonly author?: TestIdentity
  readonly recordId?: RecordId
  readonly version?: number
  readonly previous?: Uint8Array
  readonly ehr?: Uint8Array
  readonly salt?: Uint8Array
  readonly warrant: string
}

/** What an author made: the envelope for the server and the commitment for the ledger. */
export interface Upload {
  readonly envelope: Uint8Array
  readonly commitment: Commitment
  readonly author: TestIdentity
  readonly ehr: Uint8Array
  readonly salt: Uint8Array
}

export class TaWorld {
  readonly crypto: Crypto
  readonly clock: TestClock
  readonly consortium: Consortium
  readonly ledger: InsecureMemoryLedger
  /** With their keys, for a test in which one of them lies. */
  readonly nodes: readonly MemoryNode[]
  readonly folder: string
  readonly serverRef: ServerRef
  /** The program that the next start runs. */
  program: {
    readonly measurement: Uint8Array
    readonly securityVersion: number
    /** Of its tables; default: those of this source. */
    readonly migrations?: readonly string[]
  } = {
    measurement: MEASUREMENT,
    securityVersion: 1,
  }
  /** How far the ledger's clock is ahead of the application's. */
  ledgerOffsetMs = 0
  readonly notices: EffectOf<'notice'>[] = []
  /** What the application said when it stopped. */
  fatal: ErrorCode | undefined
  behaviour: HostBehaviour | undefined
  /** Takes answers that nobody waits for. */
  onUnexpected: ((body: CborValue) => void) | undefined
  /** The server's registration as it was submitted. */
  registered: unknown
  app: TrustedApplication
  #identityKey: Uint8Array = new Uint8Array(65)
  #configDigest: Uint8Array = new Uint8Array(32)
  #nextId = 1
  #isFlushDue = false
  #reader = new FrameReader()
  readonly #waiting = new Map<
    number,
    { readonly op: AbiOpName; readonly settle: (outcome: Outcome<AbiOpName>) => void }
  >()
  readonly #watched = new Set<string>()
  readonly #options: TaWorldOptions
  readonly #device: Uint8Array
  /** Another device that has the store's root key: the next start is that of another instance. */
  otherDevice: Uint8Array | undefined
  readonly #attestationKey
  readonly #config: Uint8Array
  readonly #underWay = new Set<Promise<void>>()

  private constructor(options: TaWorldOptions, crypto: Crypto, consortium: Consortium, clock: TestClock) {
    this.crypto = crypto
    this.clock = clock
    this.consortium = consortium
    this.#options = options
    this.folder = mkdtempSync(join(tmpdir(), 'trusthealth-ta-'))
    this.serverRef = newRef(crypto, 's')
    const [a, b] = this.organizations
    const nodes: MemoryNode[] = [{ mspId: a.mspId, key: consortium.nodeKey }]
    if (options.twoNodes === true) nodes.push({ mspId: b.mspId, key: crypto.generateSigningKey() })
    this.nodes = nodes
    this.ledger = new InsecureMemoryLedger(crypto, consortium, () => clock.nowMs() + this.ledgerOffsetMs, nodes)
    this.#device = crypto.randomBytes(32)
    this.#attestationKey = crypto.generateSigningKey()
    const isFabric = options.fabric === true
    this.#config = encodeConfiguration({
      channel: consortium.channel,
      serverRef: this.serverRef,
      organizations: consortium.genesis.organizations,
      ledgerNodes: isFabric ? [] : nodes.map(({ mspId, key }) => ({ mspId, publicKey: key.publicKey })),
      ...(isFabric ? { fabric: { chaincode: TEST_CHAINCODE } } : {}),
      quorum: isFabric ? 2 : nodes.length,
      logOrigin: logOriginOf(this.serverRef),
      allow: {
        policyCacheMs: options.policyCacheMs ?? 0,
        ...(options.emergencyMs === undefined ? {} : { emergencyMs: options.emergencyMs }),
        ...(options.recoveryThreshold === undefined ? {} : { recoveryThreshold: options.recoveryThreshold }),
      },
    })
    this.app = this.#create()
  }

  /** A world whose application serves. */
  static async open(options: TaWorldOptions = {}): Promise<TaWorld> {
    const world = await TaWorld.openUnprovisioned(options)
    await world.provision()
    return world
  }

  static async openUnprovisioned(options: TaWorldOptions = {}): Promise<TaWorld> {
    const crypto = options.crypto ?? createNodeCrypto()
    const clock = createTestClock()
    const names = options.names === undefined ? {} : { names: options.names }
    const consortium = await createConsortium({ nowMs: () => clock.nowMs(), ...names })
    const world = new TaWorld(options, crypto, consortium, clock)
    if (options.fabric === true) await world.startPeers()
    for (const { admin, hospital } of consortium.organizations) {
      await world.ledger.submit(admin, 'registerParticipant', [JSON.stringify(registrationOf(hospital))])
    }
    return world
  }

  /** From now on a peer of each organisation answers, as on Fabric. */
  async startPeers(): Promise<void> {
    for (const { authority } of this.organizations) {
      this.ledger.peers.push(await InsecureFabricPeer.create(this.crypto, authority))
    }
  }

  get organizations(): readonly [TestOrganization, TestOrganization] {
    const [a, b] = this.consortium.organizations
    if (a === undefined || b === undefined) throw new TypeError('two organisations')
    return [a, b]
  }

  get hospital(): TestIdentity {
    return this.organizations[0].hospital
  }

  get config(): Uint8Array {
    return this.#config
  }

  get attestationKey(): Uint8Array {
    return this.#attestationKey.publicKey
  }

  /** Provisions the application, registers it on the ledger, gives it its certificate, and waits until it serves. */
  async provision(): Promise<void> {
    const { identityKey, configDigest } = await this.ask('provision', { config: this.#config })
    this.#identityKey = identityKey
    this.#configDigest = configDigest
    const { authority, admin, mspId } = this.organizations[0]
    const { chain, serialHex } = await authority.issue({ role: 'server', ref: this.serverRef, publicKey: identityKey })
    const registration = {
      ref: this.serverRef,
      kind: 'server',
      publicKey: encodeBase64url(identityKey),
      certSerial: serialHex,
      attributes: {},
      server: {
        certificate: encodeBase64url(chain[0]),
        teeKind: 'process',
        measurements: [encodeHex(MEASUREMENT)],
        configDigest: encodeHex(configDigest),
        attestationKeys: [encodeBase64url(this.#attestationKey.publicKey)],
      },
    }
    await this.ledger.submit(admin, 'registerParticipant', [JSON.stringify(registration)])
    this.registered = registration
    void mspId
    await this.ask('certificate', { cert: chain[0] })
    await this.settle()
  }

  /** Hands an update of the configuration over; what it comes to is registered. @throws {ProtocolError} the refusal. */
  async reconfigure(update: Uint8Array): Promise<AbiAnswer<'reconfigure'>> {
    const answer = await this.ask('reconfigure', { update })
    this.#configDigest = answer.configDigest
    return answer
  }

  /**
   * The server's next identity key, certified and, unless a test does that later, registered.
   * @returns what registers it.
   */
  async exchangeIdentity({ isRegistered = true } = {}): Promise<() => Promise<void>> {
    const { identityKey, handover } = await this.ask('next-identity', {})
    const { authority, admin } = this.organizations[0]
    const { chain, serialHex } = await authority.issue({ role: 'server', ref: this.serverRef, publicKey: identityKey })
    const before = this.registered as { readonly server: object }
    const certificate = encodeBase64url(chain[0])
    this.registered = {
      ...before,
      publicKey: encodeBase64url(identityKey),
      certSerial: serialHex,
      server: { ...before.server, certificate, handover: encodeBase64url(handover) },
    }
    const registration = JSON.stringify(this.registered)
    await this.ask('take-identity', { cert: chain[0] })
    const register = async (): Promise<void> => {
      await this.ledger.submit(admin, 'renewParticipant', [registration])
      this.#identityKey = identityKey
    }
    if (isRegistered) await register()
    return register
  }

  /** What the ledger says of the server. */
  registration(): ServerRegistration {
    return {
      serverRef: this.serverRef,
      identityKey: this.#identityKey,
      teeKind: 'process',
      measurements: [encodeHex(this.program.measurement)],
      configDigest: encodeHex(this.#configDigest),
      attestationKeys: [this.#attestationKey.publicKey],
    }
  }

  // --- the host

  /** One operation; group commit with everything else that was asked in the same turn. */
  request<O extends AbiOpName>(op: O, body: AbiRequest<O>): Promise<Outcome<O>> {
    const id = this.#nextId++
    const message = encodeRequest<O>({ id, op, ...body })
    return new Promise((resolve) => {
      this.#waiting.set(id, { op, settle: resolve as (outcome: Outcome<AbiOpName>) => void })
      this.app.handle(message)
      if (this.app.state === 'stopped') this.abandon()
      this.#flushSoon()
    })
  }

  /** As `request`; a refusal is an error. */
  async ask<O extends AbiOpName>(op: O, body: AbiRequest<O>): Promise<AbiAnswer<O>> {
    const outcome = await this.request(op, body)
    if (!outcome.ok) throw new ProtocolError(outcome.code, 'refused')
    return outcome.answer
  }

  /** Lets everything that is under way come to its end. */
  async settle(): Promise<void> {
    for (let i = 0; i < 1_000; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#underWay.size > 0) await Promise.all(this.#underWay)
      else if (!this.#isFlushDue) return
    }
    throw new Error('the world does not come to rest')
  }

  /** A commit round without a message, as the host's timer gives it. */
  tick(): void {
    this.flush()
  }

  /** Takes what the application has to say. */
  flush(): void {
    this.#isFlushDue = false
    for (const frame of this.app.commit()) {
      for (const message of this.#reader.push(frame)) this.#receive(message)
    }
  }

  /** Stops without a word, as kill -9 does, and starts again on the same files. */
  async restart(options: { readonly database?: (port: DatabasePort) => DatabasePort } = {}): Promise<void> {
    this.kill()
    this.app = this.#create(options.database)
    this.#flushSoon()
    await this.settle()
  }

  /** Forgets the running application; its files stay as they are. */
  kill(): void {
    this.abandon()
    this.#databases.splice(0).forEach((close) => close())
    this.#reader = new FrameReader()
    this.fatal = undefined
  }

  /** Answers what was in flight as a driver does whose application has ended. */
  abandon(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { settle } of waiting) settle({ ok: false, code: 'TEE_RESTARTED' })
  }

  close(): void {
    this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Looks into the open database, past the application. */
  inspect<T>(look: (database: SqlDatabase) => T): T {
    const database = this.#opened
    if (database === undefined) throw new TypeError('no database is open')
    return look(database)
  }

  /** 32 bytes: the root of the store's keys, as somebody has it who read the device's memory. */
  get rootKey(): Uint8Array {
    return createInsecureDeviceKey(this.crypto, this.#device).derive('root')
  }

  readonly #databases: (() => void)[] = []
  #opened: SqlDatabase | undefined

  #create(wrap = this.#options.database): TrustedApplication {
    const { crypto, clock } = this
    const port = createSqlCipherPort({ folder: this.folder })
    const tracked: DatabasePort = {
      ...port,
      open: (name, key) => {
        const database = port.open(name, key)
        this.#opened = database
        let isOpen = true
        const close = (): void => {
          if (isOpen) database.close()
          isOpen = false
        }
        this.#databases.push(close)
        return { ...database, exec: (sql) => database.exec(sql), prepare: (sql) => database.prepare(sql), close }
      },
    }
    return createTrustedApplication(
      {
        crypto,
        clock,
        database: wrap === undefined ? tracked : wrap(tracked),
        compression: createProcessCompression(),
        deviceKey: this.#deviceKey(),
        evidence: createInsecureEvidence(crypto, this.#attestationKey, this.program.measurement),
      },
      {
        ...this.program,
        isolation: [],
        taId: 'trusthealth-ta',
        ...(this.#options.limits === undefined ? {} : { limits: this.#options.limits }),
      },
    )
  }

  /** On another device everything is derived anew but the root of the store's keys, as if it had been handed over. */
  #deviceKey(): DeviceKeyPort {
    const own = createInsecureDeviceKey(this.crypto, this.#device)
    if (this.otherDevice === undefined) return own
    const other = createInsecureDeviceKey(this.crypto, this.otherDevice)
    return { derive: (purpose) => (purpose === 'root' ? own : other).derive(purpose) }
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => {
      if (this.#isFlushDue) this.flush()
    })
  }

  #receive(message: Uint8Array): void {
    const received = decodeTaMessage(message)
    if (received.kind === 'effect') {
      this.#do(received.effect)
      return
    }
    const waiting = this.#waiting.get(received.id)
    this.#waiting.delete(received.id)
    if (waiting === undefined) this.onUnexpected?.(received.body)
    else waiting.settle(decodeOutcome(waiting.op, received.body))
  }

  #do(effect: Effect): void {
    const honest = (one: Effect): Promise<void> => this.honest(one)
    const work = (this.behaviour?.(effect, honest) ?? this.honest(effect)).finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  /** What an honest host does. */
  async honest(effect: Effect): Promise<void> {
    switch (effect.fx) {
      case 'need': {
        const answers = await this.ledger.endorsedRead(effect.queries, effect.nonce)
        await this.request('endorsement', { need: effect.need, ...plainRows(answers) })
        return
      }
      case 'watch': {
        for (const [recordId, version] of effect.records) this.#watched.add(`${recordId}/${version}`)
        await this.reportCommitted()
        return
      }
      case 'anchor': {
        const { epoch } = effect
        let code: ErrorCode | undefined
        try {
          await this.submitAnchor(effect)
        } catch (error) {
          if (!(error instanceof LedgerError)) throw error
          code = error.code as ErrorCode
        }
        await this.request('anchored', code === undefined ? { epoch } : { epoch, code })
        return
      }
      case 'notice':
        this.notices.push(effect)
        return
      case 'fatal':
        this.fatal = effect.code
        this.abandon()
    }
  }

  /** Submits a statement of the application as any member would. @throws {LedgerError} */
  async submitAnchor({ signature, ...statement }: EffectOf<'anchor'>): Promise<void> {
    const { fn, args } = anchorCallOf(statement, signature)
    const [organization] = this.consortium.organizations
    await this.ledger.submit((organization as TestOrganization).admin, fn, args)
  }

  /** Tells the application of watched records that are on the ledger. */
  async reportCommitted(): Promise<void> {
    const items = []
    for (const name of this.#watched) {
      const [recordId = '', version = ''] = name.split('/')
      const place = this.ledger.findCommitted(recordId as RecordId, Number(version))
      if (place === undefined) continue
      this.#watched.delete(name)
      items.push(place)
    }
    if (items.length > 0) await this.request('committed', { items })
  }

  // --- the people

  async doctor(
    options: { readonly emergency?: boolean; readonly at?: 0 | 1 } = {},
  ): Promise<TestIdentity<PractitionerRef>> {
    const { authority, admin } = this.organizations[options.at ?? 0]
    const doctor = await issueCertificate(authority, 'doctor', { emergency: options.emergency ?? false })
    await this.ledger.submit(admin, 'registerParticipant', [JSON.stringify(registrationOf(doctor))])
    return doctor
  }

  async auditor(): Promise<TestIdentity> {
    const { authority, admin } = this.organizations[0]
    const auditor = await issueCertificate(authority, 'auditor')
    await this.ledger.submit(admin, 'registerParticipant', [JSON.stringify(registrationOf(auditor))])
    return auditor
  }

  /** A patient whom the first hospital registered; provisioned to the application unless told not to. */
  async patient(options: { readonly provision?: boolean } = {}): Promise<WorldPatient> {
    const patient = createPatient()
    const { hospital } = this
    await this.ledger.submit(hospital, 'registerParticipant', [JSON.stringify(patientRegistrationOf(patient))])
    const credential = this.#credential(patient)
    const made: WorldPatient = { ...patient, hospital, credential, ptk: this.crypto.randomBytes(32), keyVersion: 1 }
    if (options.provision !== false) {
      const session = await this.connect(hospital)
      await session.request('patient.provision', { patient: patient.ref, version: 1, ptk: made.ptk })
    }
    return made
  }

  /** The same patient on a second device, registered by a statement of the first. */
  async addDevice(patient: WorldPatient): Promise<WorldPatient> {
    const device = { ...patient, ...createPatientKey('tablet') }
    await this.addKey(patient, device.key)
    return { ...device, credential: this.#credential(device) }
  }

  #credential({ ref, key }: TestPatient): string {
    const { hospital } = this
    const iat = Math.floor(this.clock.nowMs() / 1000)
    return issueCredential(this.crypto, hospital.signingKey, [hospital.cert], {
      iss: hospital.ref as HospitalRef,
      sub: ref,
      publicKey: key.publicKey,
      sealKey: key.sealKey,
      iat,
      exp: iat + 30 * 86_400,
    })
  }

  treatmentKey(patient: WorldPatient): TreatmentKey {
    return deriveTreatmentKey(this.crypto, patient.ptk, patient.keyVersion)
  }

  /** A warrant by the patient's device; recorded on the ledger unless told not to. */
  async warrant(
    patient: WorldPatient,
    doctors: readonly TestIdentity[],
    change: Partial<Warrant> & { readonly recorded?: boolean } = {},
  ): Promise<string> {
    const { recorded = true, ...terms } = change
    const nbf = Math.floor(this.clock.nowMs() / 1000) - 60
    const jws = issueWarrant(this.crypto, patient.signingKey, {
      jti: newId(this.crypto, 'w'),
      iss: patient.ref,
      doctors: doctors.map(({ ref }) => ref as AuthorRef),
      hospital: this.hospital.ref as HospitalRef,
      nbf,
      exp: nbf + 7 * 86_400,
      scope: ['*'] as Scope,
      aux: '',
      ...terms,
    })
    if (recorded) {
      const record = makeWarrantRecord(this.crypto, patient.signingKey, jws)
      await this.ledger.submit(this.hospital, 'recordWarrant', [record])
    }
    return jws
  }

  async grant(patient: WorldPatient, grantee: TestIdentity, change: Partial<Grant> = {}): Promise<Grant['jti']> {
    const nbf = Math.floor(this.clock.nowMs() / 1000) - 60
    const grant: Grant = {
      jti: newId(this.crypto, 'g'),
      iss: patient.ref,
      grantee: grantee.ref,
      scope: ['*'],
      records: [],
      fromMs: 0,
      toMs: 0,
      purpose: 'TREAT',
      nbf,
      exp: nbf + 7 * 86_400,
      ...change,
    }
    await this.ledger.submit(this.hospital, 'grant', [issueGrant(this.crypto, patient.signingKey, grant)])
    return grant.jti
  }

  async revoke(patient: WorldPatient, kind: 'revokeWarrant' | 'revokeGrant', target: string): Promise<void> {
    const revocation = issueRevocation(this.crypto, patient.signingKey, {
      jti: newId(this.crypto, 'v'),
      iss: patient.ref,
      target: target as Grant['jti'],
      iat: Math.floor(this.clock.nowMs() / 1000),
    })
    await this.ledger.submit(this.hospital, kind, [revocation])
  }

  /** A further key of a patient, by a statement that its first key signs. */
  async addKey(patient: WorldPatient, key: PatientKeyInput): Promise<void> {
    const { publicKey, sealKey, label, kind, kid } = key
    const statement = issueKeyStatement(this.crypto, patient.signingKey, {
      ...this.#keyStatement(patient),
      action: 'add',
      kid,
      publicKey,
      sealKey,
      label,
      kind,
    })
    await this.ledger.submit(this.hospital, 'addKey', [statement])
  }

  async removeKey(patient: WorldPatient, kid: PatientKeyInput['kid']): Promise<void> {
    const base = this.#keyStatement(patient)
    const statement = issueKeyStatement(this.crypto, patient.signingKey, { ...base, action: 'remove', kid })
    await this.ledger.submit(this.hospital, 'removeKey', [statement])
  }

  #keyStatement(patient: WorldPatient) {
    return { jti: newId(this.crypto, 'k'), iss: patient.ref, iat: Math.floor(this.clock.nowMs() / 1000) }
  }

  /** Checks `log` of an answer as a client does, and that the entry says what is expected. */
  verifyLogProof(log: unknown, expected: { readonly kind: string; readonly record?: string }): void {
    const { index, size, entry, proof, checkpoint } = log as {
      readonly index: number
      readonly size: number
      readonly entry: Uint8Array
      readonly proof: readonly Uint8Array[]
      readonly checkpoint: string
    }
    const name = logOriginOf(this.serverRef)
    const key = this.crypto.importVerifyingKey(this.#identityKey)
    const opened = openCheckpoint(this.crypto, checkpoint, name, [{ name, key }]).checkpoint
    if (opened.size !== size) throw new Error('a checkpoint of another size')
    verifyInclusion(this.crypto, leafHash(this.crypto, entry), index, size, proof, opened.root)
    const { t, record } = decodeCbor(entry) as { readonly t?: CborValue; readonly record?: CborValue }
    if (t !== expected.kind || record !== expected.record) throw new Error('an entry of something else')
  }

  /** What an author makes of a record. */
  upload(patient: WorldPatient, options: UploadOptions): Upload {
    const { crypto } = this
    const author = options.author ?? this.hospital
    const ehr = options.ehr ?? encodeUtf8(JSON.stringify(observation()))
    const salt = options.salt ?? crypto.randomBytes(32)
    const recordId = options.recordId ?? newRecordId(crypto, this.clock.nowMs())
    const { version = 1, warrant } = options
    const previous = options.previous ?? new Uint8Array(0)
    const commitment = makeCommitment(crypto, this.treatmentKey(patient), {
      recordId,
      version,
      patient: patient.ref,
      author: author.ref as AuthorRef,
      ehr,
      salt,
      warrantHash: warrantHash(crypto, warrant),
      ...(version === 1 ? {} : { previous }),
    })
    const plaintext = encodeRecordUpload({ recordId, version, ehr, salt, warrant, previous })
    const envelope = sealEnvelope(crypto, this.treatmentKey(patient), patient.ref, 'record', plaintext)
    return { envelope, commitment, author, ehr, salt }
  }

  /** Puts commitments of one author on the ledger and lets the host see it. */
  async commit(...uploads: readonly Pick<Upload, 'commitment' | 'author'>[]): Promise<void> {
    const [first] = uploads
    if (first === undefined) return
    const { author } = first
    const items = uploads.map(({ commitment }) => commitment)
    const signature = signCommitments(this.crypto, author.signingKey, author.ref as AuthorRef, items)
    const group = {
      author: author.ref as AuthorRef,
      signature: encodeBase64url(signature),
      items: items.map(commitmentToJson),
    }
    await this.ledger.submit(this.hospital, 'commit', [newId(this.crypto, 'b'), encodeCommitGroups([group])])
    await this.reportCommitted()
  }

  /** Stores one record from beginning to end. */
  async store(patient: WorldPatient, options: UploadOptions): Promise<Upload> {
    const upload = this.upload(patient, options)
    const session = await this.connect(upload.author)
    const stored = session.request('record.store', { envelope: upload.envelope })
    await this.commit(upload)
    await stored
    return upload
  }

  // --- sessions

  identityOf(who: TestIdentity | WorldPatient): SigningClientIdentity {
    const { ref, signingKey } = who
    const credential =
      'credential' in who
        ? ({ kind: 'patient', jws: who.credential } as const)
        : ({ kind: 'x509', chain: [who.cert] } as const)
    return {
      ref: ref as SigningClientIdentity['ref'],
      credential,
      sign: (message) => this.crypto.sign(signingKey, message),
    }
  }

  async connect(who: TestIdentity | WorldPatient, conn = 1): Promise<WorldSession> {
    const pending = startHandshake(this.crypto)
    const { reply } = await this.ask('hello', { hello: pending.hello, conn })
    const check = {
      server: this.registration(),
      policy: { teeKinds: ['process'], minSecurityVersion: 1, allowSimulated: true },
    }
    const unconfirmed = pending.complete(reply, check, this.identityOf(who))
    const { record } = await this.ask('finish', { finish: unconfirmed.finish })
    return new WorldSession(this, unconfirmed.confirm(record, this.clock.monotonicMs()))
  }
}

type Members = Readonly<Record<string, CborValue>>

/** A client's session. */
export class WorldSession {
  readonly #world: TaWorld
  readonly session: ClientSession

  constructor(world: TaWorld, session: ClientSession) {
    this.#world = world
    this.session = session
  }

  /** @throws {ProtocolError} the refusal. */
  async request(cmd: string, body: Members = {}): Promise<Members> {
    const answer = await this.answer(cmd, body)
    if (answer['ok'] === true) return answer
    const { code, link } = answer as { readonly code?: CborValue; readonly link?: CborValue }
    if (!isErrorCode(code)) throw new TypeError('a refusal without a code')
    throw new ProtocolError(code, 'refused', typeof link === 'number' ? { link } : {})
  }

  /** The answer as it is. */
  async answer(cmd: string, body: Members = {}): Promise<Members> {
    const { seq, frame } = this.session.sealRequest({ cmd, ...body }, this.#world.clock.monotonicMs())
    const { record } = await this.#world.ask('record', { record: frame })
    return this.session.openAnswer(seq, record) as Members
  }
}

/** A laboratory result. */
export function observation(change: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '4548-4', display: 'HbA1c' }], text: 'HbA1c' },
    effectiveDateTime: '2029-11-14',
    valueQuantity: { value: 47, unit: 'mmol/mol' },
    ...change,
  }
}

/** In the form of the door. */
export function plainRows(all: readonly (readonly EndorsedAnswer[])[]) {
  const { answers, rows } = shareRows(all)
  const plain = answers.map((row) => row.map(({ answer, signature }) => ({ answer, signature })))
  return rows === undefined ? { answers: plain } : { answers: plain, rows }
}
