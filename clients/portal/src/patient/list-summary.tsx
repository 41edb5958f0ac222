/**
 * One line about a whole list: how many of the records that were checked are unchanged.
 *
 * @module
 */
import { hashKey, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useSyncExternalStore, type ReactNode } from 'react'
import type { SealInput } from '../../../sdk/src/seal.ts'
import { SealSummary } from '../seal/seal.tsx'
import type { RecordLine } from './patient-area.ts'
import { queries } from './queries.ts'

export function ListSummary({ items }: { readonly items: readonly RecordLine[] }): ReactNode {
  const cache = useQueryClient().getQueryCache()
  const subscribe = useCallback(
    (onChange: () => void) => cache.subscribe(({ type }) => (type === 'updated' ? onChange() : undefined)),
    [cache],
  )
  const keys = useMemo(() => new Set(items.map(hashOf)), [items])
  // Only looks at what the rows have asked for, which in a long list is a small part.
  const asked = () => cache.getAll().filter(({ queryHash }) => keys.has(queryHash))
  useSyncExternalStore(subscribe, () => asked().reduce((sum, { state }) => sum + state.dataUpdateCount, 0))
  const reports = asked().flatMap(({ state }) =>
    state.data === undefined ? [] : [(state.data as { readonly report: SealInput }).report],
  )
  return <div className="th-summary">{reports.length === 0 ? undefined : <SealSummary reports={reports} />}</div>
}

function hashOf({ record, erasedMs }: RecordLine): string {
  return hashKey((erasedMs === undefined ? queries.record(record) : queries.erased(record)).queryKey)
}
