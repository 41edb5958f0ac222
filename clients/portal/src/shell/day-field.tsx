/**
 * A day in three plain fields, and below them the day in words: the browser's own field writes 11/14/2026 where the browser
 * is American, whatever the page says. Decision 0024.
 *
 * @module
 */
import { TextInput } from '@mantine/core'
import { useId, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { momentOf, type Day } from './day.ts'

interface DayFieldProps {
  readonly label: string
  readonly description?: string
  readonly value: Day
  readonly onChange: (day: Day) => void
  readonly error?: string | undefined
}

const PARTS = ['day', 'month', 'year'] as const
/** Chinese dates begin with the year. */
const YEAR_FIRST = ['year', 'month', 'day'] as const

export function DayField({ label, description, value, onChange, error }: DayFieldProps): ReactNode {
  const { t, weekday, isYearFirst } = useWords()
  const id = useId()
  const timeMs = momentOf(value)
  const parts = isYearFirst ? YEAR_FIRST : PARTS
  return (
    <fieldset className="th-day" aria-describedby={id}>
      <legend>{label}</legend>
      {description === undefined ? undefined : <p className="th-dimmed">{description}</p>}
      <div className="th-day-parts">
        {parts.map((part) => (
          <TextInput
            key={part}
            label={t(`day.${part}`)}
            inputMode="numeric"
            autoComplete="off"
            maxLength={part === 'year' ? 4 : 2}
            data-part={part}
            value={value[part]}
            aria-invalid={error !== undefined}
            aria-describedby={id}
            onChange={(event) => onChange({ ...value, [part]: event.currentTarget.value })}
          />
        ))}
      </div>
      <p id={id} className={error === undefined ? 'th-dimmed' : 'th-field-error'} role="status">
        {error ?? (timeMs === undefined ? '' : weekday(timeMs))}
      </p>
    </fieldset>
  )
}
