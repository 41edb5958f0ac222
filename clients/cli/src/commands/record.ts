/**
 * `trusthealth record …`: what patients, doctors and hospitals do with records.
 *
 * @module
 */
import { resolve } from 'node:path'
import { decodeUtf8, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { FhirError, parseResource } from '../../../../shared/fhir/src/index.ts'
import { recordIdShape, type PatientRef, type RecordId } from '../../../../shared/protocol/src/index.ts'
import { Author } from '../../../sdk/src/author.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import { allItems, type RecordSearch } from '../../../sdk/src/participant.ts'
import type { RecordAnswer, RecordItem } from '../../../sdk/src/record-answer.ts'
import { formatRecordFile } from '../../../sdk/src/record-file.ts'
import type { RecordReport } from '../../../sdk/src/verify-record.ts'
import { confirmSevereStep } from '../ask.ts'
import { codeOfFailure, CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionRow, OptionValues } from '../command-row.ts'
import { connect, connectPatient, using, type Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate, formatMoment } from '../dates.ts'
import { readOwnFile, writePrivateFile } from '../files.ts'
import type { StoredIdentity } from '../identities.ts'
import { resolveId, shortId } from '../ids.ts'
import { kindOf } from '../kinds.ts'
import { countOption, momentOption, untilOption } from '../moments.ts'
import { table } from '../output.ts'
import { partiesOf, patientOf, type Parties } from '../parties.ts'
import { rememberIds, rememberedIds } from '../remembered.ts'
import {
  paintTone,
  recordItemJson,
  recordJson,
  recordTable,
  recordText,
  reportJson,
  sealOfReport,
} from '../record-view.ts'
import { text } from '../option-values.ts'
import { countWords, numberWords } from '../words.ts'
import { codeOfCheck, showReport } from '../record-report.ts'
import { verifyFile } from './verify-file.ts'

const PATIENT: OptionRow = { flags: '--patient <name>', description: 'whose records; a patient needs none' }
const MAX_LISTED = 20_000
const PAGE = 500

const FILTERS: readonly OptionRow[] = [
  PATIENT,
  { flags: '--kind <kind>', description: 'kind of records: lab, medicine, imaging, …' },
  { flags: '--type <type>', description: 'FHIR resource type: Observation, Condition, …' },
  { flags: '--code <code>', description: 'code, or system and code joined by |' },
  { flags: '--from <date>', description: 'clinical date from' },
  { flags: '--until <date>', description: 'clinical date up to' },
  { flags: '--limit <count>', description: 'at most so many', default: '50' },
]

export const RECORD_COMMANDS: readonly CommandRow[] = [
  {
    path: 'record store',
    what: '<file>',
    summary: 'write a FHIR R4 resource into the record of a patient',
    details:
      'Needs a permission of the patient that names you. `-` reads from standard input. While the record server or the ledger is away, the hospital keeps it encrypted: see record deliver.',
    options: [
      { flags: '--patient <name>', description: 'the patient' },
      { flags: '--warrant <id>', description: 'the permission to write under; else the one that ends last' },
      { flags: '--corrects <record>', description: 'this is a corrected text of that record' },
    ],
    examples: [
      'record store hba1c.json --patient bob --as alice',
      'record store - --patient bob --as alice < note.json',
      'record store hba1c-corrected.json --patient bob --corrects r-1f9ac03e --as alice',
    ],
    run: storeRecord,
  },
  {
    path: 'record list',
    summary: 'list records, newest first',
    options: FILTERS,
    examples: [
      'record list --as bob',
      'record list --patient bob --kind lab --as alice',
      'record list --as bob --json=lines',
    ],
    run: (context, _what, options) => listRecords(context, undefined, options),
  },
  {
    path: 'record search',
    what: '<words...>',
    summary: 'find records by the words in them',
    options: FILTERS,
    examples: [
      'record search hba1c --as bob',
      'record search "chest pain" --as bob',
      'record search statin --patient bob --as alice',
    ],
    run: (context, what, options) => listRecords(context, what.join(' '), options),
  },
  {
    path: 'record get',
    what: '<record>',
    summary: 'read a record, and check it',
    options: [
      { flags: '--revision <number>', description: 'an earlier version' },
      { flags: '--purpose <code>', description: 'why: TREAT, PATRQT, HRESCH, …' },
      { flags: '--out <file>', description: 'write the text to a file, or with --proofs the text and its proofs' },
      { flags: '--proofs', description: 'with --out: a file that anyone can check with record verify' },
      { flags: '--show-anyway', description: 'print the text also when a check failed' },
    ],
    examples: [
      'record get r-1f9ac03e --as bob',
      'record get r-1f9ac03e --out hba1c.json --proofs --as bob',
      'record get r-1f9ac03e --json --as alice',
    ],
    run: getRecord,
  },
  {
    path: 'record verify',
    what: '<record>',
    summary: 'run every check on a record, or on a downloaded file',
    options: [{ flags: '--revision <number>', description: 'an earlier version' }],
    examples: [
      'record verify r-1f9ac03e --as bob',
      'record verify hba1c.json --as bob',
      'record verify r-1f9ac03e --json --as bob',
    ],
    run: verifyOne,
  },
  {
    path: 'record versions',
    what: '<record>',
    summary: 'list the versions of a record',
    examples: [
      'record versions r-1f9ac03e --as bob',
      'record versions r-1f9ac03e --as alice',
      'record versions r-1f9ac03e --json --as bob',
    ],
    run: listVersions,
  },
  {
    path: 'record erase',
    what: '<record>',
    summary: 'destroy the key of a record for good',
    details:
      'Only the patient can. Cannot be undone: wants the 6-character code of the record, see --dry-run. What a hospital\n' +
      'must keep is refused until that time has come: see retention show.',
    examples: [
      'record erase r-1f9ac03e --as bob',
      'record erase r-1f9ac03e --dry-run --as bob',
      'record erase r-1f9ac03e --confirm 4be07c --as bob',
    ],
    run: eraseRecord,
  },
]

async function storeRecord(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const ehr = await readRecordText(context, what[0] as string)
  const corrects = text(options, 'corrects')
  await using(connect(context), async (connection) => {
    const { client, who } = connection
    if (!(client instanceof Author)) throw usageError('Doctors and hospitals write records.', '--as NAME of a doctor')
    const parties = partiesOf(context, connection)
    const patient = await patientOf(connection, parties, text(options, 'patient'))
    const patientName = parties.nameOf(patient)
    const stored = await doing('Not stored', async () => {
      const warrant = await warrantFor(client, patient, text(options, 'warrant')).catch(noPermission(patientName, who))
      if (corrects === undefined) return await client.storeOrKeep({ patient, ehr, warrant })
      const answer = await client.read(await findRecord(context, connection, corrects))
      return await client.correct(answer, patient, ehr, warrant)
    })
    rememberIds(context.state, who.slug, [stored.recordId])
    if ('kept' in stored) {
      const { recordId, version, code } = stored
      const then =
        who.identity.kind === 'practitioner'
          ? `Deliver it when the system answers again:  trusthealth record deliver --as ${who.slug}`
          : 'The hospital delivers it when the system answers again.'
      context.output.result(
        { record: recordId, version, kept: true, code },
        `Not stored yet: ${shortId(recordId)} waits encrypted in the hospital's outbox (${code}).\n${then}`,
      )
      return
    }
    const { recordId, version, place, receipt, log } = stored
    context.output.result(
      {
        record: recordId,
        version,
        block: place.block,
        batch: place.batchId,
        index: place.index,
        txId: place.txId,
        logIndex: log.index,
        receipt,
      },
      `Stored for ${parties.nameOf(patient)}: ${shortId(recordId)}, version ${version}. Shared ledger block ${place.block}, log entry ${log.index}.\n` +
        `Check it:  trusthealth record verify ${shortId(recordId)} --as ${who.slug}`,
    )
  })
}

async function listRecords(context: Context, words: string | undefined, options: OptionValues): Promise<void> {
  const limit = countOption('--limit', text(options, 'limit'), 50, MAX_LISTED)
  await using(connect(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const given = text(options, 'patient')
    const isOwn = who.identity.kind === 'patient'
    const patient =
      given === undefined && !isOwn && words !== undefined ? undefined : await patientOf(connection, parties, given)
    const search = searchOf(context, options, words, patient)
    const all: RecordItem[] = []
    await doing('Not listed', async () => {
      const pages = allItems((cursor) => {
        const page = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
        return search === undefined ? client.list(patient as PatientRef, page) : client.search({ ...search, ...page })
      })
      for await (const item of pages) if (all.push(item) === MAX_LISTED) break
    })
    // The store's order is that of storing; people look for the day on which something was.
    const items = all.toSorted((a, b) => (b.dateMs ?? 0) - (a.dateMs ?? 0)).slice(0, limit)
    await parties.complete()
    rememberIds(
      context.state,
      who.slug,
      items.map(({ record }) => record),
    )
    const next =
      items[0] === undefined ? '' : `\nOpen one:  trusthealth record get ${shortId(items[0].record)} --as ${who.slug}`
    const shown = items.length < all.length ? `The newest ${numberWords(limit)} of ` : ''
    const count = `${shown}${countWords(all.length, 'record')}${all.length === MAX_LISTED ? ' or more' : ''}`
    context.output.list(
      items.map(recordItemJson),
      `${recordTable(items, parties, context.output.paint)}${items.length === 0 ? '' : `\n${count}.${next}`}`,
    )
  })
}

/** Undefined when nothing narrows the list: then the plain list is asked for. */
function searchOf(
  context: Context,
  options: OptionValues,
  words: string | undefined,
  patient: PatientRef | undefined,
): RecordSearch | undefined {
  const kind = text(options, 'kind')
  const type = text(options, 'type')
  const code = text(options, 'code')
  const fromMs = momentOption(context, '--from', text(options, 'from'))
  const toMs = untilOption(context, '--until', text(options, 'until'))
  const search = {
    ...(kind === undefined ? {} : { ehrType: kindOf(kind) }),
    ...(type === undefined ? {} : { resourceType: type }),
    ...(code === undefined ? {} : { code }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    ...(words === undefined ? {} : { text: words }),
  }
  if (Object.keys(search).length === 0) return undefined
  return patient === undefined ? search : { ...search, patient }
}

async function getRecord(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const { output } = context
  await using(connect(context), async (connection) => {
    const { client, who, consortium } = connection
    const record = await findRecord(context, connection, what[0] as string)
    const answer = await doing('Not read', () => client.read(record, readOptions(options)))
    const report = await client.verify(answer)
    const seal = sealOfReport(report)
    const out = text(options, 'out')
    // A text that failed a check is not shown, and not written, unless asked for.
    if (seal.tone === 'bad' && options['showAnyway'] !== true) throw doNotRely(answer, report, seal.line)
    if (out !== undefined) {
      const content =
        options['proofs'] === true
          ? formatRecordFile({ serverRef: consortium.serverRef, answer })
          : decodeUtf8(answer.ehr)
      writePrivateFile(resolve(context.terminal.currentFolder, out), content)
    }
    const parties = await partiesOf(context, connection).complete()
    const resource: unknown = JSON.parse(decodeUtf8(answer.ehr))
    const sealLine = `${paintTone(output.paint, seal.tone, seal.word)}. ${seal.line}`
    const shown = out === undefined ? recordText(answer, parties) : `Written to ${out}.`
    const next = `Every check:  trusthealth record verify ${shortId(record)} --as ${who.slug}`
    output.result(recordJson(answer, report, resource), `${shown}\n\n${sealLine}\n${next}`)
  })
}

async function verifyOne(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const given = what[0] as string
  if (given.includes('.') || given.includes('/')) {
    await verifyFile(context, given)
    return
  }
  await using(connect(context), async (connection) => {
    const { client } = connection
    const record = await findRecord(context, connection, given)
    const answer = await doing('Not read', () => client.read(record, readOptions(options)))
    const report = await client.verify(answer)
    showReport(context, report, await partiesOf(context, connection).complete())
  })
}

async function listVersions(context: Context, what: readonly string[]): Promise<void> {
  await using(connect(context), async (connection) => {
    const record = await findRecord(context, connection, what[0] as string)
    const versions = await doing('Not listed', () => connection.client.versions(record))
    const parties = await partiesOf(context, connection).complete()
    const rows = versions.map((one) => [
      `version ${one.version}`,
      formatMoment(one.storedMs),
      one.erasedMs === undefined ? parties.nameOf(one.author) : `Erased ${formatDate(one.erasedMs)}`,
      encodeHex(one.ehrHash).slice(0, 16),
    ])
    const data = versions.map((one) => ({ ...one, ehrHash: encodeHex(one.ehrHash) }))
    context.output.list(data, table(rows, 'No versions.'))
  })
}

async function eraseRecord(context: Context, what: readonly string[]): Promise<void> {
  await using(connectPatient(context), async (connection) => {
    const record = await findRecord(context, connection, what[0] as string)
    const versions = await doing('Not erased', () => connection.client.versions(record))
    const newest = versions.reduce((a, b) => (b.version > a.version ? b : a))
    const code = encodeHex(newest.ehrHash).slice(0, 6)
    const lines = [
      `Erase ${shortId(record)} for good? Its key is destroyed, so nobody can open it again.`,
      `A marker stays: a record stored ${formatDate(newest.storedMs)} was erased at your request.`,
      "Copies already downloaded, and the hospital's own files, are not affected.",
    ]
    if (context.flags.dryRun === true) {
      context.output.result(
        { record, code, lines },
        `${lines.join('\n')}\nTo do it:  trusthealth record erase ${shortId(record)} --confirm ${code}`,
      )
      return
    }
    await confirmSevereStep(context, { lines, code })
    await doing('Not erased', () => connection.client.erase(record, newest.ehrHash)).catch((cause: unknown) =>
      mustBeKept(cause, partiesOf(context, connection)),
    )
    await connection.client.tellErased(record)
    context.output.result({ record, erased: true }, `Erased ${shortId(record)}. Only its marker remains.`)
  })
}

/** Where an organisation must keep the record: which one, and until when. */
function mustBeKept(cause: unknown, parties: Parties): never {
  const refusal = cause instanceof CommandError ? cause.words.cause : cause
  if (!(refusal instanceof ClientError) || refusal.retention === undefined) throw cause
  const { organization, hospital, untilMs } = refusal.retention
  throw new CommandError('RETENTION_APPLIES', {
    what: `Not erased: ${hospital === undefined ? organization : parties.nameOf(hospital)} must keep it until ${formatDate(untilMs)}.`,
    data: { organization, hospital, untilMs },
    cause,
  })
}

/** A whole record id from what was typed: ids seen last, then those of the patient's list. */
export async function findRecord(context: Context, connection: Connection, given: string): Promise<RecordId> {
  const seen = () => rememberedIds(context.state, connection.who.slug)
  const listed = async () => {
    const { identity } = connection.who
    if (identity.kind !== 'patient') return seen()
    const ids: string[] = [...seen()]
    for await (const item of allItems((cursor) =>
      connection.client.list(
        identity.ref as PatientRef,
        cursor === undefined ? { limit: 500 } : { limit: 500, cursor },
      ),
    )) {
      ids.push(item.record)
    }
    return ids
  }
  try {
    return recordIdShape(await resolveId('r', given, seen, 'record'), 'record')
  } catch {
    return recordIdShape(await resolveId('r', given, listed, 'record'), 'record')
  }
}

async function warrantFor(client: Author, patient: PatientRef, given: string | undefined): Promise<string> {
  if (client instanceof HospitalClient) return await client.registrationWarrant(patient)
  if (!(client instanceof DoctorClient)) throw usageError('Doctors and hospitals write records.')
  if (given === undefined) return (await client.warrantFor(patient)).jws
  const held = (await client.warrants()).filter((one) => one.patient === patient)
  const jti = await resolveId('w', given, () => held.map((one) => one.jti), 'permission')
  const found = held.find((one) => one.jti === jti)
  if (found === undefined) throw new CommandError('WARRANT_UNKNOWN')
  return found.jws
}

/** A permission that nobody gave is a refusal, with the person who can give it. */
function noPermission(patientName: string, who: StoredIdentity) {
  return (cause: unknown): never => {
    if (codeOfFailure(cause) !== 'WARRANT_UNKNOWN') throw cause
    throw new CommandError('ACCESS_DENIED', {
      what: `Not stored: no permission of ${patientName} names ${who.name}.`,
      next: `ask the patient:  trusthealth warrant issue --doctor ${who.slug} --until 7d`,
      cause,
    })
  }
}

async function readRecordText(context: Context, file: string): Promise<Uint8Array> {
  const bytes =
    file === '-' ? await context.terminal.readInput() : readOwnFile(resolve(context.terminal.currentFolder, file), file)
  try {
    parseResource(decodeUtf8(bytes))
    return bytes
  } catch (cause) {
    if (!(cause instanceof FhirError)) throw new CommandError('FHIR_NOT_JSON', { cause, reason: file })
    const at = cause.position === undefined ? '' : `, position ${cause.position}`
    throw new CommandError(cause.code, { cause, reason: `${file}${at}` })
  }
}

function readOptions(options: OptionValues): { version?: number; purpose?: string } {
  const version = text(options, 'revision')
  const purpose = text(options, 'purpose')
  return {
    ...(version === undefined ? {} : { version: countOption('--revision', version, 1, 65_535) }),
    ...(purpose === undefined ? {} : { purpose: purpose.toUpperCase() }),
  }
}

function doNotRely(answer: RecordAnswer, report: RecordReport, line: string): CommandError {
  const failed = report.checks.find(({ result }) => result === 'fail')
  return new CommandError(codeOfCheck(failed?.code), {
    what: `Do not rely on record ${shortId(answer.recordId)}: ${line}`,
    reason: failed?.reason ?? line,
    data: reportJson(report),
  })
}
