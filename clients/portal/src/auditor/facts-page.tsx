/**
 * Pages whose rows come out of the blocks that this browser has checked: until the check has run they say so.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import type { Remote } from '../session/client.ts'
import type { AreaOf } from '../session/areas.ts'
import { Foreign } from './foreign.tsx'
import { queries } from './queries.ts'

export type Facts = Awaited<ReturnType<Remote<AreaOf<'auditor'>>['facts']>>

interface FactsPageProps {
  readonly title: string
  /** Said where there is no row. */
  readonly empty: string
  readonly count: (facts: Facts) => number
  readonly children: (facts: Facts) => ReactNode
  /** Comes with the rows, so that they do not push it away. */
  readonly below?: ReactNode
}

export function FactsPage({ title, empty, count, children, below }: FactsPageProps): ReactNode {
  const { t, number } = useWords()
  useTitle(title)
  const facts = useQuery(queries.facts)
  return (
    <>
      <h1>{title}</h1>
      {facts.isPending ? <Loading rows={6} /> : undefined}
      {facts.isError ? <Problem error={facts.error} again={facts.refetch} /> : undefined}
      {facts.data === undefined ? undefined : facts.data.isForeign ? (
        <Foreign />
      ) : (
        <>
          <p className="th-dimmed">
            {facts.data.blocks === 0
              ? t('auditor.facts.unchecked')
              : t('auditor.facts.checked', {
                  blocks: number(facts.data.blocks),
                  all: number(facts.data.height + 1),
                })}{' '}
            {facts.data.blocks > facts.data.height && facts.data.blocks > 0 ? undefined : (
              <Link href="/auditor">{t('auditor.check.title')}</Link>
            )}
          </p>
          {count(facts.data) === 0 ? <div className="th-empty">{empty}</div> : children(facts.data)}
        </>
      )}
      {facts.isPending ? undefined : below}
    </>
  )
}
