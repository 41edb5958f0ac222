/**
 * The staff's first screen: today's counts, whether every part answers, certificates that end soon.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconAlertTriangle, IconCheck, IconPlugConnectedX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import type { HospitalSummary } from '../../../sdk/src/hospital-answers/status.ts'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import { queries } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

export function Home(): ReactNode {
  const { t, list } = useWords()
  const summary = useQuery(queries.summary)
  const me = useQuery(queries.me)
  const waiting = useQuery(queries.waitingRekeys)
  const roles = me.data?.staff?.roles ?? []
  useTitle(t('staff.home.title'))
  return (
    <>
      <h1>{t('staff.home.title')}</h1>
      {roles.length === 0 && !me.isPending ? undefined : (
        <p className="th-dimmed">
          {/* Its place is there before the answer is. */}
          {me.isPending
            ? '\u00a0'
            : t('staff.home.roles', { roles: list(roles.map((role) => t(`staff.role.${role}`))) })}
        </p>
      )}
      <div className="th-actions">
        <Button component={Link} href="/staff/register">
          {t('staff.nav.register')}
        </Button>
        <Button component={Link} href="/staff/book" variant="default">
          {t('staff.nav.book')}
        </Button>
        <Button component={Link} href="/staff/import" variant="default">
          {t('staff.nav.import')}
        </Button>
      </div>
      {summary.isPending ? <Loading rows={4} /> : undefined}
      {summary.isError ? <StaffProblem error={summary.error} again={summary.refetch} /> : undefined}
      {summary.data === undefined ? undefined : (
        <>
          <Today today={summary.data.today} rekeys={waiting.data?.length} />
          <Health summary={summary.data} />
        </>
      )}
    </>
  )
}

function Today({ today, rekeys }: Pick<HospitalSummary, 'today'> & { readonly rekeys: number | undefined }): ReactNode {
  const { t, number } = useWords()
  const { booked, permissionsMissing, emergenciesToReview, questionsWaiting, uploadsWaiting } = today
  const tile = (name: string, count: number | undefined, href: string | undefined, isWorrying: boolean) => {
    const body = (
      <>
        <b>{count === undefined ? '–' : number(count)}</b>
        <span>{t(`staff.today.${name}`, { count: count ?? 0 })}</span>
      </>
    )
    const tone = isWorrying && (count ?? 0) > 0 ? 'wait' : 'none'
    return (
      <li key={name}>
        {href === undefined ? (
          <div className="th-tile" data-tone={tone}>
            {body}
          </div>
        ) : (
          <Link className="th-tile" data-tone={tone} href={href}>
            {body}
          </Link>
        )}
      </li>
    )
  }
  return (
    <ul className="th-tiles" aria-label={t('staff.today.title')}>
      {tile('booked', booked, '/staff/book', false)}
      {tile('permissions', permissionsMissing, '/staff/book', true)}
      {tile('emergencies', emergenciesToReview, '/staff/emergencies', true)}
      {tile('questions', questionsWaiting, '/staff/questions', true)}
      {tile('uploads', uploadsWaiting, '/staff/system', true)}
      {rekeys === undefined || rekeys === 0 ? undefined : tile('rekeys', rekeys, '/staff/people', true)}
    </ul>
  )
}

function Health({ summary }: { readonly summary: HospitalSummary }): ReactNode {
  const { t, number, seconds, date } = useWords()
  const { recordServer, ledger, outbox, certificates, registered } = summary
  return (
    <section aria-labelledby="health">
      <h2 id="health">{t('staff.health.title')}</h2>
      <SheetTable
        caption={<span className="th-hidden">{t('staff.health.title')}</span>}
        words="staff.health"
        columns={['part', 'state', 'detail']}
      >
        <Part
          name={t('staff.health.server')}
          tone={recordServer.state === 'up' ? 'ok' : 'bad'}
          state={t(recordServer.state === 'up' ? 'staff.state.up' : 'staff.state.down')}
          detail={
            recordServer.state === 'down'
              ? t(`error.${recordServer.code}.what`)
              : t(recordServer.simulated ? 'staff.server.simulated' : 'staff.server.hardware', {
                  area: recordServer.tee,
                  program: `${recordServer.measurement.slice(0, 8)}…`,
                })
          }
        />
        <Part
          name={t('staff.health.ledger')}
          tone={ledger.state === 'up' ? 'ok' : 'bad'}
          state={t(ledger.state === 'up' ? 'staff.state.up' : 'staff.state.down')}
          detail={
            ledger.state === 'down'
              ? t(`error.${ledger.code}.what`)
              : t('staff.ledger.line', {
                  block: number(ledger.height),
                  time: seconds(ledger.blockMs),
                  organizations: ledger.organizations,
                })
          }
        />
        <Part
          name={t('staff.health.outbox')}
          tone={outbox.waiting === 0 ? 'ok' : 'wait'}
          state={t('staff.outbox.waiting', { count: outbox.waiting })}
          detail={outbox.oldestMs === undefined ? '' : t('staff.outbox.oldest', { time: seconds(outbox.oldestMs) })}
        />
        <Part
          name={t('staff.health.certificates')}
          tone={certificates.length === 0 ? 'ok' : 'wait'}
          state={t('staff.certificates.soon', { count: certificates.length })}
          detail={certificates.map(({ name, notAfterMs }) => `${name}: ${date(notAfterMs)}`).join(', ')}
        />
      </SheetTable>
      <p className="th-dimmed">{t('staff.registered', registered)}</p>
      <p>
        <Link href="/staff/system">{t('staff.health.more')}</Link>
      </p>
    </section>
  )
}

const MARKS = { ok: IconCheck, wait: IconAlertTriangle, bad: IconPlugConnectedX } as const

interface PartProps {
  readonly name: string
  readonly tone: keyof typeof MARKS
  readonly state: string
  readonly detail: string
}

function Part({ name, tone, state, detail }: PartProps): ReactNode {
  const { t } = useWords()
  const Mark = MARKS[tone]
  return (
    <tr>
      <th scope="row">{name}</th>
      <td data-label={t('staff.health.state')}>
        <span className="th-state" data-tone={tone}>
          <Mark size={16} aria-hidden />
          {state}
        </span>
      </td>
      <td data-label={t('staff.health.detail')}>{detail}</td>
    </tr>
  )
}
