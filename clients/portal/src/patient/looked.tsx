/**
 * Who looked: one sentence for each access, people first, grouped by day. What services do by themselves is folded away.
 *
 * @module
 */
import { Button, SegmentedControl } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconAmbulance, IconBan, IconEye, IconPencil, IconRobot } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useSearchParams } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { Ask } from './ask.tsx'
import { patient } from './queries.ts'

type Page = Awaited<ReturnType<typeof patient.accessLog>>
type Entry = Page['entries'][number]

const FILTERS = ['people', 'refused', 'emergency', 'all'] as const
type Filter = (typeof FILTERS)[number]

const WRITES = new Set(['store', 'chain', 'erase', 'rekey', 'provision'])

export function Looked(): ReactNode {
  const { t } = useWords()
  const [params, setParams] = useSearchParams()
  const filter = FILTERS.find((one) => one === params.get('kind')) ?? 'people'
  useTitle(t('looked.title'))
  const log = useInfiniteQuery({
    queryKey: ['patient', 'log'],
    queryFn: ({ pageParam }: { pageParam: string | undefined }) => patient.accessLog(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page) => page.cursor,
  })
  return (
    <>
      <h1>{t('looked.title')}</h1>
      <p>{t('looked.line')}</p>
      <SegmentedControl
        aria-label={t('looked.filter')}
        value={filter}
        onChange={(next) => setParams(next === 'people' ? {} : { kind: next }, { replace: true })}
        data={FILTERS.map((value) => ({ value, label: t(`looked.filter.${value}`) }))}
        className="th-filter"
      />
      {log.isPending ? (
        <Loading rows={6} />
      ) : log.isError ? (
        <Problem error={log.error} again={log.refetch} />
      ) : (
        <>
          <Days
            entries={log.data.pages
              .flatMap((page) => page.entries)
              .filter((entry) => isShown(entry, filter, log.data.pages[0]?.own))}
            own={log.data.pages[0]?.own ?? ''}
          />
          {log.hasNextPage ? (
            <Button variant="default" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
              {t('looked.more')}
            </Button>
          ) : undefined}
        </>
      )}
    </>
  )
}

function isShown(entry: Entry, filter: Filter, own: string | undefined): boolean {
  if (filter === 'all') return true
  if (filter === 'refused') return isRefusal(entry)
  if (filter === 'emergency') return isEmergency(entry)
  return !entry.automatic && entry.actor !== own
}

function isEmergency(entry: Entry): boolean {
  const isUnder = entry.permission?.startsWith('emergency') === true
  return entry.kind.startsWith('emergency') || entry.purpose === 'ETREAT' || isUnder
}

/** Entries of other kinds have codes of their own: the reason of an emergency. */
function isRefusal(entry: Entry): boolean {
  return entry.kind === 'deny'
}

/** Accesses of one person, of one kind and purpose, within a few minutes: one line. */
const SAME_MS = 600_000

function merged(entries: readonly Entry[]): readonly Entry[] {
  const lines: Entry[] = []
  for (const entry of entries) {
    const last = lines.at(-1)
    const isSame =
      last !== undefined &&
      last.actor === entry.actor &&
      last.kind === entry.kind &&
      last.purpose === entry.purpose &&
      last.permission === entry.permission &&
      last.code === entry.code &&
      last.timeMs - entry.timeMs < SAME_MS
    if (isSame) lines[lines.length - 1] = { ...last, records: distinct([...last.records, ...entry.records]) }
    else lines.push(entry)
  }
  return lines
}

function distinct(records: Entry['records']): Entry['records'] {
  return [...new Map(records.map((one) => [`${one.record} ${one.version ?? ''}`, one])).values()]
}

function Days({ entries, own }: { readonly entries: readonly Entry[]; readonly own: string }): ReactNode {
  const words = useWords()
  const { t, date } = words
  if (entries.length === 0) return <div className="th-empty">{t('looked.empty')}</div>
  const days = new Map<string, Entry[]>()
  for (const entry of entries) {
    const day = date(entry.timeMs)
    days.set(day, [...(days.get(day) ?? []), entry])
  }
  return [...days].map(([day, all]) => {
    const automatic = all.filter((entry) => entry.automatic)
    return (
      <section key={day} aria-label={day}>
        <h2 className="th-group">{day}</h2>
        <ul className="th-list">
          {merged(all.filter((entry) => !entry.automatic)).map((entry) => (
            <LogRow key={entry.index} entry={entry} own={own} words={words} />
          ))}
        </ul>
        {automatic.length === 0 ? undefined : (
          <details className="th-details">
            <summary>{t('looked.automatic', { count: automatic.length })}</summary>
            <ul className="th-list">
              {automatic.map((entry) => (
                <LogRow key={entry.index} entry={entry} own={own} words={words} />
              ))}
            </ul>
          </details>
        )}
      </section>
    )
  })
}

function LogRow({
  entry,
  own,
  words,
}: {
  readonly entry: Entry
  readonly own: string
  readonly words: Words
}): ReactNode {
  const { t, time, has } = words
  /** `warrant w-…`, `grant g-…`, `self`: the kind says enough. */
  const under = entry.permission?.split(/[ :]/)[0]
  const isRefused = isRefusal(entry)
  const Icon = isRefused
    ? IconBan
    : isEmergency(entry)
      ? IconAmbulance
      : entry.automatic
        ? IconRobot
        : WRITES.has(entry.kind)
          ? IconPencil
          : IconEye
  return (
    <li className="th-row" data-tone={isEmergency(entry) && !isRefused ? 'bad' : undefined}>
      <Icon size={20} aria-hidden className="th-row-icon" />
      <div className="th-row-text">
        <span>{sentence(entry, own, words)}</span>
        <p className="th-row-note">
          {time(entry.timeMs)}
          {entry.placeName === undefined ? '' : ` · ${entry.placeName}`}
          {` · ${t('looked.entry', { index: entry.index })}`}
          {under === undefined || !has(`looked.under.${under}`) ? '' : ` · ${t(`looked.under.${under}`)}`}
        </p>
        {entry.actor === own ? undefined : (
          <Ask
            kind="question"
            about={{ kind: 'access', id: String(entry.index) }}
            label={t('looked.ask')}
            beginning={t('ask.about.access', {
              sentence: sentence(entry, own, words),
              moment: words.moment(entry.timeMs),
            })}
            size="compact-sm"
            variant="subtle"
          />
        )}
      </div>
    </li>
  )
}

/** One sentence: who did what to how many records, for which purpose; or why it was refused. */
function sentence(entry: Entry, own: string, { t, has }: Words): string {
  const name = entry.actor === own ? t('looked.you') : entry.name
  const count = entry.records.length
  if (isRefusal(entry)) {
    const key = `error.${entry.code ?? ''}.what`
    return t('looked.refused', { name, why: has(key) ? t(key) : (entry.code ?? '') })
  }
  const kind = has(`looked.did.${entry.kind}`) ? entry.kind : 'other'
  const purpose = entry.purpose !== undefined && has(`purpose.${entry.purpose}`) ? t(`purpose.${entry.purpose}`) : ''
  return t(`looked.did.${kind}`, { name, count, kind: entry.kind, purpose, hasPurpose: purpose === '' ? 'no' : 'yes' })
}
