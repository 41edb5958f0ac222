/**
 * What a correction changed: two versions of a record side by side, both read and checked here.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { changesBetween, type Change } from '../fhir/compare.ts'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import { Loading } from '../shell/loading.tsx'
import { ChangedText } from './changed-text.tsx'
import { sealView } from './seal-view.ts'

interface VersionLine {
  readonly version: number
  readonly storedMs: number
  readonly authorName: string
  readonly erasedMs?: number | undefined
}

export interface CompareProps {
  readonly shown: OpenedRecord
  readonly versions: readonly VersionLine[]
  readonly open: (version: number) => Promise<OpenedRecord>
}

/** How many other versions are offered; all of them stand on the record's page. */
const MAX_OFFERED = 5

export function Compare({ shown, versions, open }: CompareProps): ReactNode {
  const { t, moment } = useWords()
  const [chosen, setChosen] = useState<number>()
  const others = versions
    .filter(({ version, erasedMs }) => version !== shown.version && erasedMs === undefined)
    .toSorted((a, b) => b.version - a.version)
  if (others.length === 0) return undefined
  return (
    <section className="th-compare">
      <h3>{t('compare.title', { count: others.length })}</h3>
      <ul className="th-list">
        {others.slice(0, MAX_OFFERED).map(({ version, storedMs, authorName }) => (
          <li key={version} className="th-row">
            <div className="th-row-text">
              {t('versions.earlier', { version })}
              <p className="th-row-note">{t('record.by', { date: moment(storedMs), author: authorName })}</p>
            </div>
            <Button
              size="sm"
              variant="default"
              aria-expanded={chosen === version}
              aria-label={t('compare.open', { version })}
              onClick={() => setChosen(chosen === version ? undefined : version)}
            >
              {t('compare.action')}
            </Button>
          </li>
        ))}
      </ul>
      {chosen === undefined ? undefined : <Differences key={chosen} shown={shown} version={chosen} open={open} />}
    </section>
  )
}

function Differences({
  shown,
  version,
  open,
}: Pick<CompareProps, 'shown' | 'open'> & { readonly version: number }): ReactNode {
  const words = useWords()
  const { t } = words
  const other = useQuery({
    queryKey: ['compare', shown.recordId, version],
    queryFn: () => open(version),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  })
  if (other.isPending) return <Loading rows={2} />
  if (other.isError) return <Problem error={other.error} again={other.refetch} />
  const [before, after] = version < shown.version ? [other.data, shown] : [shown, other.data]
  // Nothing of a text that is not what was signed.
  const bad = [before, after].find(({ report }) => sealView(words, report).tone === 'bad')
  if (bad !== undefined) {
    return (
      <p role="alert">
        <b>{t('compare.bad', { version: bad.version, line: sealView(words, bad.report).line })}</b>
      </p>
    )
  }
  const changes = changesBetween(before.resource, after.resource)
  if (changes.length === 0) return <p role="status">{t('compare.same')}</p>
  return (
    <table className="th-table">
      <caption>{t('compare.caption', { before: before.version, after: after.version })}</caption>
      <thead>
        <tr>
          <th scope="col">{t('compare.column.what')}</th>
          <th scope="col">{t('compare.column.change')}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change, i) => (
          <tr key={i}>
            <th scope="row">{nameOf(words, change)}</th>
            <td>
              <ChangedText before={change.before} after={change.after} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A word where there is one; else the member's own name in FHIR. */
function nameOf({ t, has }: Words, { path }: Change): ReactNode {
  const [first = ''] = path
  const key = first.startsWith('value')
    ? 'value'
    : /^(effective|performed|occurrence|authored|recorded|issued|date)/.test(first)
      ? 'date'
      : first
  return has(`compare.member.${key}`) && !path.includes('coding') ? (
    t(`compare.member.${key}`)
  ) : (
    <code>{path.join('.')}</code>
  )
}
