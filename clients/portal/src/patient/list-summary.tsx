/**
 * One line about a whole list: how many of the records that were checked are unchanged.
 *
 * @module
 */
import { useQueries } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { SealInput } from '../../../sdk/src/seal.ts'
import { SealSummary } from '../seal/seal.tsx'
import type { RecordLine } from './patient-area.ts'
import { queries } from './queries.ts'

export function ListSummary({ items }: { readonly items: readonly RecordLine[] }): ReactNode {
  const reports = useQueries({
    // Only looks at what the rows have asked for.
    queries: items.map(({ record, erasedMs }) => ({
      ...(erasedMs === undefined ? queries.record(record) : queries.erased(record)),
      enabled: false,
    })),
    combine: (all: readonly { readonly data: { readonly report: SealInput } | undefined }[]) =>
      all.map(({ data }) => data?.report),
  })
  const settled = reports.filter((report) => report !== undefined)
  return <div className="th-summary">{settled.length === 0 ? undefined : <SealSummary reports={settled} />}</div>
}
