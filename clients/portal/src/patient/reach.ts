/**
 * What access reaches, in words: kinds of records, named records, everything but some.
 *
 * @module
 */
import type { Words } from '../i18n/words.ts'
import { scopeText } from './kinds.ts'
import type { RecordLine } from './patient-area.ts'

export interface Reach {
  /** Kinds; `*` for all. */
  readonly scope: readonly string[]
  /** Named records; empty: every record of these kinds. */
  readonly records: readonly string[]
  /** Records that are kept back. */
  readonly except: readonly string[]
}

/** Up to this many records are named, more are counted. */
const MAX_NAMED = 2

/** @param lines to name records by; without them records are counted. */
export function reachText(words: Words, reach: Reach, lines: readonly RecordLine[] = []): string {
  const { scope, records, except } = reach
  if (records.length > 0) return recordsText(words, records, lines)
  const kinds = scopeText(words, scope)
  return except.length === 0
    ? kinds
    : words.t('access.reach.except', { kinds, what: recordsText(words, except, lines) })
}

function recordsText({ t, date, list }: Words, ids: readonly string[], lines: readonly RecordLine[]): string {
  const named = lines.filter(({ record }) => ids.includes(record))
  return ids.length > MAX_NAMED || named.length < ids.length
    ? t('access.reach.count', { count: ids.length })
    : list(named.map(({ title, dateMs, storedMs }) => t('access.reach.one', { title, date: date(dateMs ?? storedMs) })))
}

/** Whether the reach has this record. */
export function reaches({ scope, records, except }: Reach, { record, ehrType }: RecordLine): boolean {
  if (records.length > 0) return records.includes(record)
  return (scope.includes('*') || scope.includes(ehrType)) && !except.includes(record)
}
