/**
 * What waits for the patient: requests for a permission, to destroy a record, emergency accesses that were not seen yet.
 * Hidden when empty.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  IconAmbulance,
  IconCalendarQuestion,
  IconFileShredder,
  IconMessageHeart,
  IconMessages,
} from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { EraseRequest } from '../../../sdk/src/hospital-answers/outbox.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { unreadAnswers } from './answers-read.ts'
import { Ask } from './ask.tsx'
import { dueReminders, readChoices } from './choices.ts'
import { patient, queries } from './queries.ts'
import { readRefused } from './refused.ts'

type Emergency = Awaited<ReturnType<typeof patient.emergencies>>[number]

const SEEN = 'trusthealth.emergencies-seen'

export function NeedsYou({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t, moment } = useWords()
  const [, navigate] = useLocation()
  const appointments = useQuery(queries.appointments)
  const emergencies = useQuery(queries.emergencies)
  const questions = useQuery(queries.questions)
  const erasures = useQuery(queries.eraseRequests).data ?? []
  const [seen, setSeen] = useState(() => readSeen(me.id))
  const [reminders] = useState(() => dueReminders(readChoices(me.id), Date.now()))
  const [refused] = useState(() => readRefused(me.id))
  const requests = (appointments.data ?? []).filter(
    (one) => !one.isCovered && one.endMs > Date.now() && !refused.includes(one.id),
  )
  const unseen = (emergencies.data ?? []).filter(({ emergency }) => !seen.includes(emergency))
  const answers = unreadAnswers(me.id, questions.data ?? [])
  const count = requests.length + unseen.length + reminders.length + answers.length + erasures.length
  if (count === 0) return undefined
  return (
    <section className="th-needs" aria-label={t('needs.title')}>
      <h2>{t('needs.title')}</h2>
      {unseen.map((one) => (
        <EmergencyNotice
          key={one.emergency}
          emergency={one}
          onSeen={() => {
            const all = [...seen, one.emergency]
            localStorage.setItem(`${SEEN}.${me.id}`, JSON.stringify(all))
            setSeen(all)
          }}
        />
      ))}
      {answers.length === 0 ? undefined : (
        <div className="th-need">
          <IconMessages size={20} aria-hidden />
          <p>{t('needs.answers', { count: answers.length })}</p>
          <Button onClick={() => navigate('/patient/messages')}>{t('needs.answers.action')}</Button>
        </div>
      )}
      {reminders.map(({ record }) => (
        <div key={record} className="th-need">
          <IconMessageHeart size={20} aria-hidden />
          <p>{t('needs.reminder')}</p>
          <Button onClick={() => navigate(`/patient/record/${record}`)}>{t('needs.reminder.action')}</Button>
        </div>
      ))}
      {erasures.map((one) => (
        <ErasureAsked key={one.id} asked={one} />
      ))}
      {requests.map((one) => (
        <div key={one.id} className="th-need">
          <IconCalendarQuestion size={20} aria-hidden />
          <p>
            {t('needs.permission', { hospital: one.hospital.name, moment: moment(one.startMs) })}
            {one.remindedMs === undefined
              ? undefined
              : ` ${t('needs.permission.reminded', { moment: moment(one.remindedMs) })}`}
          </p>
          <Button onClick={() => navigate(`/patient/permission/${one.id}`)}>{t('needs.permission.action')}</Button>
        </div>
      ))}
    </section>
  )
}

function EmergencyNotice({
  emergency,
  onSeen,
}: {
  readonly emergency: Emergency
  readonly onSeen: () => void
}): ReactNode {
  const { t, moment } = useWords()
  const [, navigate] = useLocation()
  const { doctorName, placeName, openedMs, reason, text, open, records } = emergency
  const about = { kind: 'emergency', id: emergency.emergency } as const
  const beginning = t('ask.about.emergency', { doctor: doctorName, moment: moment(openedMs) })
  return (
    <div className="th-need" data-tone="bad" role="alert">
      <IconAmbulance size={20} aria-hidden />
      <div>
        <p>
          <b>{t('emergency.title')}</b>{' '}
          {t(records === undefined ? 'emergency.line' : 'emergency.line.count', {
            doctor: doctorName,
            place: placeName ?? t('place.unknown'),
            moment: moment(openedMs),
            count: records,
          })}
        </p>
        <p>{t('emergency.reason', { reason: t(`emergency.reason.${reason}`), text })}</p>
        {open ? <p>{t('emergency.open')}</p> : undefined}
        <div className="th-actions">
          <Button size="sm" onClick={() => navigate('/patient/looked?kind=emergency')}>
            {t('emergency.action.see')}
          </Button>
          <Ask kind="question" about={about} label={t('emergency.action.why')} beginning={beginning} />
          <Ask kind="report" about={about} label={t('emergency.action.report')} beginning={beginning} />
          <Button size="sm" variant="default" onClick={onSeen}>
            {t('emergency.action.seen')}
          </Button>
        </div>
      </div>
    </div>
  )
}

/** The hospital took a record out of its own use; whether the patient's stays is the patient's to say. */
function ErasureAsked({ asked }: { readonly asked: EraseRequest }): ReactNode {
  const { t, date } = useWords()
  const [, navigate] = useLocation()
  const cache = useQueryClient()
  const keep = useMutation({
    mutationFn: () => patient.keepAsked(asked.id),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.eraseRequests.queryKey }),
  })
  return (
    <div className="th-need">
      <IconFileShredder size={20} aria-hidden />
      <div>
        <p>{t('needs.erase', { date: date(asked.askedMs) })}</p>
        {asked.reason === undefined ? undefined : <p>{t('needs.erase.reason', { reason: asked.reason })}</p>}
        <p>{t('needs.erase.yours')}</p>
        {keep.isError ? <Problem error={keep.error} /> : undefined}
        <div className="th-actions">
          <Button size="sm" onClick={() => navigate(`/patient/record/${asked.record}`)}>
            {t('needs.erase.see')}
          </Button>
          <Button size="sm" variant="default" loading={keep.isPending} onClick={() => keep.mutate()}>
            {t('needs.erase.keep')}
          </Button>
        </div>
      </div>
    </div>
  )
}

function readSeen(id: string): readonly string[] {
  const kept = localStorage.getItem(`${SEEN}.${id}`)
  return kept === null ? [] : (JSON.parse(kept) as readonly string[])
}
