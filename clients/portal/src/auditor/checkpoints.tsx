/**
 * Checkpoints of the record servers' logs, as they stand in the shared ledger.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { FactsPage } from './facts-page.tsx'
import { RefName } from './ref-name.tsx'
import { Witnesses } from './witness-list.tsx'

export function Checkpoints(): ReactNode {
  const { t, moment, number } = useWords()
  return (
    <FactsPage
      title={t('auditor.nav.checkpoints')}
      empty={t('auditor.checkpoints.none')}
      count={({ checkpoints }) => checkpoints.length}
      below={<Witnesses />}
    >
      {({ checkpoints }) => (
        <SheetTable
          caption={t('auditor.checkpoints.caption', { count: checkpoints.length })}
          words="auditor.column"
          columns={['server', 'epoch', 'entries', 'root', 'time', 'block']}
        >
          {checkpoints.map(({ server, epoch, size, root, timeMs, block }) => (
            <tr key={`${server} ${epoch}`}>
              <td data-label={t('auditor.column.server')}>
                <RefName value={server} />
              </td>
              <td data-label={t('auditor.column.epoch')}>{number(epoch)}</td>
              <td data-label={t('auditor.column.entries')}>{number(size)}</td>
              <td data-label={t('auditor.column.root')}>
                <code>{root.slice(0, 12)}…</code>
              </td>
              <td data-label={t('auditor.column.time')}>{moment(timeMs)}</td>
              <td data-label={t('auditor.column.block')}>
                <Link href={`/auditor/blocks/${block}`}>{number(block)}</Link>
              </td>
            </tr>
          ))}
        </SheetTable>
      )}
    </FactsPage>
  )
}
