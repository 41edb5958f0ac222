/**
 * Record servers as the hospitals registered them, and fresh evidence of the one that this hospital uses.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconShieldSearch } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { FactsPage } from './facts-page.tsx'
import { auditor } from './queries.ts'
import { RefName } from './ref-name.tsx'

export function Servers(): ReactNode {
  const { t, number } = useWords()
  return (
    <FactsPage
      title={t('auditor.nav.servers')}
      empty={t('auditor.servers.none')}
      count={({ servers }) => servers.length}
      below={<Evidence />}
    >
      {({ servers }) => (
        <SheetTable
          caption={t('auditor.servers.caption')}
          words="auditor.column"
          columns={['server', 'organization', 'state', 'kind', 'programs', 'entries']}
        >
          {servers.map(({ ref, mspId, status, teeKind, measurements, newestSize }) => (
            <tr key={ref}>
              <td data-label={t('auditor.column.server')}>
                <RefName value={ref} />
              </td>
              <td data-label={t('auditor.column.organization')}>{mspId}</td>
              <td data-label={t('auditor.column.state')}>{t(`auditor.server.${status}`)}</td>
              <td data-label={t('auditor.column.kind')}>
                {t('auditor.area', { area: teeKind })} <code>{teeKind}</code>
              </td>
              <td data-label={t('auditor.column.programs')}>
                {measurements.map((one) => (
                  <div key={one}>
                    <code title={one}>{one.slice(0, 16)}…</code>
                  </div>
                ))}
              </td>
              <td data-label={t('auditor.column.entries')}>{number(newestSize)}</td>
            </tr>
          ))}
        </SheetTable>
      )}
    </FactsPage>
  )
}

function Evidence(): ReactNode {
  const { t, seconds } = useWords()
  const ask = useMutation({ mutationFn: () => auditor.evidence() })
  return (
    <section aria-labelledby="evidence">
      <h2 id="evidence">{t('auditor.evidence.title')}</h2>
      <p>{t('auditor.evidence.line')}</p>
      <div className="th-actions">
        <Button
          variant="default"
          leftSection={<IconShieldSearch size={18} aria-hidden />}
          loading={ask.isPending}
          onClick={() => ask.mutate()}
        >
          {t('auditor.evidence.ask')}
        </Button>
      </div>
      {ask.isError ? <Problem error={ask.error} /> : undefined}
      {ask.data === undefined ? undefined : (
        <div className="th-card" role="status">
          <p>{t('auditor.evidence.good', { time: seconds(ask.data.checkedMs) })}</p>
          <dl className="th-facts">
            <div>
              <dt>{t('auditor.evidence.program')}</dt>
              <dd>
                <code className="th-long">{ask.data.measurement}</code>
              </dd>
            </div>
            <div>
              <dt>{t('auditor.evidence.area')}</dt>
              <dd>
                {t(ask.data.simulated ? 'auditor.evidence.simulated' : 'auditor.evidence.hardware', {
                  area: ask.data.tee,
                })}
              </dd>
            </div>
          </dl>
          <h3>{t('auditor.evidence.means')}</h3>
          <ul>
            {['fresh', 'program', 'session'].map((one) => (
              <li key={one}>{t(`auditor.evidence.means.${one}`)}</li>
            ))}
          </ul>
          <h3>{t('auditor.evidence.not')}</h3>
          <ul>
            {(ask.data.simulated ? ['read', 'source'] : ['maker', 'source']).map((one) => (
              <li key={one}>{t(`auditor.evidence.not.${one}`)}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  )
}
