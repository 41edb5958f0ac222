/**
 * Records as people see them in a terminal: lists, one record with its seal, checks.
 *
 * @module
 */
import { decodeUtf8, encodeHex } from '../../../shared/crypto/src/index.ts'
import { extractIndex, parseResource } from '../../../shared/fhir/src/index.ts'
import type { RecordAnswer, RecordItem } from '../../sdk/src/record-answer.ts'
import { sealOf, type Check, type CheckId, type Seal, type SealTone } from '../../sdk/src/seal.ts'
import type { RecordReport } from '../../sdk/src/verify-record.ts'
import { formatDate, formatTime } from './dates.ts'
import { shortId } from './ids.ts'
import { kindWord } from './kinds.ts'
import { printable, table, type Paint } from './output.ts'
import type { Parties } from './parties.ts'

const MAX_TITLE = 44
const CLOCK = { date: formatDate, time: formatTime }

const CHECK_WORDS: Readonly<Record<CheckId, string>> = {
  text: 'Text matches its fingerprint',
  signature: 'Signature of the author',
  permission: 'Permission of the patient',
  ledger: "In the hospitals' shared ledger",
  log: "In the record server's log",
  newest: 'The newest version',
  server: 'The approved program',
}

export function sealOfReport(report: RecordReport): Seal {
  return sealOf(report, CLOCK)
}

export function paintTone(paint: Paint, tone: SealTone, words: string): string {
  const hue = { bad: 'red', none: 'dim', wait: 'yellow', practice: 'magenta', neutral: 'bold', ok: 'green' } as const
  return paint[hue[tone]](words)
}

/** Newest first, one record a line. */
export function recordTable(items: readonly RecordItem[], parties: Parties, paint: Paint): string {
  return table(
    items.map((item) => [
      item.dateMs === undefined ? 'no date' : formatDate(item.dateMs),
      kindWord(item.ehrType),
      item.erasedMs === undefined ? cut(printable(item.title)) : paint.dim(`Erased ${formatDate(item.erasedMs)}`),
      parties.nameOf(item.author),
      shortId(item.record),
    ]),
    'No records that you may see.',
  )
}

/** For `--json`: what a program needs of a list item. */
export function recordItemJson(item: RecordItem): object {
  return { ...item }
}

export function recordJson(answer: RecordAnswer, report: RecordReport, resource: unknown): object {
  return {
    record: answer.recordId,
    version: answer.version,
    latestVersion: answer.latestVersion,
    author: answer.author,
    fingerprint: encodeHex(answer.commitment.ehrHash),
    block: answer.commitment.block,
    txId: answer.commitment.txId,
    logIndex: answer.log.index,
    accessIndex: answer.accessIndex,
    ...reportJson(report),
    resource,
  }
}

export function reportJson(report: RecordReport): object {
  const { state, word, short, line, tone } = sealOfReport(report)
  return {
    record: report.recordId,
    version: report.version,
    seal: { state, tone, word, short, line },
    practice: report.practice,
    checks: report.checks.map(({ id, result, code, reason, timeMs }) => ({
      id,
      result,
      code: code ?? null,
      reason,
      timeMs,
    })),
    ledgerSource: report.ledgerSource,
  }
}

/** One line a check; references in the reasons become names where they are known. */
export function checkLines(report: RecordReport, paint: Paint, parties?: Parties): string {
  const named = (text: string) =>
    parties === undefined ? text : text.replaceAll(/\b[pdhas]-[0-9a-f]{32}\b/g, (ref) => parties.nameOf(ref))
  return table(
    report.checks.map((check) => [` ${markOf(check, paint)}`, CHECK_WORDS[check.id], named(reasonOf(check))]),
    '',
  )
}

/** What a person reads of one record: title, facts, then its text. */
export function recordText(answer: RecordAnswer, parties: Parties): string {
  const text = decodeUtf8(answer.ehr)
  const resource = parseResource(text)
  const index = extractIndex(resource)
  const versions = answer.latestVersion > answer.version ? `, newest is ${answer.latestVersion}` : ''
  const facts = [
    ['Kind', `${kindWord(index.ehrType)} (${resource.resourceType})`],
    ['Written by', parties.nameOf(answer.author)],
    ['Version', `${answer.version}${versions}`],
    ['Record', answer.recordId],
  ]
  return `${printable(index.title)}\n${table(facts, '')}\n\n${JSON.stringify(resource, null, 2)}`
}

function markOf({ result }: Check, paint: Paint): string {
  if (result === 'pass') return paint.green('✓')
  return result === 'fail' ? paint.red('✗') : paint.dim('?')
}

function reasonOf({ result, code, reason }: Check): string {
  return result === 'pass' ? reason : `${reason}  ${code ?? ''}`.trimEnd()
}

function cut(title: string): string {
  return title.length <= MAX_TITLE ? title : `${title.slice(0, MAX_TITLE - 1)}…`
}
