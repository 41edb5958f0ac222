/**
 * The FHIR R4 façade of a hospital, made of the hospital's parts: `openFhir` gives a fastify plugin for
 * `buildHospitalServer`.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { HospitalClient } from '../../../clients/sdk/src/hospital.ts'
import { readLedger } from '../../../clients/sdk/src/ledger-reader.ts'
import type { LedgerReader } from '../../../clients/sdk/src/ports.ts'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import type { PatientRef, PractitionerRef } from '../../../shared/protocol/src/index.ts'
import { actorMay, type Authorization } from '../authorization.ts'
import type { HospitalDatabase } from '../database.ts'
import type { LedgerRelay } from '../ports.ts'
import type { HospitalIdentity } from '../registrations.ts'
import type { Registry } from '../registry.ts'
import type { TreatmentKeys } from '../treatment-keys.ts'
import type { View } from './candidate.ts'
import { capabilityStatement, type CapabilityFacts } from './capability.ts'
import { EraseRequests } from './erase-requests.ts'
import { HiddenVersions } from './hidden-versions.ts'
import { Library } from './library.ts'
import { PatientIds } from './patients.ts'
import { HospitalPermissions } from './permissions.ts'
import type { Directory, FhirAccess } from './ports.ts'
import { SessionRecords } from './records.ts'
import { fhirRoutes } from './routes.ts'
import { Searcher } from './search.ts'
import { FhirService } from './service.ts'
import { FhirStore } from './store.ts'
import { Sync } from './sync.ts'
import { TransactionJournal } from './transaction-journal.ts'
import { Transactions } from './transactions.ts'
import { Validation, type ValidationPolicy } from './validation.ts'
import { visibleRecords } from './visible-records.ts'
import { auditEventView } from './views/audit-events.ts'
import { asksForPermission, consentView } from './views/consents.ts'
import { organizationView, patientView, practitionerView } from './views/people.ts'
import { provenanceView, signedBytesView } from './views/provenances.ts'
import { taskView } from './views/tasks.ts'
import { Writer, type DeletePolicy } from './writer.ts'

export interface FhirDeps {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly identity: HospitalIdentity
  readonly registry: Registry
  readonly keys: TreatmentKeys
  /** The hospital's own session with the record server. */
  readonly client: HospitalClient
  readonly ledger: LedgerReader
  readonly ledgerRelay: Pick<LedgerRelay, 'countTags' | 'findRecord'>
  readonly serverRef: string
  readonly authorization: Authorization
  readonly mayTreat: (practitioner: PractitionerRef, patient: PatientRef) => boolean
  /** The façade's address as clients know it, without a slash at the end; asked at the first request. */
  readonly base: () => string
  readonly version: string
  readonly validation?: ValidationPolicy
  /** What DELETE does to a record; default: it is withdrawn from this API. */
  readonly deletePolicy?: DeletePolicy
  readonly oauth?: () => CapabilityFacts['oauth']
  readonly nowMs: () => number
  readonly onFault: (where: string, error: unknown) => void
}

export interface Fhir {
  readonly plugin: (server: FastifyInstance) => Promise<void>
  /** What the routes ask, for Bulk Data and others of this process. */
  readonly service: () => FhirService
  /** What patients were asked to destroy. */
  readonly eraseRequests: EraseRequests
  /** Goes on with transactions that were begun before; when the service listens. */
  start(): void
  /** Records that wait in transactions. */
  waiting(): { readonly count: number; readonly oldestMs?: number }
  close(): Promise<void>
}

export function openFhir(deps: FhirDeps): Fhir {
  const { crypto, db, keys, client, ledgerRelay, nowMs, onFault } = deps
  const policy = deps.validation ?? 'off'
  const validation = new Validation(policy, (type, findings) => {
    for (const { rule } of findings) onFault('fhir-validation', new ValidationFinding(`${type}: ${rule}`))
  })
  const records = new SessionRecords({
    crypto,
    client,
    ledgerRelay,
    nowMs,
    treatmentKeys: (patient) =>
      Array.from({ length: keys.newest(patient).version }, (_, i) => keys.derived(patient, i + 1)),
  })
  const store = new FhirStore(db)
  const hidden = new HiddenVersions(db)
  const journal = new TransactionJournal(db)
  const eraseRequests = new EraseRequests({ crypto, db, store, records, nowMs })
  let service: FhirService | undefined
  const theService = () =>
    (service ??= makeService(deps, { records, store, hidden, journal, eraseRequests, validation, policy }))
  const access = accessOf(deps)
  return {
    plugin: fhirRoutes({ service: theService, access, onFault: (error) => onFault('fhir', error) }),
    service: theService,
    eraseRequests,
    start: () => theService().parts.transactions.start(),
    waiting: () => journal.waiting(),
    async close() {
      await service?.parts.transactions.stop()
      validation.close()
    },
  }
}

/** For the log of the service: a rule of R4, no content. */
class ValidationFinding extends Error {
  readonly code = 'FHIR_INVALID'
}

interface OpenedParts {
  readonly records: SessionRecords
  readonly store: FhirStore
  readonly hidden: HiddenVersions
  readonly journal: TransactionJournal
  readonly eraseRequests: EraseRequests
  readonly validation: Validation
  readonly policy: ValidationPolicy
}

function makeService(deps: FhirDeps, opened: OpenedParts): FhirService {
  const { store, hidden, journal, eraseRequests, validation, policy } = opened
  const records = visibleRecords(opened.records, hidden)
  const { crypto, db, serverRef, nowMs, version, identity, keys, ledger, oauth } = deps
  const base = deps.base()
  const deletePolicy = deps.deletePolicy ?? 'withdraw'
  const directory = directoryOf(deps)
  const ids = new PatientIds(store, directory)
  const sync = new Sync({ store, hidden, records, directory, nowMs })
  const permissions = new HospitalPermissions({
    crypto,
    db,
    keys,
    readLedger: (fn, args, shape) => readLedger(ledger, fn, args, shape).then(({ value }) => value),
  })
  const provenance = {
    store,
    records,
    directory,
    serverRef,
    learn: ({ patient }: { readonly patient?: PatientRef }) =>
      patient === undefined ? sync.all() : sync.patient(patient),
  }
  const views: readonly View[] = [
    patientView(directory, store),
    practitionerView(directory),
    organizationView(directory),
    consentView({ permissions, directory, ids, store, nowMs }),
    auditEventView({ records, directory, store, ids, serverRef }),
    provenanceView(provenance),
    signedBytesView(provenance),
    taskView({ eraseRequests, ids }),
  ]
  const library = new Library({ store, records, sync, ids, access: accessOf(deps), views, base })
  const writer = new Writer({
    store,
    hidden,
    records: opened.records,
    sync,
    ids,
    library,
    views,
    base,
    deletePolicy,
    eraseRequests,
    nowMs,
    newId: () => globalThis.crypto.randomUUID(),
    checkConsent: asksForPermission,
  })
  const transactions = new Transactions({
    store,
    journal,
    hidden,
    records: opened.records,
    apply: (plan, stored) => writer.apply(plan, stored),
    nowMs,
    onFault: (error) => deps.onFault('fhir-transaction', error),
  })
  const searcher = new Searcher({ library, ids, base })
  const dateMs = nowMs()
  const capability = () => {
    const uris = oauth?.()
    const facts = { base, name: identity.name, version, dateMs, validation: policy, deletePolicy }
    return JSON.stringify(capabilityStatement({ ...facts, ...(uris === undefined ? {} : { oauth: uris }) }))
  }
  return new FhirService({
    library,
    writer,
    transactions,
    searcher,
    store,
    ids,
    records,
    directory,
    base,
    validation,
    capability,
  })
}

function accessOf({ authorization, mayTreat }: FhirDeps): FhirAccess {
  return {
    authorize: (request) => authorization.authorize(request),
    may: (actor, interaction, type) => actorMay(actor, interaction, type),
    mayTreat: (practitioner, patient) => mayTreat(practitioner as PractitionerRef, patient),
  }
}

function directoryOf({ identity, registry, db, nowMs }: FhirDeps): Directory {
  const usedBy = db.prepare('SELECT used_by FROM invitation WHERE code = ?').pluck()
  const patientOf = ({ ref, name, details, registeredMs }: ReturnType<Registry['patients']>[number]) => {
    const { birthDate, contact } = details
    return {
      ref,
      name,
      registeredMs,
      ...(birthDate === undefined ? {} : { birthDate }),
      ...(contact === undefined ? {} : { contact }),
    }
  }
  return {
    hospital: { ref: identity.ref, name: identity.name, mspId: identity.mspId },
    patients: () => registry.patients().map(patientOf),
    findPatient: (ref) => {
      const found = registry.findPatient(ref)
      return found === undefined ? undefined : patientOf(found)
    },
    practitioners: () => registry.practitioners(),
    invite: (person) => registry.invite('patient', { ...person, identityCheckedBy: 'FHIR' }, nowMs()),
    registeredWith: (code) => {
      const ref = usedBy.get(code) as PatientRef | null | undefined
      return ref === null || ref === undefined || registry.findPatient(ref) === undefined ? undefined : ref
    },
  }
}
