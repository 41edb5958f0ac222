/**
 * A new result that a person may want to hear about from a doctor first: it is here, and opens on the person's own choice.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconMessageHeart } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { nextVisit, type Choice } from './choices.ts'
import { queries } from './queries.ts'

interface AsksFirstProps {
  readonly record: string
  readonly choices: readonly Choice[]
  readonly onChoose: (choice: Choice) => void
}

export function AsksFirst({ record, choices, onChoose }: AsksFirstProps): ReactNode {
  const { t, moment } = useWords()
  const appointments = useQuery(queries.appointments)
  const visit = nextVisit(appointments.data ?? [], Date.now())
  const chosen = choices.find((choice) => choice.record === record)
  const reminder = chosen !== undefined && 'remindMs' in chosen ? chosen : undefined
  return (
    <section className="th-card" aria-label={t('record.asks.title')}>
      <p>
        <IconMessageHeart size={20} aria-hidden /> <b>{t('record.asks.title')}</b> {t('record.asks.line')}
      </p>
      <div className="th-actions">
        <Button onClick={() => onChoose({ record, opened: true })}>{t('record.asks.open')}</Button>
        {visit === undefined || reminder !== undefined ? undefined : (
          <Button variant="default" onClick={() => onChoose({ record, remindMs: visit.endMs })}>
            {t('record.asks.remind')}
          </Button>
        )}
      </div>
      <p className="th-dimmed" role="status">
        {reminder !== undefined
          ? t('record.asks.reminded', { moment: moment(reminder.remindMs) })
          : visit === undefined
            ? t('record.asks.novisit')
            : t('record.asks.visit', { moment: moment(visit.startMs) })}
      </p>
    </section>
  )
}
