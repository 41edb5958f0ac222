/**
 * Choosing single records, to give access to them or to keep them back.
 *
 * @module
 */
import { Checkbox, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { queries } from './queries.ts'

interface RecordPickerProps {
  readonly legend: string
  readonly chosen: readonly string[]
  readonly onChange: (chosen: readonly string[]) => void
}

/** As many as one access can name. */
const MAX_CHOSEN = 256
const SEARCH_FROM = 8

export function RecordPicker({ legend, chosen, onChange }: RecordPickerProps): ReactNode {
  const { t, date } = useWords()
  const [wanted, setWanted] = useState('')
  const choices = useQuery(queries.choices)
  if (choices.isPending) return <Loading rows={3} />
  if (choices.isError) return <Problem error={choices.error} again={choices.refetch} />
  const all = choices.data
  const needle = wanted.trim().toLowerCase()
  const shown = all.filter(
    ({ record, title, ehrType, authorName }) =>
      chosen.includes(record) || `${title} ${t(`kind.${ehrType}`)} ${authorName}`.toLowerCase().includes(needle),
  )
  return (
    <fieldset className="th-fieldset">
      <legend>{legend}</legend>
      {all.length < SEARCH_FROM ? undefined : (
        <TextInput
          aria-label={t('access.pick.search')}
          placeholder={t('access.pick.search')}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {all.length === 0 ? <p>{t('access.pick.none')}</p> : undefined}
      <div className="th-picker">
        {shown.map(({ record, title, ehrType, dateMs, storedMs, authorName }) => (
          <Checkbox
            key={record}
            label={title}
            description={t('access.pick.line', {
              kind: t(`kind.${ehrType}`),
              date: date(dateMs ?? storedMs),
              author: authorName,
            })}
            checked={chosen.includes(record)}
            disabled={!chosen.includes(record) && chosen.length >= MAX_CHOSEN}
            onChange={(event) =>
              onChange(event.currentTarget.checked ? [...chosen, record] : chosen.filter((one) => one !== record))
            }
          />
        ))}
      </div>
    </fieldset>
  )
}
