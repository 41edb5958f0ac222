/**
 * What hospitals cosigned of the record server's log, asked now and checked in this browser.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle, IconCheck, IconQuestionMark } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { codeOfError } from '../session/portal-error.ts'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { queries, type auditor } from './queries.ts'
import { RefName } from './ref-name.tsx'

export function Witnesses(): ReactNode {
  const { t } = useWords()
  const witnesses = useQuery(queries.witnesses)
  const isNone = witnesses.isError && codeOfError(witnesses.error) === 'WITNESS_TOO_FEW'
  return (
    <section aria-labelledby="witnesses">
      <h2 id="witnesses">{t('auditor.witnesses.title')}</h2>
      <p>{t('auditor.witnesses.line')}</p>
      {witnesses.isPending ? <Loading rows={2} /> : undefined}
      {isNone ? <div className="th-empty">{t('auditor.witnesses.none')}</div> : undefined}
      {witnesses.isError && !isNone ? <Problem error={witnesses.error} again={witnesses.refetch} /> : undefined}
      {witnesses.data === undefined ? undefined : <Lines state={witnesses.data} />}
    </section>
  )
}

type State = Awaited<ReturnType<typeof auditor.witnessRows>>

function Lines({ state }: { readonly state: State }): ReactNode {
  const { t, moment, number } = useWords()
  const { organizations, all, majority, forks, refused, size, lines } = state
  const isEnough = organizations >= majority
  return (
    <>
      {forks === 0 ? undefined : (
        <p className="th-state" data-tone="bad" role="alert">
          <IconAlertTriangle size={16} aria-hidden />
          {t('auditor.witnesses.forks', { count: forks })}
        </p>
      )}
      {refused === 0 ? undefined : (
        <p className="th-state" data-tone="wait">
          <IconAlertTriangle size={16} aria-hidden />
          {t('auditor.witnesses.refused', { count: refused })}
        </p>
      )}
      <p className="th-state" data-tone={isEnough ? 'ok' : 'none'}>
        {isEnough ? <IconCheck size={16} aria-hidden /> : <IconQuestionMark size={16} aria-hidden />}
        {t('auditor.witnesses.count', { organizations, all, size: number(size) })}
      </p>
      <SheetTable
        caption={t('auditor.witnesses.caption')}
        words="auditor.column"
        columns={['hospital', 'organization', 'cosigned']}
      >
        {lines.map(({ hospital, name, mspId, timeMs }) => (
          <tr key={hospital}>
            <td data-label={t('auditor.column.hospital')}>
              {name} <RefName value={hospital} />
            </td>
            <td data-label={t('auditor.column.organization')}>{mspId}</td>
            <td data-label={t('auditor.column.cosigned')}>{moment(timeMs)}</td>
          </tr>
        ))}
      </SheetTable>
    </>
  )
}
