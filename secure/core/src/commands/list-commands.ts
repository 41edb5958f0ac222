/**
 * Lists and searches. What one patient's list returns is complete: the number of its records is authenticated, each
 * row is, and so are its words. Spec: docs/protocol/08-access.md §8.5.
 *
 * A search without a patient goes through patients in the order of their numbers, as many as one answer of the ledger
 * covers; `cursor` continues. Its candidates come from the full-text index where words or a code are asked for.
 *
 * @module
 */
import {
  ehrTypeShape,
  literal,
  optional,
  patientRefShape,
  purposeShape,
  struct,
  text,
  uint,
  type CborValue,
  type EhrType,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import { MAX_POLICY_PATIENTS } from '../../../../shared/ledger-model/src/index.ts'
import { decide, type Permission } from '../access/decide.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Patient } from '../patients.ts'
import { STORED, type RecordRow } from '../records/record-rows.ts'
import { codeToken, matchesWords, queryWordsOf } from '../records/record-text.ts'
import type { SessionClient } from '../sessions/index.ts'
import type { Vault } from '../vault.ts'
import {
  actorEntry,
  command,
  patientOf,
  permit,
  questionOf,
  readNeeds,
  READERS,
  recordFactsOf,
  type Call,
} from './call.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500
const MAX_QUERY_CHARACTERS = 256
/** Records that one search over many patients looks through before it ends its page. */
const MAX_SEARCHED_RECORDS = 5_000

const pageMembers = {
  cursor: optional(text({ min: 1, max: 64, pattern: /^[0-9]{1,16}(-[0-9]{1,16})?$/ })),
  limit: optional(uint({ min: 1, max: MAX_LIMIT })),
  purpose: optional(purposeShape),
  minHeight: optional(uint()),
}

interface SearchInput {
  readonly patient?: PatientRef
  readonly ehrType?: EhrType
  readonly resourceType?: string
  readonly code?: string
  readonly fromMs?: number
  readonly toMs?: number
  readonly text?: string
  readonly cursor?: string
  readonly limit?: number
  readonly purpose?: string
}

export const LIST_COMMANDS = {
  'record.list': command(struct({ cmd: literal('record.list'), patient: patientRefShape, ...pageMembers }), {
    who: READERS,
    needs: (vault, client, { patient, minHeight }) => readNeeds(vault, client, [patient], minHeight),
    subject: (_vault, _client, { patient }) => ({ patient }),
    run(call, input) {
      const patient = patientOf(call, input.patient)
      const page = pageOf(call, patient, { ...input }, rowCursor(input.cursor), input.limit ?? DEFAULT_LIMIT)
      call.vault.log({ t: 'list', ...actorEntry(call, page.permission), patient: patient.ref })
      call.reply({ items: page.rows.map(itemMembers), ...cursorMembers(page.next) })
    },
  }),

  'record.search': command(
    struct({
      cmd: literal('record.search'),
      patient: optional(patientRefShape),
      ehrType: optional(ehrTypeShape),
      resourceType: optional(text({ min: 1, max: 64, pattern: /^[A-Za-z]+$/ })),
      code: optional(text({ min: 1, max: 512 })),
      fromMs: optional(uint()),
      toMs: optional(uint()),
      text: optional(text({ min: 1, max: MAX_QUERY_CHARACTERS })),
      ...pageMembers,
    }),
    {
      who: READERS,
      needs: (vault, client, input) => readNeeds(vault, client, refsOf(vault, client, input), input.minHeight),
      subject: (_vault, _client, { patient }) => (patient === undefined ? {} : { patient }),
      run(call, input) {
        if (input.patient !== undefined || call.client.kind === 'patient') searchOne(call, input)
        else searchAll(call, input)
      },
    },
  ),
}

interface Page {
  readonly rows: readonly RecordRow[]
  readonly permission: Permission
  /** Where the next page starts; undefined at the end. */
  readonly next: string | undefined
}

function searchOne(call: Call, input: SearchInput): void {
  const patient = patientOf(call, input.patient ?? (call.client.ref as PatientRef))
  const page = pageOf(call, patient, input, rowCursor(input.cursor), input.limit ?? DEFAULT_LIMIT)
  call.vault.log({ t: 'search', ...actorEntry(call, page.permission), patient: patient.ref })
  call.reply({ items: page.rows.map(itemMembers), ...cursorMembers(page.next) })
}

/** Cursor: `patient` or `patient-row`, the last patient that was finished and the row to go on before in the next. */
function searchAll(call: Call, input: SearchInput): void {
  const { vault } = call
  const limit = input.limit ?? DEFAULT_LIMIT
  const candidates = candidatesOf(vault, call.client, input)
  let { before } = allCursor(input.cursor)
  const items: CborValue[] = []
  const seen: { readonly patient: Patient; readonly permission: Permission }[] = []
  let next: string | undefined
  let finished = allCursor(input.cursor).after
  let searched = 0
  for (const patient of candidates) {
    // A patient who came while the ledger was asked is on the next page.
    const isFull = items.length >= limit || searched >= MAX_SEARCHED_RECORDS
    if (isFull || !call.facts.hasPolicyOf(patient.ref)) {
      next = String(finished)
      break
    }
    if (decide(questionOf(call, patient.ref, input.purpose)).allowed) {
      searched += vault.patientLog.recordsOf(patient)
      const page = pageOf(call, patient, input, before, limit - items.length)
      items.push(...page.rows.map((row) => ({ ...itemMembers(row), patient: patient.ref })))
      seen.push({ patient, permission: page.permission })
      if (page.next !== undefined) {
        next = `${finished}-${page.next}`
        break
      }
    }
    before = undefined
    finished = patient.id
  }
  if (next === undefined && candidates.length === MAX_POLICY_PATIENTS) next = String(finished)
  for (const { patient, permission } of seen) {
    vault.log({ t: 'search', ...actorEntry(call, permission), patient: patient.ref })
  }
  if (seen.length === 0) vault.log({ t: 'search', ...actorEntry(call) })
  call.reply({ items, ...cursorMembers(next) })
}

/** Rows of one patient that match and that the actor may see, newest first. */
function pageOf(call: Call, patient: Patient, input: SearchInput, before: number | undefined, limit: number): Page {
  const { vault } = call
  const question = questionOf(call, patient.ref, input.purpose)
  const permission = permit(question)
  const rows: RecordRow[] = []
  const all = vault.records.ofPatient(patient.id, vault.patientLog.recordsOf(patient))
  const matches = matcherOf(vault, input)
  for (const row of all) {
    if (row.superseded || (before !== undefined && row.id >= before) || !matches(row)) continue
    if (!decide({ ...question, record: recordFactsOf(row) }).allowed) continue
    if (rows.length === limit) return { rows, permission, next: String(rows.at(-1)?.id ?? 0) }
    rows.push(row)
  }
  return { rows, permission, next: undefined }
}

function matcherOf(vault: Vault, input: SearchInput): (row: RecordRow) => boolean {
  const { ehrType, resourceType, fromMs, toMs } = input
  const words = input.text === undefined ? undefined : queryWordsOf(input.text)
  const code = input.code === undefined ? undefined : codeToken(vault.crypto, input.code)
  const isPlain = words === undefined && code === undefined && resourceType === undefined
  return (row) => {
    // What is erased has no content to match; a list shows the marker.
    if (row.state !== STORED && !(isPlain && ehrType === undefined)) return false
    if (ehrType !== undefined && row.ehrType !== ehrType) return false
    if (resourceType !== undefined && row.resourceType !== resourceType) return false
    const { dateMs } = recordFactsOf(row)
    if ((fromMs !== undefined && dateMs < fromMs) || (toMs !== undefined && dateMs > toMs)) return false
    if (words === undefined && code === undefined) return true
    const indexed = vault.texts.get(row.id, row.textHash)
    return (
      (words === undefined || (words.length > 0 && matchesWords(indexed.text, words))) &&
      (code === undefined || indexed.codes.split(' ').includes(code))
    )
  }
}

/** Patients whose policies a search needs. */
function refsOf(vault: Vault, client: SessionClient, input: SearchInput): string[] {
  if (input.patient !== undefined) return [input.patient]
  if (client.kind === 'patient') return [client.ref]
  return candidatesOf(vault, client, input).map(({ ref }) => ref)
}

function candidatesOf(vault: Vault, _client: SessionClient, input: SearchInput): Patient[] {
  const { after } = allCursor(input.cursor)
  const words = input.text === undefined ? [] : queryWordsOf(input.text)
  const code = input.code === undefined ? undefined : codeToken(vault.crypto, input.code)
  if (!vault.index.hasWords || (words.length === 0 && code === undefined)) {
    return vault.patients.listAfter(after, MAX_POLICY_PATIENTS)
  }
  return vault.index.candidates(words, code, after, MAX_POLICY_PATIENTS).map((id) => vault.patients.get(id))
}

function itemMembers(row: RecordRow): { readonly [name: string]: CborValue } {
  const { recordId, version, ehrType, resourceType, title, dateMs, author, storedMs, erasedMs } = row
  return {
    record: recordId,
    version,
    ehrType,
    resourceType,
    title: title ?? '',
    ...(dateMs === null ? {} : { dateMs }),
    author,
    storedMs: storedMs ?? 0,
    ...(erasedMs === null ? {} : { erasedMs }),
  }
}

function cursorMembers(next: string | undefined): { readonly cursor?: string } {
  return next === undefined ? {} : { cursor: next }
}

function rowCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  if (cursor.includes('-')) throw new TrustedApplicationError('MESSAGE_MALFORMED')
  return Number(cursor)
}

function allCursor(cursor: string | undefined): { readonly after: number; readonly before: number | undefined } {
  const [after = '0', before] = (cursor ?? '0').split('-')
  return { after: Number(after), before: before === undefined ? undefined : Number(before) }
}
