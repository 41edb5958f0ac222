/**
 * Where a record comes from and how to check that nobody changed it: for each version a Provenance (`r-….3`) with the
 * commitment, its place on the ledger, the proof from the record server's log and, where this hospital stored it, the
 * receipt; and a Binary of the same id with the exact bytes that were signed.
 *
 * To check by hand: `ehrHash` = SHA-256(L(ehr) ‖ salt ‖ bytes of the Binary) (docs/protocol/04-records.md §4.1), and the
 * ledger has it under `batchId` and `index`.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { formatInstant, PARTICIPANT_SYSTEM } from '../../../../shared/fhir/src/index.ts'
import type { OnBehalf } from '../../../../clients/sdk/src/participant.ts'
import type { RecordAnswer } from '../../../../clients/sdk/src/record-answer.ts'
import { formatVersionName, parseVersionName, type Candidate, type View, type ViewQuery } from '../candidate.ts'
import { FhirRequestError } from '../errors.ts'
import type { Directory, ReadableRecords } from '../ports.ts'
import { storedMsOf } from '../records.ts'
import type { FhirStore, ResourceRow } from '../store.ts'
import { candidate, type MadeResource } from './people.ts'

const DEFINITIONS = 'https://trusthealth.example/fhir/StructureDefinition'
export const COMMITMENT_EXTENSION = `${DEFINITIONS}/commitment`
export const LOG_PROOF_EXTENSION = `${DEFINITIONS}/log-proof`
export const RECEIPT_EXTENSION = `${DEFINITIONS}/receipt`
/** Versions that one search makes; each is read from the record server, and logged. */
const MAX_MADE = 1_000

export interface ProvenanceViewParts {
  readonly store: FhirStore
  readonly records: ReadableRecords
  readonly directory: Directory
  readonly serverRef: string
  /** Everything newly stored of the patients asked for is known. */
  readonly learn: (query: ViewQuery) => Promise<void>
}

export function provenanceView(parts: ProvenanceViewParts): View {
  const { store, records, learn } = parts
  const make = (row: ResourceRow, answer: RecordAnswer): Candidate => {
    const storedMs = storedMsOf(answer.log)
    return candidate(provenanceOf(row, answer, storedMs, parts), storedMs, row.patient)
  }
  return {
    type: 'Provenance',
    find: (id, by) => findVersion(id, by, parts, make),
    async list(query) {
      await learn(query)
      const rows = rowsFor(query, store)
      if (rows.length > MAX_MADE) {
        throw new FhirRequestError('FHIR_SEARCH_INVALID', { detail: 'name a target or a patient with fewer records' })
      }
      const answers = await records.readMany(
        rows.flatMap(({ record }) => record ?? []),
        query.by,
      )
      return rows.flatMap((row, i) => {
        const answer = answers[i]
        return answer === undefined || 'code' in answer ? [] : [make(row, answer)]
      })
    },
  }
}

/** The bytes that were signed. Never listed: each is named by its Provenance. */
export function signedBytesView(parts: ProvenanceViewParts): View {
  return {
    type: 'Binary',
    find: (id, by) =>
      findVersion(id, by, parts, (row, answer) =>
        candidate(
          {
            resourceType: 'Binary',
            id,
            contentType: 'application/fhir+json',
            securityContext: { reference: `${row.type}/${row.id}` },
            data: Buffer.from(answer.ehr).toString('base64'),
          },
          storedMsOf(answer.log),
          row.patient,
        ),
      ),
    list: () => Promise.resolve([]),
  }
}

async function findVersion(
  id: string,
  by: OnBehalf | undefined,
  { store, records, learn }: ProvenanceViewParts,
  make: (row: ResourceRow, answer: RecordAnswer) => Candidate,
): Promise<Candidate | undefined> {
  const name = parseVersionName(id)
  if (name === undefined) return undefined
  if (store.findRecord(name.record) === undefined) await learn({})
  const row = store.findRecord(name.record)
  if (row === undefined || row.gone !== undefined) return undefined
  const newest = (await records.versions(name.record, by)).at(-1)
  if (newest === undefined || name.version > newest.version) return undefined
  return make(row, await records.read(name.record, name.version, by))
}

function rowsFor({ patient, targets, ids }: ViewQuery, store: FhirStore): ResourceRow[] {
  const isServed = (row: ResourceRow | undefined): row is ResourceRow =>
    row?.record !== undefined && row.gone === undefined
  if (ids !== undefined) {
    return ids.map((id) => store.findRecord(parseVersionName(id)?.record as never)).filter(isServed)
  }
  if (targets !== undefined) {
    const rows = targets.map((target) => {
      const [type = '', id = ''] = target.split('/')
      return store.find(type, id)
    })
    return rows.filter(isServed)
  }
  if (patient === undefined) throw new FhirRequestError('FHIR_SEARCH_INVALID', { detail: 'name a target or a patient' })
  return store.ofPatient(patient).filter(isServed)
}

function provenanceOf(
  row: ResourceRow,
  answer: RecordAnswer,
  storedMs: number,
  { store, directory, serverRef }: ProvenanceViewParts,
): MadeResource {
  const { recordId: record, version, author, commitment, log, salt } = answer
  const id = formatVersionName({ record, version })
  const { receipt, enterer } = store.findReceipt(record, version) ?? {}
  const hex = (url: string, bytes: Uint8Array) => ({ url, valueString: encodeHex(bytes) })
  const who = (ref: string) => ({
    ...(ref === directory.hospital.ref ? { reference: `Organization/${ref}` } : {}),
    type: ref.startsWith('d-') ? 'Practitioner' : 'Organization',
    identifier: { system: PARTICIPANT_SYSTEM, value: ref },
  })
  return {
    resourceType: 'Provenance',
    id,
    extension: [
      {
        url: COMMITMENT_EXTENSION,
        extension: [
          { url: 'recordId', valueString: record },
          { url: 'version', valuePositiveInt: version },
          hex('ehrHash', commitment.ehrHash),
          hex('salt', salt),
          hex('patientTag', commitment.patientTag),
          hex('doctorTag', commitment.doctorTag),
          hex('warrantHash', commitment.warrantHash),
          ...(commitment.previous.length === 0 ? [] : [hex('previous', commitment.previous)]),
          { url: 'batchId', valueString: commitment.batchId },
          { url: 'index', valueUnsignedInt: commitment.index },
          { url: 'ledgerTransaction', valueString: commitment.txId },
          { url: 'ledgerBlock', valueUnsignedInt: commitment.block },
        ],
      },
      {
        url: LOG_PROOF_EXTENSION,
        extension: [
          { url: 'index', valueUnsignedInt: log.index },
          { url: 'size', valueUnsignedInt: log.size },
          { url: 'entry', valueBase64Binary: Buffer.from(log.entry).toString('base64') },
          ...log.proof.map((hash) => hex('proof', hash)),
          { url: 'checkpoint', valueString: log.checkpoint },
        ],
      },
      ...(receipt === undefined ? [] : [{ url: RECEIPT_EXTENSION, valueString: receipt }]),
    ],
    target: [{ reference: `${row.type}/${row.id}/_history/${version}` }],
    recorded: formatInstant(storedMs),
    activity: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation',
          code: version === 1 ? 'CREATE' : 'UPDATE',
        },
      ],
    },
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
        },
        who: who(author),
      },
      ...(enterer === undefined ? [] : [entererOf(enterer)]),
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'custodian' }],
        },
        who: { type: 'Device', identifier: { system: PARTICIPANT_SYSTEM, value: serverRef }, display: 'Record server' },
      },
    ],
    entity: [
      {
        role: 'source',
        what: { reference: `Binary/${id}`, display: 'The exact bytes that were signed' },
      },
      ...(version === 1
        ? []
        : [{ role: 'revision', what: { reference: `${row.type}/${row.id}/_history/${version - 1}` } }]),
    ],
    ...(receipt === undefined ? {} : { signature: [signatureOf(receipt, storedMs, serverRef)] }),
  }
}

/** Who asked this façade to store it; the hospital signed. */
function entererOf(id: string): object {
  const isDoctor = /^d-[0-9a-f]{32}$/.test(id)
  return {
    type: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'enterer' }],
    },
    who: isDoctor
      ? { reference: `Practitioner/${id}`, type: 'Practitioner', identifier: { system: PARTICIPANT_SYSTEM, value: id } }
      : { identifier: { system: 'https://trusthealth.example/fhir/client', value: id } },
  }
}

/** The receipt is a signature of the record server over everything that was proven when it was stored. */
function signatureOf(receipt: string, whenMs: number, serverRef: string): object {
  return {
    type: [{ system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.12', display: 'Receipt Signature' }],
    when: formatInstant(whenMs),
    who: { type: 'Device', identifier: { system: PARTICIPANT_SYSTEM, value: serverRef } },
    sigFormat: 'application/jose',
    data: Buffer.from(receipt).toString('base64'),
  }
}
