/**
 * Reports of misuse in the shared ledger.
 *
 * @module
 */
import { IconCheck, IconFlag } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { FactsPage } from './facts-page.tsx'
import { RefName } from './ref-name.tsx'

export function Misuse(): ReactNode {
  const { t, moment, number } = useWords()
  return (
    <FactsPage title={t('auditor.nav.misuse')} empty={t('auditor.misuse.none')} count={({ misuse }) => misuse.length}>
      {({ misuse }) => (
        <>
          <p>{t('auditor.misuse.line')}</p>
          <SheetTable
            caption={t('auditor.misuse.caption', { count: misuse.length })}
            words="auditor.column"
            columns={['subject', 'reason', 'reporter', 'time', 'block', 'report']}
          >
            {misuse.map(({ subject, code, reporter, mspId, timeMs, block, settled, status, evidence }, i) => (
              <tr key={i}>
                <td data-label={t('auditor.column.subject')}>
                  <RefName value={subject} />
                </td>
                <td data-label={t('auditor.column.reason')}>{t(`auditor.misuse.${code}`)}</td>
                <td data-label={t('auditor.column.reporter')}>
                  <RefName value={reporter} /> {mspId}
                </td>
                <td data-label={t('auditor.column.time')}>{moment(timeMs)}</td>
                <td data-label={t('auditor.column.block')}>
                  <Link href={`/auditor/blocks/${block}`}>{number(block)}</Link>
                </td>
                <td data-label={t('auditor.column.report')}>
                  <span className="th-state" data-tone={settled === undefined ? 'wait' : 'none'}>
                    {settled === undefined ? <IconFlag size={16} aria-hidden /> : <IconCheck size={16} aria-hidden />}
                    {settled === undefined
                      ? t('auditor.misuse.open')
                      : t('auditor.misuse.settled', {
                          moment: moment(settled.timeMs),
                          block: number(settled.block),
                        })}
                  </span>
                  <div className="th-dimmed">
                    {status === 'suspended' ? t('auditor.misuse.suspended') : undefined}{' '}
                    {t('auditor.misuse.evidence', { count: evidence.length })}
                  </div>
                </td>
              </tr>
            ))}
          </SheetTable>
        </>
      )}
    </FactsPage>
  )
}
