/**
 * Keys: this device, other devices, the recovery file; a new device with a code, numbers to compare; a lost one is removed.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { IconDeviceMobile, IconFileCheck } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { AddDevice } from './add-device.tsx'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { patient, queries } from './queries.ts'
import { RecoveryFile } from './recovery-file.tsx'

type Key = Awaited<ReturnType<typeof patient.keysOnLedger>>[number]

export function Keys({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const keys = useQuery(queries.keys)
  const persistent = useQuery({ queryKey: ['persistent'], queryFn: () => patient.isPersistent() })
  const active = (keys.data ?? []).filter(({ removedMs }) => removedMs === null).length
  const isAwaited = isFirstAnswerAwaited(keys, persistent)
  useTitle(t('keys.title'))
  return (
    <>
      <h1>{t('keys.title')}</h1>
      <p>{t('keys.line')}</p>
      {isAwaited ? (
        <Loading rows={8} />
      ) : (
        <Parts me={me} keys={keys} isKept={persistent.data !== false} active={active} />
      )}
    </>
  )
}

interface PartsProps {
  readonly me: IdentityCard
  readonly keys: UseQueryResult<readonly Key[]>
  /** The browser promised to keep what is stored. */
  readonly isKept: boolean
  readonly active: number
}

function Parts({ me, keys, isKept, active }: PartsProps): ReactNode {
  const { t } = useWords()
  return (
    <>
      {!isKept ? (
        <div className="th-note">
          <p>{t('keys.forget')}</p>
        </div>
      ) : undefined}
      {keys.isPending ? (
        <Loading rows={2} />
      ) : keys.isError ? (
        <Problem error={keys.error} again={keys.refetch} />
      ) : (
        <ul className="th-list">
          {keys.data.map((key) => (
            <KeyRow key={key.kid} entry={key} isOnly={active === 1} />
          ))}
        </ul>
      )}
      <RecoveryFile me={me} />
      <AddDevice />
      <h2>{t('keys.lost.title')}</h2>
      <p>{t('keys.lost.line', { hospital: me.hospital.name })}</p>
      <p>
        <b>{t('keys.never')}</b>
      </p>
    </>
  )
}

function KeyRow({ entry, isOnly }: { readonly entry: Key; readonly isOnly: boolean }): ReactNode {
  const { t, date, moment } = useWords()
  const cache = useQueryClient()
  const [isAsking, setIsAsking] = useState(false)
  const remove = useMutation({
    mutationFn: () => patient.removeKey(entry.kid),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient', 'keys'] }),
  })
  const Icon = entry.kind === 'recovery' ? IconFileCheck : IconDeviceMobile
  const label = entry.kind === 'recovery' ? t('keys.recovery') : entry.label
  return (
    <li className="th-row" data-ended={entry.removedMs !== null}>
      <Icon size={20} aria-hidden className="th-row-icon" />
      <div className="th-row-text">
        <b>{entry.isThis ? t('keys.this', { label }) : label}</b>
        <p className="th-row-note">
          {t(`keys.how.${entry.by.how}`, { date: date(entry.addedMs) })} · <code>{entry.kid.slice(0, 10)}</code>
        </p>
        {entry.isThis ? <p className="th-row-note">{t('keys.kept')}</p> : undefined}
      </div>
      {entry.removedMs !== null ? (
        <span className="th-dimmed">{t('keys.removed', { moment: moment(entry.removedMs) })}</span>
      ) : isAsking ? (
        <div className="th-row-full">
          <p>{t(entry.isThis ? 'keys.remove.this' : 'keys.remove.line', { label })}</p>
          {remove.isError ? <Problem error={remove.error} /> : undefined}
          <div className="th-actions">
            <Button size="sm" color="bad" loading={remove.isPending} onClick={() => remove.mutate()}>
              {t('keys.remove.action')}
            </Button>
            <Button size="sm" variant="default" onClick={() => setIsAsking(false)}>
              {t('keys.remove.keep')}
            </Button>
          </div>
        </div>
      ) : isOnly ? undefined : (
        <Button
          size="sm"
          variant="default"
          aria-label={t('keys.remove.open', { label })}
          onClick={() => setIsAsking(true)}
        >
          {t('keys.remove.action')}
        </Button>
      )}
    </li>
  )
}
