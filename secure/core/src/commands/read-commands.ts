/**
 * Reading records: one, many, their versions; erasing; showing a warrant. Spec: docs/protocol/08-access.md,
 * 04-records.md §4.6, §4.7.
 *
 * @module
 */
import { encodeHex, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  ehrHash,
  list,
  literal,
  optional,
  parseWarrant,
  purposeShape,
  recordIdShape,
  struct,
  text,
  uint,
  type AuthorRef,
  type CborValue,
  type RecordId,
} from '../../../../shared/protocol/src/index.ts'
import { refusalOf, StorageError, TrustedApplicationError, type Refusal } from '../errors.ts'
import type { Facts } from '../facts/queries.ts'
import type { Patient } from '../patients.ts'
import { decryptContent } from '../records/record-body.ts'
import { ERASED, STORED, type RecordRow } from '../records/record-rows.ts'
import { commitmentMembers, proofMembers } from '../records/receipt.ts'
import { checkRecorded } from '../records/upload-checks.ts'
import type { AnswerMembers } from '../round.ts'
import type { Vault } from '../vault.ts'
import {
  actorEntry,
  command,
  DEFAULT_PURPOSE,
  patientNeeds,
  patientOf,
  permit,
  questionOf,
  readNeeds,
  READERS,
  recordFactsOf,
  type Call,
} from './call.ts'

const MAX_MANY = 256

interface ReadInput {
  readonly record: RecordId
  readonly version?: number
  readonly purpose?: string
}

export const READ_COMMANDS = {
  'record.read': command(
    struct({
      cmd: literal('record.read'),
      record: recordIdShape,
      version: optional(uint({ min: 1 })),
      purpose: optional(purposeShape),
      minHeight: optional(uint()),
    }),
    {
      who: READERS,
      needs: (vault, client, { record, minHeight }) =>
        readNeeds(vault, client, [patientRefOf(vault, record)], minHeight),
      subject: (vault, _client, { record }) => subjectOf(vault, record),
      run(call, input) {
        const read = readRecord(call, input)
        if ('tombstone' in read) call.refuse({ code: 'RECORD_ERASED' }, () => read.tombstone())
        else call.reply(read.members)
      },
    },
  ),

  'record.read-many': command(
    struct({
      cmd: literal('record.read-many'),
      records: list(recordIdShape, { min: 1, max: MAX_MANY }),
      purpose: optional(purposeShape),
      minHeight: optional(uint()),
    }),
    {
      who: READERS,
      needs: (vault, client, { records, minHeight }) =>
        readNeeds(vault, client, [...new Set(records.map((record) => patientRefOf(vault, record)))], minHeight),
      run(call, { records, purpose }) {
        const reads = records.map((record) =>
          readOrRefuse(call, purpose === undefined ? { record } : { record, purpose }),
        )
        call.reply(() => ({ results: reads.map((read) => read()) }))
      },
    },
  ),

  'record.versions': command(
    struct({ cmd: literal('record.versions'), record: recordIdShape, minHeight: optional(uint()) }),
    {
      who: READERS,
      needs: (vault, client, { record, minHeight }) =>
        readNeeds(vault, client, [patientRefOf(vault, record)], minHeight),
      subject: (vault, _client, { record }) => subjectOf(vault, record),
      run(call, { record }) {
        const { vault } = call
        const rows = vault.records.versions(record)
        const latest = rows.at(-1)
        if (latest === undefined) throw new TrustedApplicationError('ACCESS_DENIED')
        const patient = vault.patients.get(latest.patient)
        const permission = permit(questionOf(call, patient.ref), recordFactsOf(latest))
        vault.log({ t: 'list', ...actorEntry(call, permission), patient: patient.ref, record })
        call.reply({ versions: rows.map(versionMembers) })
      },
    },
  ),

  'record.erase': command(
    struct({ cmd: literal('record.erase'), record: recordIdShape, confirm: bytes({ length: 32 }) }),
    {
      who: ['patient'],
      needs: (vault, client, { record }) => ({
        ...patientNeeds(client, [patientRefOf(vault, record)]),
        retained: vault.records.versions(record).flatMap(({ state, place }) => (state === STORED ? (place ?? []) : [])),
      }),
      subject: (vault, _client, { record }) => subjectOf(vault, record),
      run: erase,
    },
  ),

  'warrant.present': command(struct({ cmd: literal('warrant.present'), warrant: text({ min: 1, max: 16_384 }) }), {
    who: ['practitioner', 'organization'],
    needs: (_vault, client, { warrant }) => patientNeeds(client, [parseWarrant(warrant).payload.iss]),
    run: presentWarrant,
  }),
}

type ReadResult = { readonly members: () => AnswerMembers } | { readonly tombstone: () => AnswerMembers }

/** Decides, logs, decrypts; the proofs follow when the log entry is durable. */
function readRecord(call: Call, { record, version, purpose = DEFAULT_PURPOSE }: ReadInput): ReadResult {
  const { vault } = call
  const latest = vault.records.findLatest(record)
  // Absent and not allowed answer alike.
  if (latest === undefined) throw new TrustedApplicationError('ACCESS_DENIED')
  const patient = vault.patients.get(latest.patient)
  const permission = permit(questionOf(call, patient.ref, purpose), recordFactsOf(latest))
  const row = version === undefined || version === latest.version ? latest : vault.records.find(record, version)
  if (row === undefined || row.logIndex === null) throw new TrustedApplicationError('RECORD_NOT_FOUND')
  const entry = {
    t: 'read' as const,
    ...actorEntry(call, permission),
    patient: patient.ref,
    record,
    version: row.version,
    purpose,
  }
  if (row.state === ERASED) {
    vault.log({ ...entry, code: 'RECORD_ERASED' })
    return { tombstone: () => ({ log: proofMembers(vault.checkpoints.proofOf(row.erasedIndex ?? 0)) }) }
  }
  const content = openContent(vault, patient, row)
  const warrant = vault.warrants.find(encodeHex(row.warrantHash))
  if (warrant === undefined) throw new StorageError('STATE_ROLLED_BACK', 'the warrant of a record is missing')
  const accessIndex = vault.log(entry)
  const { logIndex } = row
  return {
    members: () => ({
      recordId: row.recordId,
      version: row.version,
      latestVersion: latest.version,
      author: row.author,
      ehr: content.ehr,
      salt: content.salt,
      warrant: warrant.jws,
      commitment: commitmentMembers(row),
      log: proofMembers(vault.checkpoints.proofOf(logIndex)),
      accessIndex,
    }),
  }
}

/** One item of `record.read-many`: its refusal is its own, and is logged. */
function readOrRefuse(call: Call, input: ReadInput): () => CborValue {
  try {
    const read = readRecord(call, input)
    if ('members' in read) return () => ({ ok: true, ...read.members() })
    return () => ({ ok: false, code: 'RECORD_ERASED', ...read.tombstone() })
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined || error instanceof StorageError) throw error
    logDenied(call, input.record, refusal)
    return () => ({ ok: false, code: refusal.code })
  }
}

function logDenied(call: Call, record: RecordId, { code }: Refusal): void {
  const { patient } = subjectOf(call.vault, record)
  call.vault.log({
    t: 'deny',
    ...actorEntry(call),
    ...(patient === undefined ? {} : { patient }),
    record,
    code,
  })
}

/** @throws {TrustedApplicationError} `RECORD_HASH_MISMATCH` if text and salt are not those that were committed to. */
export function openContent(
  vault: Vault,
  patient: Patient,
  row: RecordRow,
): { readonly ehr: Uint8Array; readonly salt: Uint8Array } {
  const { crypto, compression, treatmentKeys, bodies } = vault
  const treatmentKey = row.keyVersion === null ? undefined : treatmentKeys.find(patient, row.keyVersion)
  if (treatmentKey === undefined || row.wrapped === null) {
    throw new StorageError('STORE_DAMAGED', 'the key of a record is missing')
  }
  const stored = { wrapped: row.wrapped, body: bodies.get(row.id) }
  const content = decryptContent(crypto, treatmentKey, patient.ref, row, stored, compression)
  if (!equalBytes(ehrHash(crypto, content.salt, content.ehr), row.ehrHash)) {
    // Unreached: what opens is what was hashed when it was stored; a fault of ours must not pass for a record.
    throw new TrustedApplicationError('RECORD_HASH_MISMATCH')
  }
  return content
}

function versionMembers(row: RecordRow): CborValue {
  const { version, author, ehrHash: hash, storedMs, erasedMs } = row
  return { version, author, ehrHash: hash, storedMs: storedMs ?? 0, ...(erasedMs === null ? {} : { erasedMs }) }
}

/** §4.7: destroys keys, texts and index of every version, and says so in the log. */
function erase(call: Call, { record, confirm }: { readonly record: RecordId; readonly confirm: Uint8Array }): void {
  const { vault, nowMs } = call
  const rows = vault.records.versions(record)
  const latest = rows.at(-1)
  if (latest === undefined) throw new TrustedApplicationError('ACCESS_DENIED')
  const patient = vault.patients.get(latest.patient)
  const permission = permit(questionOf(call, patient.ref), recordFactsOf(latest))
  if (latest.state === ERASED) {
    call.refuse({ code: 'RECORD_ERASED' }, () => ({
      log: proofMembers(vault.checkpoints.proofOf(latest.erasedIndex ?? 0)),
    }))
    return
  }
  if (!equalBytes(confirm, latest.ehrHash)) throw new TrustedApplicationError('RECORD_HASH_MISMATCH')
  const retention = retentionOf(call.facts, rows)
  if (retention !== undefined) {
    logDenied(call, record, { code: 'RETENTION_APPLIES' })
    call.refuse({ code: 'RETENTION_APPLIES' }, { retention })
    return
  }
  const words = rows.map((row) => vault.texts.get(row.id, row.textHash))
  const erasedIndex = vault.log({
    t: 'erase',
    ...actorEntry(call, permission),
    patient: patient.ref,
    record,
    version: latest.version,
    digest: latest.ehrHash,
  })
  vault.uploads.dropOf(record)
  for (const [i, row] of rows.entries()) {
    vault.bodies.remove(row.id)
    vault.texts.remove(row.id)
    vault.index.eraseWords(row.patient, row.id, words[i] ?? { text: '', codes: '' })
    vault.records.update({
      ...row,
      state: ERASED,
      erasedMs: nowMs,
      erasedIndex,
      title: null,
      codes: null,
      textHash: null,
      keyVersion: null,
      wrapped: null,
    })
  }
  call.reply(() => ({ log: proofMembers(vault.checkpoints.proofOf(erasedIndex)) }))
}

/** Who must keep a record, by the hospital of its author's organisation, and until when. */
interface Retention {
  readonly [member: string]: CborValue
  readonly organization: string
  readonly hospital: string
  readonly untilMs: number
}

/**
 * What stands against erasing these versions: the period that ends last. A period has ended when a whole quorum has
 * reached its end, so that neither our clock nor one organisation ends it early.
 * @throws {TrustedApplicationError} `RECORD_VERSION_CONFLICT` if a version came while the ledger was asked.
 */
function retentionOf(facts: Facts, rows: readonly RecordRow[]): Retention | undefined {
  let last: Retention | undefined
  for (const { place, hospital } of rows) {
    const known = place === null ? undefined : facts.findRetained(place)
    if (known === undefined) throw new TrustedApplicationError('RECORD_VERSION_CONFLICT')
    const { mspId, untilMs } = known
    if (untilMs === undefined || untilMs <= facts.reachedMs || untilMs <= (last?.untilMs ?? 0)) continue
    last = { organization: mspId, hospital, untilMs }
  }
  return last
}

/** Makes the scope of a recorded warrant known, so that its parties may read under it before anything was stored. */
function presentWarrant(call: Call, { warrant }: { readonly warrant: string }): void {
  const { vault, actor, facts } = call
  const patient = patientOf(call, parseWarrant(warrant).payload.iss)
  const policy = facts.policyOf(patient.ref)
  const known = vault.warrants.verify(warrant, patient.ref, policy)
  if (!known.warrant.doctors.includes(actor.ref as AuthorRef)) {
    throw new TrustedApplicationError('WARRANT_PARTY_MISMATCH')
  }
  checkRecorded(known, policy)
  vault.warrants.remember(patient, known)
  call.reply({ warrantHash: known.hash })
}

/**
 * Whose policy decides about a record. For a record that does not exist a patient that does not exist: the answer
 * takes as long as any other.
 */
function patientRefOf(vault: Vault, record: RecordId): string {
  const row = vault.records.findLatest(record)
  if (row !== undefined) return vault.patients.get(row.patient).ref
  return `p-${encodeHex(vault.crypto.randomBytes(16))}`
}

function subjectOf(vault: Vault, record: RecordId): { readonly patient?: string; readonly record: string } {
  const row = vault.records.findLatest(record)
  return row === undefined ? { record } : { patient: vault.patients.get(row.patient).ref, record }
}
