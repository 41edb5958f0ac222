/**
 * The trusted application's access log of a patient as AuditEvents in the shape of IHE BALP (Basic Audit Log Patterns,
 * patient-read, -query, -create, -delete; what was refused has no pattern there). Ids are `log-<index of the entry>`; the log itself is what proves it.
 *
 * Source: https://profiles.ihe.net/ITI/BALP/; FHIR R4 https://hl7.org/fhir/R4/auditevent.html
 *
 * @module
 */
import type { AccessEntry, OnBehalf } from '../../../../clients/sdk/src/participant.ts'
import { formatInstant, PARTICIPANT_SYSTEM } from '../../../../shared/fhir/src/index.ts'
import type { PatientRef, RecordId } from '../../../../shared/protocol/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import type { PatientIds } from '../patients.ts'
import type { Directory, ReadableRecords } from '../ports.ts'
import type { FhirStore } from '../store.ts'
import { candidate, type MadeResource } from './people.ts'

const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit'
const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const CLIENT_SYSTEM = 'https://trusthealth.example/fhir/client'
/** Addresses are seen by the record server's host only, which the log does not believe. */
const UNKNOWN_NETWORK = {
  _address: {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
  },
} as const
const PAGE = 256
/** Newest entries of a patient that a search looks at. */
export const MAX_AUDIT_ENTRIES = 5_000
export const LOG_INDEX_SYSTEM = 'https://trusthealth.example/fhir/log-index'
export const PERMISSION_EXTENSION = 'https://trusthealth.example/fhir/StructureDefinition/permission'

const ROLE = {
  source: [DCM, '110153', 'Source Role ID'],
  destination: [DCM, '110152', 'Destination Role ID'],
  application: [DCM, '110150', 'Application'],
  custodian: ['http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'custodian', 'Custodian'],
  recipient: ['http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP', 'information recipient'],
  author: ['http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'AUT', 'author (originator)'],
} as const satisfies Record<string, readonly [system: string, code: string, display: string]>
type Role = keyof typeof ROLE

/** One pattern of BALP: who is called what. */
interface Pattern {
  readonly action: string
  readonly code: string
  readonly profile?: string
  readonly client: Role
  readonly server: Role
  readonly user: Role
}

const READ: Pattern = {
  action: 'R',
  code: 'read',
  profile: 'PatientRead',
  client: 'destination',
  server: 'source',
  user: 'recipient',
}
const QUERY: Pattern = {
  action: 'E',
  code: 'search-type',
  profile: 'PatientQuery',
  client: 'source',
  server: 'destination',
  user: 'recipient',
}
const CREATE: Pattern = {
  action: 'C',
  code: 'create',
  profile: 'PatientCreate',
  client: 'source',
  server: 'destination',
  user: 'author',
}
const DELETE: Pattern = {
  action: 'D',
  code: 'delete',
  profile: 'PatientDelete',
  client: 'application',
  server: 'custodian',
  user: 'author',
}
const EMERGENCY: Pattern = {
  action: 'E',
  code: 'operation',
  client: 'source',
  server: 'destination',
  user: 'recipient',
}

/** What one kind of log entry is in FHIR; absent: no access to a record, left to the log itself. */
const KINDS: Readonly<Record<string, Pattern>> = {
  read: READ,
  deny: READ,
  search: QUERY,
  list: QUERY,
  'access-log': QUERY,
  store: CREATE,
  chain: CREATE,
  erase: DELETE,
  'emergency-open': EMERGENCY,
  'emergency-close': EMERGENCY,
}

export interface AuditViewParts {
  readonly records: ReadableRecords
  readonly directory: Directory
  readonly store: FhirStore
  readonly ids: PatientIds
  readonly serverRef: string
}

export function auditEventView(parts: AuditViewParts): View {
  const { directory } = parts
  const of = async (patient: PatientRef, by: OnBehalf | undefined): Promise<Candidate[]> => {
    const found: Candidate[] = []
    for await (const entry of entriesOf(parts.records, patient, by)) {
      const resource = auditEventOf(entry, patient, parts)
      if (resource !== undefined) found.push(candidate(resource, entry.timeMs, patient))
    }
    return found
  }
  const all = async (by: OnBehalf | undefined) => {
    const found: Candidate[] = []
    for (const { ref } of directory.patients()) found.push(...(await of(ref, by)))
    return found
  }
  return {
    type: 'AuditEvent',
    find: async (id, by) => (/^log-\d+$/.test(id) ? (await all(by)).find((one) => one.id === id) : undefined),
    list: async ({ patient, by }) => await (patient === undefined ? all(by) : of(patient, by)),
  }
}

async function* entriesOf(
  records: ReadableRecords,
  patient: PatientRef,
  by: OnBehalf | undefined,
): AsyncGenerator<AccessEntry> {
  let cursor: string | undefined
  let count = 0
  do {
    const page = await records.accessLog(patient, {
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
      ...(by === undefined ? {} : { by }),
    })
    yield* page.entries
    count += page.entries.length
    cursor = page.cursor
  } while (cursor !== undefined && count < MAX_AUDIT_ENTRIES)
}

function auditEventOf(entry: AccessEntry, patient: PatientRef, parts: AuditViewParts): MadeResource | undefined {
  const pattern = KINDS[entry.kind]
  if (pattern === undefined) return undefined
  const { purpose, permission, code } = entry
  const isEmergency = entry.kind === 'emergency-open' || permission?.startsWith('emergency') === true
  // BALP's patterns are of what succeeded.
  const profile = code === undefined ? pattern.profile : undefined
  return {
    resourceType: 'AuditEvent',
    id: `log-${entry.index}`,
    ...(profile === undefined ? {} : { meta: { profile: [`${BALP}.${profile}`] } }),
    ...(permission === undefined ? {} : { extension: [{ url: PERMISSION_EXTENSION, valueString: permission }] }),
    type: {
      system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
      code: 'rest',
      display: 'Restful Operation',
    },
    subtype: [
      { system: 'http://hl7.org/fhir/restful-interaction', code: pattern.code },
      { system: 'https://trusthealth.example/fhir/log-entry', code: entry.kind },
      ...(isEmergency ? [{ system: DCM, code: '110127', display: 'Emergency Override Started' }] : []),
    ],
    action: pattern.action,
    recorded: formatInstant(entry.timeMs),
    outcome: code === undefined ? '0' : '4',
    ...(code === undefined ? {} : { outcomeDesc: code }),
    ...(purpose === undefined
      ? {}
      : {
          purposeOfEvent: [
            { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: purpose }] },
          ],
        }),
    agent: agentsOf(entry, pattern, patient, parts),
    source: {
      observer: recordServer(parts),
      type: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
          code: '4',
          display: 'Application Server',
        },
      ],
    },
    entity: entitiesOf(entry, pattern, patient, parts),
  }
}

/**
 * The client is whose session it was; the user is the person: the same one, or, where a hospital asked, the one for whom
 * it said that it asks. An app that asks for nobody, or that the person uses, is named beside them.
 */
function agentsOf(entry: AccessEntry, pattern: Pattern, patient: PatientRef, parts: AuditViewParts): object[] {
  const { actor, actorName, place, by } = entry
  const isOrganization = actor.startsWith('h-')
  const name = actorName === undefined ? {} : { display: actorName }
  const location = place === undefined ? {} : { location: { display: place } }
  const user = isOrganization ? by?.kind === 'person' && { id: by.id, name: by.name } : { id: actor, name: actorName }
  const app = by?.kind === 'app' ? { id: by.id, name: by.name } : by?.app === undefined ? undefined : { id: by.app }
  return [
    {
      type: concept(ROLE[pattern.client]),
      who: isOrganization
        ? { ...who(actor, patient, parts), ...name }
        : { identifier: participant(actor), display: 'The own device' },
      requestor: isOrganization && by === undefined,
      ...location,
      network: UNKNOWN_NETWORK,
    },
    {
      type: concept(ROLE[pattern.server]),
      who: recordServer(parts),
      requestor: false,
      network: UNKNOWN_NETWORK,
    },
    ...(user === false
      ? []
      : [
          {
            type: concept(ROLE[pattern.user]),
            who: { ...who(user.id, patient, parts), ...(user.name === undefined ? {} : { display: user.name }) },
            ...(user.name === undefined ? {} : { name: user.name }),
            requestor: true,
            ...location,
          },
        ]),
    ...(app === undefined
      ? []
      : [
          {
            type: concept([
              'http://terminology.hl7.org/CodeSystem/extra-security-role-type',
              'dataprocessor',
              'data processor',
            ]),
            who: { identifier: { system: CLIENT_SYSTEM, value: app.id }, display: app.name ?? app.id },
            altId: app.id,
            ...(app.name === undefined ? {} : { name: app.name }),
            requestor: by?.kind === 'app',
          },
        ]),
  ]
}

/** The log knows what was read or written, and of a search only whose records it was about. */
function entitiesOf(
  entry: AccessEntry,
  { code, profile }: Pattern,
  patient: PatientRef,
  { store, ids }: AuditViewParts,
): object[] {
  const isQuery = profile === 'PatientQuery'
  const objectType = (value: string, display: string) =>
    coding('http://terminology.hl7.org/CodeSystem/audit-entity-type', value, display)
  const role = (value: string, display: string) =>
    coding('http://terminology.hl7.org/CodeSystem/object-role', value, display)
  const asked = `${entry.kind}?patient=${patient}`
  return [
    {
      what: { reference: `Patient/${ids.idOf(patient)}`, identifier: participant(patient) },
      type: objectType('1', 'Person'),
      role: role('1', 'Patient'),
    },
    ...(isQuery
      ? [
          {
            type: objectType('2', 'System Object'),
            role: role('24', 'Query'),
            description: asked,
            query: Buffer.from(asked).toString('base64'),
          },
        ]
      : []),
    ...entry.records.map(({ record, version }) => {
      const row = store.findRecord(record as RecordId)
      const name = row === undefined ? undefined : `${row.type}/${row.id}`
      const what = {
        ...(name === undefined ? {} : { reference: version === undefined ? name : `${name}/_history/${version}` }),
        identifier: { system: 'https://trusthealth.example/fhir/record', value: record },
      }
      return isQuery
        ? { what, type: objectType('4', 'Other'), description: `The record whose ${code} it was` }
        : { what, type: objectType('2', 'System Object'), role: role('4', 'Domain Resource') }
    }),
    {
      what: { identifier: { system: LOG_INDEX_SYSTEM, value: String(entry.index) } },
      type: objectType('4', 'Other'),
      description: 'Entry of the record server’s log',
    },
  ]
}

function recordServer({ serverRef }: AuditViewParts): object {
  return { type: 'Device', identifier: participant(serverRef), display: 'Record server' }
}

function who(ref: string, patient: PatientRef, { directory, ids }: AuditViewParts): object {
  if (ref.startsWith('d-'))
    return { reference: `Practitioner/${ref}`, type: 'Practitioner', identifier: participant(ref) }
  if (ref.startsWith('h-')) {
    const isOwn = ref === directory.hospital.ref
    return {
      ...(isOwn ? { reference: `Organization/${ref}` } : {}),
      type: 'Organization',
      identifier: participant(ref),
    }
  }
  if (ref === patient)
    return { reference: `Patient/${ids.idOf(patient)}`, type: 'Patient', identifier: participant(ref) }
  return { identifier: participant(ref) }
}

function participant(value: string): object {
  return { system: PARTICIPANT_SYSTEM, value }
}

function concept([system, code, display]: readonly [string, string, string]): object {
  return { coding: [coding(system, code, display)] }
}

function coding(system: string, code: string, display: string): object {
  return { system, code, display }
}
