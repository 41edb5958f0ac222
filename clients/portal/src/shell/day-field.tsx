/**
 * A day, with the browser's own date field: it works by keyboard and speaks every language.
 *
 * @module
 */
import { TextInput } from '@mantine/core'
import type { ReactNode } from 'react'

interface DayFieldProps {
  readonly label: string
  readonly valueMs: number
  /** End of the chosen day, local time. */
  readonly onChange: (timeMs: number) => void
  readonly min?: number
}

export function DayField({ label, valueMs, onChange, min }: DayFieldProps): ReactNode {
  return (
    <TextInput
      type="date"
      label={label}
      value={dayText(valueMs)}
      {...(min === undefined ? {} : { min: dayText(min) })}
      onChange={(event) => {
        const chosen = Date.parse(`${event.currentTarget.value}T23:59:00`)
        if (!Number.isNaN(chosen)) onChange(chosen)
      }}
    />
  )
}

function dayText(timeMs: number): string {
  const day = new Date(timeMs)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
}
