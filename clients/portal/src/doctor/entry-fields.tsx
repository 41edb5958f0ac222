/**
 * Fields of one condition, one observation, one medicine. Names are chosen from a short coded list with arrows and Enter, or
 * typed freely: then the record has words and no code.
 *
 * @module
 */
import { ActionIcon, Autocomplete, NativeSelect, TextInput } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CONDITIONS, findConcepts, OBSERVATION_KINDS } from './model/codes.ts'
import type { ConditionEntry, MedicineEntry, ObservationEntry } from './model/visit.ts'

interface FieldsProps<T> {
  readonly entry: T
  readonly errorOf: (field: string) => string | undefined
  /** `undefined` takes the entry out. */
  readonly onChange: (next: T | undefined) => void
  /** One entry alone, that cannot be taken out. */
  readonly isOnly?: boolean
}

function Remove({ name, onClick }: { readonly name: string; readonly onClick: () => void }): ReactNode {
  const { t } = useWords()
  return (
    <ActionIcon variant="subtle" size="lg" aria-label={t('doctor.remove', { name })} onClick={onClick}>
      <IconTrash size={18} aria-hidden />
    </ActionIcon>
  )
}

export function ConditionFields({ entry, errorOf, onChange, isOnly = false }: FieldsProps<ConditionEntry>): ReactNode {
  const { t } = useWords()
  const set = (text: string) => {
    const coded = CONDITIONS.find(({ display }) => display === text)
    const { coded: _old, ...rest } = entry
    onChange({ ...rest, text, ...(coded === undefined ? {} : { coded }) })
  }
  const field = `conditions.${entry.id}.text`
  return (
    <div className="th-entry">
      <Autocomplete
        id={field}
        label={t('doctor.condition.name')}
        description={entry.coded?.code}
        value={entry.text}
        data={findConcepts(CONDITIONS, entry.text).map(({ display }) => display)}
        filter={({ options }) => options}
        onChange={set}
        error={errorOf(field)}
      />
      <NativeSelect
        label={t('doctor.condition.certainty')}
        value={entry.certainty}
        onChange={(event) =>
          onChange({ ...entry, certainty: event.currentTarget.value as ConditionEntry['certainty'] })
        }
        data={(['confirmed', 'provisional'] as const).map((value) => ({
          value,
          label: t(`doctor.certainty.${value}`),
        }))}
      />
      {isOnly ? undefined : <Remove name={entry.text} onClick={() => onChange(undefined)} />}
    </div>
  )
}

const FLAGS = ['', 'L', 'N', 'H', 'LL', 'HH'] as const

export function ObservationFields({
  entry,
  errorOf,
  onChange,
  isOnly = false,
}: FieldsProps<ObservationEntry>): ReactNode {
  const { t } = useWords()
  const offered = OBSERVATION_KINDS.find(({ code }) => code === entry.kind?.code)?.units ?? allUnits()
  const own = entry.unit
  const units = own === undefined || offered.some(({ ucum }) => ucum === own.ucum) ? offered : [own, ...offered]
  const at = (part: string) => `observations.${entry.id}.${part}`
  const setName = (text: string) => {
    const kind = OBSERVATION_KINDS.find(({ name }) => name === text)
    const { kind: _kind, unit: _unit, ...rest } = entry
    const unit = kind?.units[0]
    onChange({
      ...rest,
      text,
      values:
        kind?.parts === undefined ? entry.values.slice(0, 1) : kind.parts.map((_part, i) => entry.values[i] ?? ''),
      ...(kind === undefined ? {} : { kind }),
      ...(unit === undefined ? (entry.unit === undefined ? {} : { unit: entry.unit }) : { unit }),
    })
  }
  const setValue = (i: number, value: string) =>
    onChange({ ...entry, values: entry.values.map((old, j) => (j === i ? value : old)) })
  const setUnit = (ucum: string) => {
    const unit = units.find((one) => one.ucum === ucum)
    const { unit: _old, ...rest } = entry
    onChange({ ...rest, ...(unit === undefined ? {} : { unit }) })
  }
  const setFlag = (flag: string) => {
    const { interpretation: _old, ...rest } = entry
    onChange(flag === '' ? rest : { ...rest, interpretation: flag as NonNullable<ObservationEntry['interpretation']> })
  }
  return (
    <div className="th-entry">
      <Autocomplete
        id={at('text')}
        label={t('doctor.observation.name')}
        description={entry.kind?.code}
        value={entry.text}
        data={findConcepts(OBSERVATION_KINDS, entry.text).map(({ name }) => name)}
        filter={({ options }) => options}
        onChange={setName}
        error={errorOf(at('text'))}
      />
      {entry.values.map((value, i) => (
        <TextInput
          key={i}
          id={at(`values.${i}`)}
          inputMode="decimal"
          label={entry.kind?.parts?.[i]?.name ?? t('doctor.observation.value')}
          value={value}
          onChange={(event) => setValue(i, event.currentTarget.value)}
          error={errorOf(at(`values.${i}`))}
        />
      ))}
      <NativeSelect
        id={at('unit')}
        label={t('doctor.observation.unit')}
        value={entry.unit?.ucum ?? ''}
        onChange={(event) => setUnit(event.currentTarget.value)}
        data={[{ value: '', label: '–' }, ...units.map(({ ucum, print }) => ({ value: ucum, label: print }))]}
        error={errorOf(at('unit'))}
      />
      <NativeSelect
        label={t('doctor.observation.flag')}
        value={entry.interpretation ?? ''}
        onChange={(event) => setFlag(event.currentTarget.value)}
        data={FLAGS.map((flag) => ({ value: flag, label: t(`doctor.flag.${flag === '' ? 'none' : flag}`) }))}
      />
      <TextInput
        id={at('range')}
        inputMode="decimal"
        label={t('doctor.observation.low')}
        value={entry.low}
        onChange={(event) => onChange({ ...entry, low: event.currentTarget.value })}
        error={errorOf(at('range'))}
      />
      <TextInput
        inputMode="decimal"
        label={t('doctor.observation.high')}
        value={entry.high}
        onChange={(event) => onChange({ ...entry, high: event.currentTarget.value })}
      />
      {isOnly ? undefined : <Remove name={entry.text} onClick={() => onChange(undefined)} />}
    </div>
  )
}

function allUnits() {
  const seen = new Map(OBSERVATION_KINDS.flatMap(({ units }) => units).map((unit) => [unit.ucum, unit]))
  return [...seen.values()]
}

export function MedicineFields({ entry, errorOf, onChange, isOnly = false }: FieldsProps<MedicineEntry>): ReactNode {
  const { t } = useWords()
  const at = (part: string) => `medicines.${entry.id}.${part}`
  return (
    <div className="th-entry">
      <TextInput
        id={at('text')}
        label={t('doctor.medicine.name')}
        value={entry.text}
        onChange={(event) => onChange({ ...entry, text: event.currentTarget.value })}
        error={errorOf(at('text'))}
      />
      <TextInput
        id={at('dosage')}
        label={t('doctor.medicine.dosage')}
        value={entry.dosage}
        onChange={(event) => onChange({ ...entry, dosage: event.currentTarget.value })}
        error={errorOf(at('dosage'))}
      />
      <TextInput
        id={at('days')}
        inputMode="numeric"
        label={t('doctor.medicine.days')}
        value={entry.days}
        onChange={(event) => onChange({ ...entry, days: event.currentTarget.value })}
        error={errorOf(at('days'))}
      />
      {isOnly ? undefined : <Remove name={entry.text} onClick={() => onChange(undefined)} />}
    </div>
  )
}
