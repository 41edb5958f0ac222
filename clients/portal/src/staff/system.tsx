/**
 * The system in detail: which program the record server runs and who approves another one, the shared ledger, records
 * that wait, certificates, copies of the hospital's store.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { HospitalSummary } from '../../../sdk/src/hospital-answers/status.ts'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { SheetTable } from '../shell/sheet-table.tsx'
import { queries, staff } from './queries.ts'
import { Retention } from './retention.tsx'
import { StaffProblem } from './staff-problem.tsx'

export function System(): ReactNode {
  const { t } = useWords()
  const summary = useQuery(queries.summary)
  const registered = useQuery(queries.registeredServer)
  const isAwaited = isFirstAnswerAwaited(
    summary,
    registered,
    useQuery(queries.outbox),
    useQuery(queries.backups),
    useQuery(queries.retention),
  )
  useTitle(t('staff.nav.system'))
  if (isAwaited) {
    return (
      <>
        <h1>{t('staff.nav.system')}</h1>
        <Loading rows={10} />
      </>
    )
  }
  return (
    <>
      <h1>{t('staff.nav.system')}</h1>
      {summary.isPending ? <Loading rows={6} /> : undefined}
      {summary.isError ? <StaffProblem error={summary.error} again={summary.refetch} /> : undefined}
      {summary.data === undefined ? undefined : (
        <>
          <Program server={summary.data.recordServer} />
          <Ledger ledger={summary.data.ledger} />
          <Certificates certificates={summary.data.certificates} />
        </>
      )}
      <Waiting />
      <Retention />
      <Copies />
    </>
  )
}

function Program({ server }: { readonly server: HospitalSummary['recordServer'] }): ReactNode {
  const { t, moment } = useWords()
  const registered = useQuery(queries.registeredServer)
  const running = server.state === 'up' ? server.measurement : undefined
  const { data } = registered
  const isApproved = running !== undefined && data?.programs.some(({ measurement }) => measurement === running) === true
  return (
    <section aria-labelledby="program">
      <h2 id="program">{t('staff.health.server')}</h2>
      {server.state === 'down' ? (
        <p className="th-state" data-tone="bad">
          <IconAlertTriangle size={16} aria-hidden />
          {t(`error.${server.code}.what`)}
        </p>
      ) : undefined}
      {registered.isPending ? <Loading rows={2} /> : undefined}
      {registered.isError ? <StaffProblem error={registered.error} again={registered.refetch} /> : undefined}
      {data === undefined ? undefined : (
        <>
          {running === undefined ? undefined : (
            <p className="th-state" data-tone={isApproved ? 'ok' : 'bad'}>
              {isApproved ? <IconCheck size={16} aria-hidden /> : <IconAlertTriangle size={16} aria-hidden />}
              {t(isApproved ? 'staff.program.approved' : 'staff.program.unapproved')}
            </p>
          )}
          <SheetTable
            caption={t('staff.program.caption', { organization: data.organization, moment: moment(data.changedMs) })}
            words="staff.column"
            columns={['program', 'votes', 'state']}
          >
            {data.programs.toReversed().map(({ measurement, votes }) => (
              <tr key={measurement}>
                <td data-label={t('staff.column.program')}>
                  <code className="th-long">{measurement}</code>
                </td>
                <td data-label={t('staff.column.votes')}>
                  {t('staff.program.votes', { votes, organizations: data.organizations })}
                </td>
                <td data-label={t('staff.column.state')}>
                  {t(measurement === running ? 'staff.program.running' : 'staff.program.accepted')}
                </td>
              </tr>
            ))}
          </SheetTable>
          <details className="th-details">
            <summary>{t('staff.program.new')}</summary>
            <p>{t('staff.program.who', { organization: data.organization })}</p>
            <p>
              {t('staff.program.vote')} <code>trusthealth program approve</code>
            </p>
            <p>{t(data.isOwn ? 'staff.program.own' : 'staff.program.other', { organization: data.organization })}</p>
            {data.isOwn ? (
              <p>
                <code>trusthealth start</code>
              </p>
            ) : undefined}
            <p>{t('staff.program.until')}</p>
          </details>
        </>
      )}
    </section>
  )
}

function Ledger({ ledger }: Pick<HospitalSummary, 'ledger'>): ReactNode {
  const { t, number, seconds, date } = useWords()
  return (
    <section aria-labelledby="ledger">
      <h2 id="ledger">{t('staff.health.ledger')}</h2>
      {ledger.state === 'down' ? (
        <p className="th-state" data-tone="bad">
          <IconAlertTriangle size={16} aria-hidden />
          {t(`error.${ledger.code}.what`)}
        </p>
      ) : (
        <p>
          {t('staff.ledger.full', {
            block: number(ledger.height),
            date: date(ledger.blockMs),
            time: seconds(ledger.blockMs),
            organizations: ledger.organizations,
          })}
        </p>
      )}
    </section>
  )
}

function Certificates({ certificates }: Pick<HospitalSummary, 'certificates'>): ReactNode {
  const { t, date } = useWords()
  return (
    <section aria-labelledby="certificates">
      <h2 id="certificates">{t('staff.health.certificates')}</h2>
      <p>{t('staff.certificates.line')}</p>
      {certificates.length === 0 ? (
        <div className="th-empty">{t('staff.certificates.none')}</div>
      ) : (
        <SheetTable
          caption={t('staff.certificates.caption', { count: certificates.length })}
          words="staff.column"
          columns={['name', 'ends', 'renewal']}
        >
          {certificates.map(({ ref, name, kind, notAfterMs }) => (
            <tr key={ref}>
              <td data-label={t('staff.column.name')}>{name}</td>
              <td data-label={t('staff.column.ends')}>{date(notAfterMs)}</td>
              <td data-label={t('staff.column.renewal')}>{t(`staff.certificates.${kind}`)}</td>
            </tr>
          ))}
        </SheetTable>
      )}
    </section>
  )
}

/** Records that were taken while a part was away. */
function Waiting(): ReactNode {
  const { t, moment } = useWords()
  const outbox = useQuery(queries.outbox)
  return (
    <section aria-labelledby="outbox">
      <h2 id="outbox">{t('staff.health.outbox')}</h2>
      <p>{t('staff.outbox.line')}</p>
      {outbox.isPending ? <Loading rows={2} /> : undefined}
      {outbox.isError ? <StaffProblem error={outbox.error} again={outbox.refetch} /> : undefined}
      {outbox.data === undefined ? undefined : outbox.data.length === 0 ? (
        <div className="th-empty">{t('staff.outbox.none')}</div>
      ) : (
        <SheetTable
          caption={t('staff.outbox.caption', { count: outbox.data.length })}
          words="staff.column"
          columns={['record', 'author', 'since', 'state']}
        >
          {outbox.data.map(({ record, version, authorName, sinceMs, state, code }) => (
            <tr key={`${record} ${version}`}>
              <td data-label={t('staff.column.record')}>
                <code title={record}>{record.slice(0, 10)}…</code>
              </td>
              <td data-label={t('staff.column.author')}>{authorName}</td>
              <td data-label={t('staff.column.since')}>{moment(sinceMs)}</td>
              <td data-label={t('staff.column.state')}>
                {t(`staff.outbox.${state}.state`)} {code === undefined ? undefined : t(`error.${code}.what`)}{' '}
                {code === undefined ? undefined : <code>{code}</code>}
              </td>
            </tr>
          ))}
        </SheetTable>
      )}
    </section>
  )
}

/** Copies of the hospital's store. */
function Copies(): ReactNode {
  const { t, number } = useWords()
  const cache = useQueryClient()
  const copies = useQuery(queries.backups)
  const make = useMutation({
    mutationFn: () => staff.makeBackup(),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['staff', 'backups'] }),
  })
  return (
    <section aria-labelledby="copies">
      <h2 id="copies">{t('staff.copies.title')}</h2>
      <p>{t('staff.copies.line')}</p>
      {copies.isError ? <StaffProblem error={copies.error} again={copies.refetch} /> : undefined}
      {make.isError ? <StaffProblem error={make.error} /> : undefined}
      {make.data === undefined ? undefined : (
        <p role="status">
          {t('staff.copies.made', { file: make.data.file, kb: number(Math.ceil(make.data.bytes / 1024)) })}
        </p>
      )}
      {copies.data === undefined ? undefined : copies.data.length === 0 ? (
        <div className="th-empty">{t('staff.copies.none')}</div>
      ) : (
        <ul>
          {copies.data.slice(0, 5).map((file) => (
            <li key={file}>
              <code className="th-long">{file}</code>
            </li>
          ))}
        </ul>
      )}
      <div className="th-actions">
        <Button variant="default" loading={make.isPending} onClick={() => make.mutate()}>
          {t('staff.copies.action')}
        </Button>
      </div>
    </section>
  )
}
