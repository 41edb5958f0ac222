/**
 * Giving access: a sheet that is filled in already, one sentence whose parts can be changed, one button.
 *
 * @module
 */
import { Button, Checkbox, SegmentedControl } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { EHR_TYPES } from '../../../../shared/protocol/src/ehr-types.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { DayField } from '../shell/day-field.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { scopeText } from './kinds.ts'
import type { GiveTerms } from './patient-area.ts'
import { patient } from './queries.ts'

export interface Grantee {
  readonly ref: string
  readonly name: string
  readonly place: string
}

const DAY_MS = 86_400_000
const PURPOSES = ['TREAT', 'FAMRQT', 'HRESCH'] as const satisfies readonly GiveTerms['purpose'][]
const TERMS = ['30', '365', 'date'] as const

export function GiveAccess({
  grantee,
  onClose,
}: {
  readonly grantee: Grantee
  readonly onClose: () => void
}): ReactNode {
  const words = useWords()
  const { t, rich, date } = words
  const cache = useQueryClient()
  const [scope, setScope] = useState<readonly string[]>(['lab', 'medicine'])
  const [purpose, setPurpose] = useState<GiveTerms['purpose']>('TREAT')
  const [term, setTerm] = useState<(typeof TERMS)[number]>('30')
  const [dayMs, setDayMs] = useState(() => Date.now() + 30 * DAY_MS)
  const untilMs = term === 'date' ? dayMs : Date.now() + Number(term) * DAY_MS
  const give = useMutation({
    mutationFn: () => patient.give({ grantee: grantee.ref, scope, records: [], purpose, untilMs }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient', 'grants'] }),
  })
  return (
    <Sheet isOpen onClose={onClose} title={t('access.give.title')}>
      {give.isSuccess ? (
        <div role="status">
          <h2>{t('access.give.done', { name: grantee.name })}</h2>
          <p>{t('access.give.done.line', { kinds: scopeText(words, scope), until: date(untilMs) })}</p>
          <p className="th-dimmed">{t('permission.done.block', { block: give.data.block })}</p>
          <Button onClick={onClose}>{t('action.close')}</Button>
        </div>
      ) : (
        <>
          <p className="th-sentence">
            {rich('access.give.sentence', {
              name: grantee.place === '' ? grantee.name : `${grantee.name} (${grantee.place})`,
              kinds: scopeText(words, scope),
              purpose: t(`purpose.${purpose}`),
              until: date(untilMs),
            })}
          </p>
          <fieldset className="th-fieldset">
            <legend>{t('access.give.kinds')}</legend>
            <div className="th-checkboxes">
              {EHR_TYPES.map((kind) => (
                <Checkbox
                  key={kind}
                  label={t(`kind.${kind}.many`)}
                  checked={scope.includes(kind)}
                  onChange={(event) => {
                    const next = event.currentTarget.checked ? [...scope, kind] : scope.filter((one) => one !== kind)
                    if (next.length > 0) setScope(next)
                  }}
                />
              ))}
            </div>
          </fieldset>
          <fieldset className="th-fieldset">
            <legend>{t('access.give.purpose')}</legend>
            <SegmentedControl
              fullWidth
              aria-label={t('access.give.purpose')}
              value={purpose}
              onChange={(next) => setPurpose(next)}
              data={PURPOSES.map((value) => ({ value, label: t(`purpose.${value}`) }))}
            />
          </fieldset>
          <fieldset className="th-fieldset">
            <legend>{t('access.give.until')}</legend>
            <SegmentedControl
              fullWidth
              aria-label={t('access.give.until')}
              value={term}
              onChange={(next) => setTerm(next)}
              data={TERMS.map((value) => ({ value, label: t(`access.give.term.${value}`) }))}
            />
            {term === 'date' ? (
              <DayField label={t('access.give.date')} valueMs={dayMs} onChange={setDayMs} min={Date.now()} />
            ) : undefined}
          </fieldset>
          {give.isError ? <Problem error={give.error} /> : undefined}
          <p className="th-dimmed">{t('permission.note')}</p>
          <div className="th-actions">
            <Button loading={give.isPending} onClick={() => give.mutate()}>
              {t('access.give.action')}
            </Button>
            <Button variant="default" onClick={onClose}>
              {t('action.cancel')}
            </Button>
          </div>
        </>
      )}
    </Sheet>
  )
}
