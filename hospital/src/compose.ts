/**
 * One hospital service from its parts: keys in its folder, a certificate on the ledger, its store, its own session with
 * the record server, the HTTP server. The only place that chooses implementations.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HospitalApi } from '../../clients/sdk/src/hospital-api.ts'
import { placeShape } from '../../clients/sdk/src/hospital-answers/ledger.ts'
import type { Fetch } from '../../clients/sdk/src/hospital-calls.ts'
import { HospitalClient } from '../../clients/sdk/src/hospital.ts'
import { HttpTransport, type BinaryFetch } from '../../clients/sdk/src/http-transport.ts'
import { VerifyingLedgerReader } from '../../clients/sdk/src/ledger-reader.ts'
import type { Clock } from '../../clients/sdk/src/ports.ts'
import { storedShape } from '../../clients/sdk/src/record-answer.ts'
import { CommitmentIndex, openLedger, type Ledger, type LedgerBlock } from '../../ledger/client/src/index.ts'
import { encodeBase64url, type Crypto } from '../../shared/crypto/src/index.ts'
import { misuseRecordShape, organizationPolicyShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import {
  commitmentToJson,
  isAuditorRef,
  isPatientRef,
  isPractitionerRef,
  type HospitalRef,
  type PractitionerRef,
} from '../../shared/protocol/src/index.ts'
import { Appointments } from './appointments.ts'
import type { Authorization } from './authorization.ts'
import { Bulk } from './bulk/bulk.ts'
import { JobStore } from './bulk/job-store.ts'
import { bulkPlugin } from './bulk/routes.ts'
import { OwnCertificates } from './certificates.ts'
import { CommitmentBatcher } from './commitments.ts'
import type { HospitalConfiguration } from './configuration.ts'
import { backupStore } from './backup.ts'
import { openHospitalDatabase, type HospitalDatabase } from './database.ts'
import { Directories, fetchBounded, signDirectory, type DirectorySource } from './directories.ts'
import { EmergencyReviews } from './emergency-reviews.ts'
import { MisuseReports } from './misuse-reports.ts'
import { DeviceLinks } from './devices/device-links.ts'
import { Joining } from './devices/joining.ts'
import { openFhir } from './fhir/index.ts'
import { openPracticeToken, withPracticeToken } from './fhir/practice-token.ts'
import { Hospital } from './hospital.ts'
import { ledgerRelayOf } from './ledger-relay.ts'
import { ledgerWriterOf } from './ledger-writer.ts'
import { OutboxDelivery } from './outbox/delivery.ts'
import { Outbox } from './outbox/outbox.ts'
import { portalFacts } from './portal/facts.ts'
import { portalPlugin } from './portal/portal.ts'
import type { LedgerRelay } from './ports.ts'
import { Questions } from './questions.ts'
import { Registrations } from './registrations.ts'
import { Registry } from './registry.ts'
import { Recovery } from './recovery/recovery.ts'
import { RequestAuthentication, type FindKey } from './request-auth.ts'
import { buildHospitalServer } from './server.ts'
import type { ServiceIdentity } from './service-identity.ts'
import { Smart } from './smart/smart.ts'
import { Staff } from './staff/staff.ts'
import { StaffRegistry } from './staff/staff-registry.ts'
import { SummaryReader } from './summary.ts'
import { TreatmentKeys } from './treatment-keys.ts'
import { openWitness, witnessPlugin } from './witness/index.ts'

const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version

/** While something waits to be told to the record server, it is tried again this often. */
const PROVISION_EVERY_MS = 5_000
/** Where tools/portal/bundle.ts puts the portal. */
const PORTAL_FOLDER = fileURLToPath(new URL('../../dist/portal', import.meta.url))

export interface HospitalServiceOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly fetch: Fetch
  readonly fetchBytes: BinaryFetch
  /** The hospital's own folder: keys and store. */
  readonly folder: string
  readonly configuration: HospitalConfiguration
  /** Other hospitals whose lists are passed on, asked each time; default: those of the configuration. */
  readonly directories?: () => readonly DirectorySource[]
  /** Where a secret for the store may stand; it is removed when it was taken. */
  readonly environment?: Record<string, string | undefined>
  /** A fault that a person should look at; no contents, no names. */
  readonly onFault: (where: string, error: unknown) => void
}

export interface RunningHospital {
  readonly ref: HospitalRef
  readonly url: string
  /** Whom the FHIR façade takes a token or signed request for. */
  readonly authorization: Authorization
  /** Looks at the record server's log once, at its own address or another, and cosigns it. @returns the size. */
  readonly lookAtLog: (url?: string) => Promise<number>
  /** Looks once whether its own certificates are about to end. @returns whether the service has another one now. */
  readonly renewCertificates: () => Promise<boolean>
  close(): Promise<void>
}

/** Starts the service; resolves when it takes requests. */
export async function startHospital(options: HospitalServiceOptions): Promise<RunningHospital> {
  const { crypto, clock, folder, configuration, fetchBytes, onFault } = options
  const nowMs = () => clock.nowMs()
  const { name, mspId, ledgerUrl, channel, requestsPerMinute } = configuration
  const certificates = await OwnCertificates.open({ crypto, folder, name, mspId, nowMs })
  const { service, serviceOnLedger, admin, authority } = certificates
  const ledger = await openLedger(ledgerUrl, { crypto, channel, identity: serviceOnLedger, nowMs })
  const db = openHospitalDatabase(join(folder, 'store'), configuration.storeKey, options.environment)
  const adminLedger = ledgerWriterOf(ledger, admin)
  await certificates.register(ledger)

  const registry = new Registry(crypto, db)
  const keys = new TreatmentKeys(crypto, db)
  const appointments = new Appointments(crypto, db, registry, keys, service.ref)
  const writer = ledgerWriterOf(ledger, serviceOnLedger)
  const batcher = new CommitmentBatcher(crypto, writer)
  const identity = {
    ref: service.ref,
    name,
    mspId,
    signingKey: service.keys.signingKey,
    get chain() {
      return service.chain
    },
  }
  let listeningUrl = ''
  const recordServer = recordServerOf(options, service, { ledger, batcher }, () => listeningUrl)
  const index = CommitmentIndex.open(join(folder, 'store', 'commitments.index'))
  const ledgerRelay = ledgerRelayOf(ledger, index)
  const registrations = new Registrations({
    crypto,
    db,
    registry,
    keys,
    hospital: identity,
    ledger: writer,
    adminLedger,
    issuer: authority,
    recordServer,
    patientKeys: (patient) => ledgerRelay.patientKeys(patient),
    findParticipant: (ref) => ledgerRelay.findParticipant(ref),
    revokedSerials: async () =>
      parseResult(await ledger.query({ fn: 'organizationPolicy', args: [mspId] }), organizationPolicyShape)
        .revokedSerials,
  })
  const parts = { crypto, db, identity, registry, keys, appointments, registrations, batcher, ledger: writer }
  const hospital = new Hospital(parts)
  const staffRegistry = new StaffRegistry(crypto, db)
  const people = { crypto, db, identity, registry, staff: staffRegistry }
  const staff = new Staff(people)
  const links = new DeviceLinks(crypto, db)
  const joining = new Joining({ ...people, links, registrations, ledger: ledgerRelay })
  const reviews = new EmergencyReviews(db)
  const questions = new Questions(crypto, db)
  const misuse = new MisuseReports({
    crypto,
    serverRef: configuration.server.ref,
    ledger: writer,
    reportsOf: async (ref) => parseResult(await ledger.query({ fn: 'misuseOf', args: [ref] }), misuseRecordShape),
  })
  const outbox = new Outbox(db)
  const waitingOf = () => {
    const { waiting, oldestMs } = outbox.counts()
    const transactions = fhir.waiting()
    const oldest = [oldestMs, transactions.oldestMs].filter((ms) => ms !== undefined)
    const count = waiting + batcher.waiting + transactions.count
    return { waiting: count, ...(oldest.length === 0 ? {} : { oldestMs: Math.min(...oldest) }) }
  }
  const summary = new SummaryReader({
    db,
    registry,
    staff: staffRegistry,
    appointments,
    reviews,
    questions,
    service,
    ledger,
    organizations: new Set(configuration.nodes.map((node) => node.mspId)).size,
    recordServer,
    outbox: waitingOf,
  })
  const backups = { folder: join(folder, 'backups'), everyHours: 24, keep: 14, ...configuration.backups }
  const outboxParts = { outbox, batcher, nowMs, ownRef: service.ref, store: storeBy(recordServer) }
  const delivery = new OutboxDelivery(outboxParts)
  const authentication = new RequestAuthentication(crypto, findKeyOf({ service, registry, staffRegistry, ledgerRelay }))
  const smart = new Smart({
    crypto,
    db,
    registry,
    staff: staffRegistry,
    hospital,
    authentication,
    nowMs,
    publicUrl: () => configuration.publicUrl ?? listeningUrl,
  })
  const authorization =
    configuration.allowSimulated === true ? withPracticeToken(openPracticeToken(folder), smart) : smart
  const fhir = openFhir({
    crypto,
    db,
    identity,
    registry,
    keys,
    client: recordServer,
    ledger: recordServer.options.ledger,
    ledgerRelay,
    serverRef: configuration.server.ref,
    authorization,
    mayTreat: (practitioner, patient) => hospital.mayTreat(practitioner, patient),
    base: () => smart.fhirUrl,
    version: VERSION,
    ...(configuration.fhirValidation === undefined ? {} : { validation: configuration.fhirValidation }),
    ...(configuration.fhirDelete === undefined ? {} : { deletePolicy: configuration.fhirDelete }),
    oauth: () => ({ authorize: `${smart.publicUrl}/oauth/authorize`, token: `${smart.publicUrl}/oauth/token` }),
    nowMs,
    onFault,
  })
  const bulk = new Bulk({
    jobs: new JobStore(db),
    service: fhir.service,
    mayTreat: (practitioner, patient) => hospital.mayTreat(practitioner as PractitionerRef, patient),
    nowMs,
    onFault,
  })
  const { witness, feeder } = openWitness({
    crypto,
    folder,
    ref: service.ref,
    signingKey: service.keys.signingKey,
    ledger: recordServer.options.ledger,
    server: configuration.server,
    fetch: options.fetch,
    nowMs,
  })
  const recovery = new Recovery({
    crypto,
    folder,
    ref: service.ref,
    identity: service.identity,
    sealKey: service.keys.sealKey,
    recordServer,
    url: configuration.server.url,
    fetch: options.fetch,
    fetchBytes,
  })
  const server = await buildHospitalServer({
    hospital,
    recovery,
    smart,
    authentication,
    ledgerRelay,
    joining,
    staff,
    outbox,
    delivery,
    eraseRequests: fhir.eraseRequests,
    backups: { folder: backups.folder, make: () => backupStore(db, backups.folder, nowMs(), backups.keep) },
    questions: { questions, reviews },
    directories: {
      directories: new Directories({
        sources: options.directories ?? (() => configuration.directories ?? []),
        get: fetchBounded,
        nowMs,
      }),
      ...(configuration.publishDirectory === true
        ? { published: () => signDirectory(crypto, identity, hospital.directory()) }
        : {}),
    },
    overview: { summary, reviews, emergencies: () => recordServer.emergencies(), misuse },
    nowMs,
    plugins: [
      fhir.plugin,
      bulkPlugin({
        bulk,
        authorization,
        publicUrl: () => smart.publicUrl,
        onFault: (error) => onFault('bulk', error),
      }),
      portalPlugin({
        folder: PORTAL_FOLDER,
        facts: portalFacts(configuration, { ref: service.ref, name, mspId }),
        recordServer: { url: configuration.server.url, fetch: fetchBytes, fetchText: options.fetch },
      }),
      witnessPlugin(witness),
    ],
    ledgerAnswers: () => ledger.height(),
    onFault,
    ...(requestsPerMinute === undefined ? {} : { rateLimit: requestsPerMinute }),
  })
  const stop = new AbortController()
  const onBlock = (block: LedgerBlock) => recovery.notice(block)
  const following = index.follow(ledger, { signal: stop.signal, onBlock }).catch((error: unknown) => {
    if (!stop.signal.aborted) onFault('ledger-index', error)
  })
  const url = await server.listen({ host: '127.0.0.1', port: configuration.port })
  listeningUrl = url
  const stopProvisioning = keepProvisioning(registrations, onFault)
  const stopBackups = keepBackups(db, backups, nowMs, onFault)
  const stopRenewing = certificates.keep(ledger, (error) => onFault('certificates', error))
  bulk.start()
  fhir.start()
  delivery.start((error) => onFault('outbox', error))
  const witnessSeconds = configuration.witness?.everySeconds ?? 0
  const recoverySeconds = configuration.recovery?.everySeconds ?? 0
  if (recoverySeconds > 0) recovery.start(1_000 * recoverySeconds, (error) => onFault('recovery', error))
  if (witnessSeconds > 0) feeder.start(1_000 * witnessSeconds, (error) => onFault('witness', error))
  return {
    ref: service.ref,
    url,
    authorization: smart,
    lookAtLog: (otherUrl) => feeder.look(otherUrl),
    renewCertificates: () => certificates.renew(ledger),
    async close() {
      stopProvisioning()
      stopBackups()
      stopRenewing()
      await server.close()
      await delivery.stop()
      await feeder.stop()
      await recovery.stop()
      await bulk.stop()
      await fhir.close()
      stop.abort()
      await following
      index.close()
      recordServer.close()
      await ledger.close()
      db.close()
    },
  }
}

/** The hospital's own attested session, as every other client opens one. */
function recordServerOf(
  options: HospitalServiceOptions,
  service: ServiceIdentity,
  { ledger, batcher }: { readonly ledger: Ledger; readonly batcher: CommitmentBatcher },
  ownUrl: () => string,
): HospitalClient {
  const { crypto, clock, fetch, fetchBytes, configuration } = options
  const { channel, nodes, quorum, fabric, server, allowSimulated } = configuration
  const reader = new VerifyingLedgerReader(
    crypto,
    { channel, nodes, quorum, ...(fabric === undefined ? {} : { fabric }) },
    (queries, nonce, minHeight) =>
      ledger.endorsedReads({ queries, nonce, ...(minHeight === undefined ? {} : { minHeight }) }),
    'the ledger itself',
  )
  const [first, ...further] = [server.url, ...(server.urls ?? [])].flatMap((url) =>
    Array.from({ length: server.sessions ?? 1 }, () => new HttpTransport(url, fetchBytes)),
  )
  return new HospitalClient({
    crypto,
    clock,
    identity: service.identity,
    // Asks itself, as every author asks its hospital; the address is known when it listens.
    hospital: new HospitalApi({ crypto, clock, fetch: (path, init) => fetch(`${ownUrl()}${path}`, init), url: '' }),
    ledger: reader,
    // Its own signature is checked by the contract; a request to itself would add a second one.
    commitments: {
      commit: async (author, signature, items) => {
        const group = { author, signature: encodeBase64url(signature), items: items.map(commitmentToJson) }
        return placeShape(await batcher.commit(group), 'place')
      },
    },
    serverRef: server.ref,
    transport: first as HttpTransport,
    furtherTransports: further,
    policy: {
      teeKinds: ['process', 'optee'],
      minSecurityVersion: 0,
      ...(allowSimulated === true ? { allowSimulated: true } : {}),
    },
  })
}

interface KnownKeys {
  readonly service: ServiceIdentity
  readonly registry: Registry
  readonly staffRegistry: StaffRegistry
  readonly ledgerRelay: LedgerRelay
}

/**
 * Keys that may ask this hospital: its own service, its staff in the hospital's name, its doctors, the active keys of its
 * patients, and every auditor that the ledger has.
 */
function findKeyOf({ service, registry, staffRegistry, ledgerRelay }: KnownKeys): FindKey {
  return async (ref, kid) => {
    if (ref === service.ref) {
      const { signer, sealKey } = service.identity
      const isService = kid === signer.kid
      if (isService) return { role: 'staff', kid, ...encodedKeys(signer.publicKey, sealKey.publicKey) }
      const found = staffRegistry.findKey(kid)
      if (found === undefined) return undefined
      const { member, publicKey, sealKey: staffSealKey } = found
      return { role: 'staff', kid, publicKey, sealKey: staffSealKey, staff: member }
    }
    if (isPractitionerRef(ref)) {
      const keys = registry.practitionerKeys(ref)
      return keys === undefined ? undefined : { role: 'practitioner', kid, ...keys }
    }
    if (isAuditorRef(ref)) {
      const auditor = await ledgerRelay.findParticipant(ref)
      if (auditor?.kind !== 'auditor' || auditor.sealKey === undefined) return undefined
      return { role: 'auditor', kid, publicKey: auditor.publicKey, sealKey: auditor.sealKey }
    }
    if (!isPatientRef(ref) || !registry.isPatient(ref)) return undefined
    const key = await ledgerRelay.findPatientKey(ref, kid)
    return key === undefined ? undefined : { role: 'patient', kid, ...key }
  }
}

function encodedKeys(publicKey: Uint8Array, sealKey: Uint8Array) {
  return { publicKey: encodeBase64url(publicKey), sealKey: encodeBase64url(sealKey) }
}

function keepBackups(
  db: HospitalDatabase,
  { folder, everyHours, keep }: { readonly folder: string; readonly everyHours: number; readonly keep: number },
  nowMs: () => number,
  onFault: HospitalServiceOptions['onFault'],
): () => void {
  if (everyHours === 0) return () => undefined
  const make = () => {
    try {
      backupStore(db, folder, nowMs(), keep)
    } catch (error) {
      onFault('backup', error)
    }
  }
  const timer = setInterval(make, everyHours * 3_600_000)
  return () => clearInterval(timer)
}

/** @returns the receipt. */
function storeBy(recordServer: HospitalClient): (envelope: Uint8Array) => Promise<string> {
  return async (envelope) =>
    storedShape(await recordServer.session.request('record.store', { envelope, kind: 'record' }), 'receipt').receipt
}

/** One try at a time; a failure stays waiting and is tried again. */
function keepProvisioning(registrations: Registrations, onFault: HospitalServiceOptions['onFault']): () => void {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const run = async () => {
    try {
      await registrations.provisionWaiting()
    } catch (error) {
      onFault('provisioning', error)
    }
    if (!isStopped) timer = setTimeout(() => void run(), PROVISION_EVERY_MS)
  }
  void run()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
