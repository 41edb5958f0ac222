/**
 * The patient's first screen: what needs a decision, then the records by time or by kind.
 *
 * @module
 */
import { Button, SegmentedControl, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { IconSearch } from '@tabler/icons-react'
import { lazy, Suspense, useCallback, useMemo, useState, type ReactNode } from 'react'
import { useSearchParams } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { LONG_LIST } from '../shell/long-list.ts'
import { useTitle } from '../shell/title.ts'
import { readChoices, type Choice } from './choices.ts'
import { NeedsYou } from './needs-you.tsx'
import type { RecordGroup } from './long-records.tsx'
import type { RecordLine } from './patient-area.ts'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { queries, recordPages } from './queries.ts'
import { RecordRow } from './record-row.tsx'
import { ListSummary } from './list-summary.tsx'

const LongRecords = lazy(async () => ({ default: (await import('./long-records.tsx')).LongRecords }))

const SEARCH_AFTER_MS = 250

export function Records({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const [params, setParams] = useSearchParams()
  const [typed, setTyped] = useState(params.get('search') ?? '')
  const [searched] = useDebouncedValue(typed.trim(), SEARCH_AFTER_MS)
  const [choices] = useState(() => readChoices(me.id))
  const view = params.get('view') === 'kind' ? 'kind' : 'time'
  // What needs a decision stands above the list.
  const isAwaited = isFirstAnswerAwaited(
    useQuery(queries.appointments),
    useQuery(queries.emergencies),
    useQuery(queries.questions),
    useQuery(queries.eraseRequests),
  )
  useTitle(t('records.title'))
  if (isAwaited) return <Loading rows={10} />
  return (
    <>
      <NeedsYou me={me} />
      <div className="th-title-row">
        <h1>{t('records.title')}</h1>
        <SegmentedControl
          aria-label={t('records.view')}
          value={view}
          onChange={(next) =>
            setParams((old) => withParam(old, 'view', next === 'kind' ? 'kind' : ''), { replace: true })
          }
          data={[
            { value: 'time', label: t('records.view.time') },
            { value: 'kind', label: t('records.view.kind') },
          ]}
        />
      </div>
      <TextInput
        className="th-search"
        aria-label={t('records.search')}
        placeholder={t('records.search')}
        leftSection={<IconSearch size={18} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        type="search"
      />
      {searched === '' ? <AllRecords view={view} choices={choices} /> : <Found text={searched} choices={choices} />}
    </>
  )
}

interface ListProps {
  readonly choices: readonly Choice[]
}

function AllRecords({ view, choices }: ListProps & { readonly view: 'time' | 'kind' }): ReactNode {
  const { t } = useWords()
  const pages = useInfiniteQuery(recordPages)
  const items = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data])
  const { fetchNextPage, hasNextPage, isFetching } = pages
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage])
  if (pages.isPending) return <Loading rows={8} />
  if (pages.isError) return <Problem error={pages.error} again={pages.refetch} />
  if (items.length === 0) {
    return (
      <div className="th-empty">
        <p>{t('records.empty')}</p>
      </div>
    )
  }
  return (
    <>
      <ListSummary items={items} />
      <Groups items={items} view={view} choices={choices} onNearEnd={hasNextPage && !isFetching ? more : undefined} />
      {hasNextPage ? (
        <Button variant="default" loading={pages.isFetchingNextPage} onClick={more}>
          {t('records.more')}
        </Button>
      ) : undefined}
    </>
  )
}

function Found({ text, choices }: ListProps & { readonly text: string }): ReactNode {
  const { t } = useWords()
  const found = useQuery(queries.search(text))
  if (found.isPending) return <Loading rows={4} />
  if (found.isError) return <Problem error={found.error} again={found.refetch} />
  if (found.data.length === 0) return <div className="th-empty">{t('records.notfound', { text })}</div>
  return (
    <>
      <p role="status">{t('records.found', { count: found.data.length, text })}</p>
      <Groups items={found.data} view="time" choices={choices} />
    </>
  )
}

interface GroupsProps extends ListProps {
  readonly items: readonly RecordLine[]
  readonly view: 'time' | 'kind'
  readonly onNearEnd?: (() => void) | undefined
}

function Groups({ items, view, choices, onNearEnd }: GroupsProps): ReactNode {
  const words = useWords()
  const groups = useMemo(() => groupsOf(items, view, words), [items, view, words])
  if (items.length > LONG_LIST) {
    return (
      <Suspense fallback={<Loading rows={8} />}>
        <LongRecords groups={groups} choices={choices} onNearEnd={onNearEnd} />
      </Suspense>
    )
  }
  return groups.map(({ name, items: lines }) => (
    <section key={name} aria-label={name}>
      <h2 className="th-group">{name}</h2>
      <ul className="th-list">
        {lines.map((item) => (
          <RecordRow key={item.record} item={item} choices={choices} />
        ))}
      </ul>
    </section>
  ))
}

function groupsOf(items: readonly RecordLine[], view: 'time' | 'kind', words: Words): readonly RecordGroup[] {
  const groups = new Map<string, RecordLine[]>()
  // The server's order is that of storing; people look for when it happened.
  const sorted = items.toSorted((a, b) => (b.dateMs ?? b.storedMs) - (a.dateMs ?? a.storedMs))
  for (const item of sorted) {
    const name =
      view === 'kind' ? capital(words.t(`kind.${item.ehrType}.many`)) : words.month(item.dateMs ?? item.storedMs)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return [...groups].map(([name, lines]) => ({ name, items: lines }))
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function withParam(old: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(old)
  if (value === '') next.delete(name)
  else next.set(name, value)
  return next
}
