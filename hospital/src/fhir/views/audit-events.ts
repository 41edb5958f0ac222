/**
 * The trusted application's access log of a patient as AuditEvents in the shape of IHE BALP (Basic Audit Log Patterns,
 * patient-read, -query, -create, -delete). Ids are `log-<index of the entry>`; the log itself is what proves it.
 *
 * Source: https://profiles.ihe.net/ITI/BALP/; FHIR R4 https://hl7.org/fhir/R4/auditevent.html
 *
 * @module
 */
import type { AccessEntry } from '../../../../clients/sdk/src/participant.ts'
import { formatInstant, PARTICIPANT_SYSTEM } from '../../../../shared/fhir/src/index.ts'
import type { PatientRef, RecordId } from '../../../../shared/protocol/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import type { PatientIds } from '../patients.ts'
import type { Directory, Records } from '../ports.ts'
import type { FhirStore } from '../store.ts'
import { candidate, type MadeResource } from './people.ts'

const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit'
const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const PAGE = 256
/** Newest entries of a patient that a search looks at. */
export const MAX_AUDIT_ENTRIES = 5_000
export const LOG_INDEX_SYSTEM = 'https://trusthealth.example/fhir/log-index'
export const PERMISSION_EXTENSION = 'https://trusthealth.example/fhir/StructureDefinition/permission'

/** What one kind of log entry is in FHIR; absent: no access to a record, left to the log itself. */
const KINDS: Readonly<Record<string, { readonly action: string; readonly code: string; readonly profile: string }>> = {
  read: { action: 'R', code: 'read', profile: 'PatientRead' },
  deny: { action: 'R', code: 'read', profile: 'PatientRead' },
  search: { action: 'E', code: 'search-type', profile: 'PatientQuery' },
  list: { action: 'E', code: 'search-type', profile: 'PatientQuery' },
  'access-log': { action: 'E', code: 'search-type', profile: 'PatientQuery' },
  store: { action: 'C', code: 'create', profile: 'PatientCreate' },
  chain: { action: 'C', code: 'create', profile: 'PatientCreate' },
  erase: { action: 'D', code: 'delete', profile: 'PatientDelete' },
  'emergency-open': { action: 'E', code: 'operation', profile: 'PatientRead' },
  'emergency-close': { action: 'E', code: 'operation', profile: 'PatientRead' },
}

export interface AuditViewParts {
  readonly records: Records
  readonly directory: Directory
  readonly store: FhirStore
  readonly ids: PatientIds
  readonly serverRef: string
}

export function auditEventView(parts: AuditViewParts): View {
  const { directory } = parts
  const of = async (patient: PatientRef): Promise<Candidate[]> => {
    const found: Candidate[] = []
    for await (const entry of entriesOf(parts.records, patient)) {
      const resource = auditEventOf(entry, patient, parts)
      if (resource !== undefined) found.push(candidate(resource, entry.timeMs, patient))
    }
    return found
  }
  const all = async () => {
    const found: Candidate[] = []
    for (const { ref } of directory.patients()) found.push(...(await of(ref)))
    return found
  }
  return {
    type: 'AuditEvent',
    find: async (id) => (/^log-\d+$/.test(id) ? (await all()).find((one) => one.id === id) : undefined),
    list: async ({ patient }) => await (patient === undefined ? all() : of(patient)),
  }
}

async function* entriesOf(records: Records, patient: PatientRef): AsyncGenerator<AccessEntry> {
  let cursor: string | undefined
  let count = 0
  do {
    const page = await records.accessLog(patient, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.entries
    count += page.entries.length
    cursor = page.cursor
  } while (cursor !== undefined && count < MAX_AUDIT_ENTRIES)
}

function auditEventOf(
  entry: AccessEntry,
  patient: PatientRef,
  { directory, store, ids, serverRef }: AuditViewParts,
): MadeResource | undefined {
  const kind = KINDS[entry.kind]
  if (kind === undefined) return undefined
  const { actor, actorName, place, purpose, permission, code } = entry
  const isEmergency = entry.kind === 'emergency-open' || permission?.startsWith('emergency') === true
  return {
    resourceType: 'AuditEvent',
    id: `log-${entry.index}`,
    meta: { profile: [`${BALP}.${kind.profile}`] },
    ...(permission === undefined ? {} : { extension: [{ url: PERMISSION_EXTENSION, valueString: permission }] }),
    type: {
      system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
      code: 'rest',
      display: 'Restful Operation',
    },
    subtype: [
      { system: 'http://hl7.org/fhir/restful-interaction', code: kind.code },
      { system: 'https://trusthealth.example/fhir/log-entry', code: entry.kind },
      ...(isEmergency ? [{ system: DCM, code: '110127', display: 'Emergency Override Started' }] : []),
    ],
    action: kind.action,
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
    agent: [
      {
        type: { coding: [{ system: DCM, code: '110153', display: 'Source Role ID' }] },
        who: { ...who(actor), ...(actorName === undefined ? {} : { display: actorName }) },
        ...(actorName === undefined ? {} : { name: actorName }),
        requestor: true,
        ...(place === undefined ? {} : { location: { display: place } }),
      },
      {
        type: { coding: [{ system: DCM, code: '110152', display: 'Destination Role ID' }] },
        who: { type: 'Device', identifier: participant(serverRef), display: 'Record server' },
        requestor: false,
      },
    ],
    source: {
      observer: { type: 'Device', identifier: participant(serverRef), display: 'Record server' },
      type: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
          code: '4',
          display: 'Application Server',
        },
      ],
    },
    entity: [
      {
        what: { reference: `Patient/${ids.idOf(patient)}`, identifier: participant(patient) },
        type: coding('http://terminology.hl7.org/CodeSystem/audit-entity-type', '1', 'Person'),
        role: coding('http://terminology.hl7.org/CodeSystem/object-role', '1', 'Patient'),
      },
      ...entry.records.map(({ record, version }) => {
        const row = store.findRecord(record as RecordId)
        const name = row === undefined ? undefined : `${row.type}/${row.id}`
        return {
          what: {
            ...(name === undefined ? {} : { reference: version === undefined ? name : `${name}/_history/${version}` }),
            identifier: { system: 'https://trusthealth.example/fhir/record', value: record },
          },
          type: coding('http://terminology.hl7.org/CodeSystem/audit-entity-type', '2', 'System Object'),
          role: coding('http://terminology.hl7.org/CodeSystem/object-role', '4', 'Domain Resource'),
        }
      }),
      {
        what: { identifier: { system: LOG_INDEX_SYSTEM, value: String(entry.index) } },
        type: coding('http://terminology.hl7.org/CodeSystem/audit-entity-type', '4', 'Other'),
        description: 'Entry of the record server’s log',
      },
    ],
  }

  function who(ref: string): object {
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
}

function participant(value: string): object {
  return { system: PARTICIPANT_SYSTEM, value }
}

function coding(system: string, code: string, display: string): object {
  return { system, code, display }
}
