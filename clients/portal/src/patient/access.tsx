/**
 * Who may look: access that was given, permissions of appointments, doctors to give access to. Taking back shows what is
 * true at each moment: it is taken back when the shared ledger has it, and not before.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconBan, IconUserCheck, IconUserPlus } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import { isAway } from '../errors/error-words.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { codeOfError } from '../session/portal-error.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { GiveAccess, type Grantee } from './give-access.tsx'
import { scopeText } from './kinds.ts'
import type { GrantLine, PermissionLine } from './patient-area.ts'
import type { Doctor } from '../session/people.ts'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { patient, queries } from './queries.ts'
import { reachText } from './reach.ts'
import { readRefused } from './refused.ts'

/** What could not be sent is sent again after this time, as long as the page is open. */
const AGAIN_AFTER_MS = 5_000
/** Of a long list the rest is found by typing. */
const MAX_SHOWN = 50

export function Access({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const isAwaited = isFirstAnswerAwaited(
    useQuery(queries.grants),
    useQuery(queries.permissions),
    useQuery(queries.appointments),
  )
  useTitle(t('access.title'))
  return (
    <>
      <h1>{t('access.title')}</h1>
      <p>{t('access.line')}</p>
      {isAwaited ? (
        <Loading rows={8} />
      ) : (
        <>
          <Given />
          <Permissions />
          <Refused me={me} />
          <Doctors />
        </>
      )}
    </>
  )
}

function Given(): ReactNode {
  const words = useWords()
  const { t, date } = words
  const grants = useQuery(queries.grants)
  return (
    <section>
      <h2>{t('access.given')}</h2>
      {grants.isPending ? (
        <Loading rows={2} />
      ) : grants.isError ? (
        <Problem error={grants.error} again={grants.refetch} />
      ) : grants.data.length === 0 ? (
        <div className="th-empty">{t('access.given.empty')}</div>
      ) : (
        <ul className="th-list">
          {newestFirst(grants.data, ({ givenMs }) => givenMs).map((grant) => (
            <li key={grant.id} className="th-row" data-ended={isOver(grant)}>
              <IconUserCheck size={20} aria-hidden className="th-row-icon" />
              <div className="th-row-text">
                <b>{grant.grantee.name}</b>
                <p className="th-row-note">
                  {t('access.grant.line', {
                    kinds: reachText(words, grant),
                    purpose: t(`purpose.${grant.purpose}`),
                    until: date(grant.untilMs),
                  })}
                </p>
              </div>
              <TakeBack
                id={grant.id}
                name={grant.grantee.name}
                state={grant}
                takeBack={() => patient.takeBack(grant.id)}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Permissions(): ReactNode {
  const words = useWords()
  const { t, date, list } = words
  const permissions = useQuery(queries.permissions)
  return (
    <section>
      <h2>{t('access.permissions')}</h2>
      {permissions.isPending ? (
        <Loading rows={2} />
      ) : permissions.isError ? (
        <Problem error={permissions.error} again={permissions.refetch} />
      ) : permissions.data.length === 0 ? (
        <div className="th-empty">{t('access.permissions.empty')}</div>
      ) : (
        <ul className="th-list">
          {newestFirst(permissions.data, ({ fromMs }) => fromMs).map((one: PermissionLine) => {
            const name = list(one.doctors.map((doctor) => doctor.name))
            return (
              <li key={one.id} className="th-row" data-ended={isOver(one)}>
                <IconUserCheck size={20} aria-hidden className="th-row-icon" />
                <div className="th-row-text">
                  <b>{name}</b>
                  <p className="th-row-note">
                    {t('access.permission.line', {
                      hospital: one.hospital,
                      kinds: scopeText(words, one.scope),
                      from: date(one.fromMs),
                      until: date(one.untilMs),
                    })}
                  </p>
                  {one.doctors.every(({ ref }) => ref.startsWith('h-')) ? (
                    <p className="th-row-note">{t('access.permission.hospital')}</p>
                  ) : undefined}
                </div>
                <TakeBack id={one.id} name={name} state={one} takeBack={() => patient.takePermissionBack(one.id)} />
              </li>
            )
          })}
        </ul>
      )}
    </section>
  )
}

/** Requests that were refused here and whose appointment still comes: they can be answered anew. */
function Refused({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t, moment } = useWords()
  const [, navigate] = useLocation()
  const appointments = useQuery(queries.appointments)
  const [refused] = useState(() => readRefused(me.id))
  const open = (appointments.data ?? []).filter(
    ({ id, isCovered, endMs }) => refused.includes(id) && !isCovered && endMs > Date.now(),
  )
  if (open.length === 0) return undefined
  return (
    <ul className="th-list">
      {open.map(({ id, hospital, startMs }) => (
        <li key={id} className="th-row">
          <IconBan size={20} aria-hidden className="th-row-icon" />
          <div className="th-row-text">
            <span>{t('permission.refused.line', { hospital: hospital.name, moment: moment(startMs) })}</span>
            <p className="th-row-note">{t('permission.refused')}</p>
          </div>
          <Button size="sm" variant="default" onClick={() => navigate(`/patient/permission/${id}`)}>
            {t('needs.permission.action')}
          </Button>
        </li>
      ))}
    </ul>
  )
}

function newestFirst<T>(items: readonly T[], timeOf: (item: T) => number): readonly T[] {
  return items.toSorted((a, b) => timeOf(b) - timeOf(a))
}

function isOver({ untilMs, revokedMs }: Pick<GrantLine, 'untilMs' | 'revokedMs'>): boolean {
  return revokedMs !== undefined || untilMs <= Date.now()
}

interface TakeBackProps {
  readonly id: string
  readonly name: string
  readonly state: Pick<GrantLine, 'untilMs' | 'revokedMs'>
  readonly takeBack: () => Promise<{ readonly block: number }>
}

function TakeBack({ id, name, state, takeBack }: TakeBackProps): ReactNode {
  const { t, date, moment, time } = useWords()
  const cache = useQueryClient()
  const [isAsking, setIsAsking] = useState(false)
  const work = useMutation({
    mutationFn: takeBack,
    retry: (_count, error) => isAway(error),
    retryDelay: AGAIN_AFTER_MS,
    // Nothing is shown as done before the shared ledger says so.
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient'] }),
  })
  if (state.revokedMs !== undefined) {
    return <span className="th-dimmed">{t('access.back.done', { moment: moment(state.revokedMs) })}</span>
  }
  if (state.untilMs <= Date.now())
    return <span className="th-dimmed">{t('access.ended', { date: date(state.untilMs) })}</span>
  if (work.isSuccess) return <span role="status">{t('access.back.now', { time: time(work.submittedAt) })}</span>
  if (work.isPending && work.failureReason !== null) {
    return (
      <p className="th-row-full" role="alert">
        <b>{t('access.back.trying')}</b> <code>{codeOfError(work.failureReason)}</code>
      </p>
    )
  }
  if (work.isPending) return <span role="status">{t('access.back.pending')}</span>
  if (work.isError) {
    return (
      <div className="th-row-full">
        <p role="alert">
          <b>{t('access.back.failed')}</b>
        </p>
        <Problem error={work.error} again={() => work.mutate()} />
      </div>
    )
  }
  if (!isAsking) {
    return (
      <Button
        size="sm"
        variant="default"
        aria-label={t('access.back.open', { name })}
        onClick={() => setIsAsking(true)}
      >
        {t('access.back.action')}
      </Button>
    )
  }
  return (
    <div className="th-row-full" data-asking={id}>
      <p>{t('access.back.line', { name })}</p>
      <div className="th-actions">
        <Button size="sm" color="bad" onClick={() => work.mutate()}>
          {t('access.back.action')}
        </Button>
        <Button size="sm" variant="default" onClick={() => setIsAsking(false)}>
          {t('access.back.keep')}
        </Button>
      </div>
    </div>
  )
}

function Doctors(): ReactNode {
  const { t } = useWords()
  const doctors = useQuery(queries.doctors)
  const others = useQuery(queries.otherDoctors)
  const [chosen, setChosen] = useState<Grantee>()
  const [search, setSearch] = useState('')
  const [params] = useSearchParams()
  const record = params.get('record')
  const wanted = search.trim().toLowerCase()
  const isReference = /^[dhp]-[0-9a-f]{32}$/.test(wanted)
  const listed = others.data?.doctors ?? []
  const known = (doctors.data ?? []).filter(({ ref }) => !listed.some((one) => one.ref === ref))
  const fits = ({ name, department, place }: Doctor) => `${name} ${department} ${place}`.toLowerCase().includes(wanted)
  const found = [...known, ...listed].filter(fits)
  const shown = found.slice(0, MAX_SHOWN)
  return (
    <section>
      <h2>{t('access.doctors')}</h2>
      {record === null ? undefined : <p>{t('access.doctors.record')}</p>}
      <TextInput
        className="th-search"
        label={t('access.doctors.search')}
        description={t('access.doctors.search.description')}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {isReference ? (
        <Button onClick={() => setChosen({ ref: wanted, name: `${wanted.slice(0, 10)}…`, place: '' })}>
          {t('access.give.reference')}
        </Button>
      ) : undefined}
      {doctors.isError ? <Problem error={doctors.error} again={doctors.refetch} /> : undefined}
      <ul className="th-list">
        {shown.map((doctor) => (
          <li key={doctor.ref} className="th-row">
            <IconUserPlus size={20} aria-hidden className="th-row-icon" />
            <div className="th-row-text">
              <b>{doctor.name}</b>
              <p className="th-row-note">
                {[doctor.department, doctor.place].filter((part) => part !== '').join(' · ')}
              </p>
            </div>
            <Button
              size="sm"
              variant="default"
              aria-label={t('access.give.open', { name: doctor.name })}
              onClick={() => setChosen(doctor)}
            >
              {t('access.give.action')}
            </Button>
          </li>
        ))}
      </ul>
      {found.length > shown.length ? (
        <p className="th-dimmed">{t('access.doctors.more', { count: found.length - shown.length })}</p>
      ) : undefined}
      {wanted !== '' && !isReference && doctors.isSuccess && others.isSuccess && found.length === 0 ? (
        <div className="th-empty">{t('access.doctors.none')}</div>
      ) : undefined}
      {(others.data?.missing ?? []).map(({ name, code }) => (
        <p key={name} className="th-dimmed" data-code={code}>
          {t(code === 'DIRECTORY_REJECTED' ? 'access.doctors.rejected' : 'access.doctors.missing', { hospital: name })}
        </p>
      ))}
      {chosen === undefined ? undefined : (
        <GiveAccess grantee={chosen} {...(record === null ? {} : { record })} onClose={() => setChosen(undefined)} />
      )}
    </section>
  )
}
