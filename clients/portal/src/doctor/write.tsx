/**
 * Writing: one form from encounter to note, kept as an encrypted draft while it is written, signed once, with honest states
 * afterwards: signed, being recorded, recorded in a block, or kept here because nothing answers.
 *
 * @module
 */
import { Button, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { IconPlus, IconSignature } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { Signing } from './doctor-area.ts'
import { ConditionFields, MedicineFields, ObservationFields } from './entry-fields.tsx'
import { DraftSaver } from './model/drafts.ts'
import { EMPTY_VISIT, isEmptyVisit, problemsOf, type Visit } from './model/visit.ts'
import { doctor } from './queries.ts'
import { Recording } from './recording.tsx'
import { Signed } from './signed.tsx'

interface WriteProps {
  readonly patient: string
  readonly name: string
  /** Id of a draft to go on with. */
  readonly draft: string | undefined
  readonly isGroup: boolean
}

export function Write({ patient, name, draft, isGroup }: WriteProps): ReactNode {
  const { t, time } = useWords()
  const cache = useQueryClient()
  const [form, setForm] = useState(() => ({ id: draft ?? crypto.randomUUID(), startedMs: Date.now() }))
  const [visit, setVisit] = useState<Visit>(EMPTY_VISIT)
  const [savedMs, setSavedMs] = useState<number>()
  const [wasTried, setWasTried] = useState(false)
  const [signing, setSigning] = useState<Signing>()
  const summary = useRef<HTMLDivElement>(null)
  const saver = useMemo(
    () =>
      new DraftSaver<Visit>(async (content) => {
        await doctor.saveDraft(form.id, patient, content)
        setSavedMs(Date.now())
      }),
    [form.id, patient],
  )
  useEffect(() => {
    if (draft === undefined) return
    const load = async () => {
      const found = await doctor.loadDraft(draft)
      if (found !== undefined) setVisit(found)
    }
    void load()
  }, [draft])
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (saver.isWaiting) event.preventDefault()
    }
    addEventListener('beforeunload', warn)
    return () => {
      removeEventListener('beforeunload', warn)
      void saver.flush()
    }
  }, [saver])
  const change = (changes: Partial<Visit>) => {
    const next = { ...visit, ...changes }
    setVisit(next)
    if (!isEmptyVisit(next)) saver.change(next)
  }
  const done = async () => {
    await saver.drop()
    await doctor.removeDraft(form.id)
    await cache.invalidateQueries({ queryKey: ['doctor'] })
  }
  const sign = useMutation({
    mutationFn: () => doctor.store(patient, visit, { startedMs: form.startedMs, visitId: form.id }, setSigning),
    onSettled: () => setSigning(undefined),
    onSuccess: done,
  })
  const begin = useMutation({ mutationFn: () => doctor.startGroup(patient, visit.note), onSuccess: done })
  const again = () => {
    sign.reset()
    begin.reset()
    setVisit(EMPTY_VISIT)
    setWasTried(false)
    setSavedMs(undefined)
    setForm({ id: crypto.randomUUID(), startedMs: Date.now() })
  }
  const problems = problemsOf(visit)
  const shown = wasTried ? problems : []
  const errorOf = (field: string): string | undefined => {
    const found = shown.find((one) => one.field === field)
    return found === undefined ? undefined : t(found.word)
  }
  const submit = () => {
    setWasTried(true)
    if (problems.length === 0) sign.mutate()
    else requestAnimationFrame(() => summary.current?.focus())
  }
  if (sign.isSuccess) return <Signed signed={sign.data} again={t('doctor.write.again')} onAgain={again} />
  if (begin.isSuccess) {
    return (
      <section aria-labelledby="write">
        <h2 id="write">{t('doctor.write.title', { name })}</h2>
        <p role="status">{t('doctor.group.passed')}</p>
        <Button variant="default" onClick={again}>
          {t('doctor.write.again')}
        </Button>
      </section>
    )
  }
  return (
    <section aria-labelledby="write" className="th-write">
      <h2 id="write">{t('doctor.write.title', { name })}</h2>
      <form
        className="th-fields"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        {shown.length === 0 ? undefined : (
          <div className="th-problem" data-tone="bad" role="alert" tabIndex={-1} ref={summary}>
            <div>
              <p>
                <b>{t('doctor.problem.title', { count: shown.length })}</b>
              </p>
              <ul>
                {shown.map(({ field, word }) => (
                  <li key={field}>
                    <a href={`#${field}`} onClick={(event) => focusField(event, field)}>
                      {t(`doctor.field.${field.split('.')[0] ?? ''}`)}: {t(word)}
                    </a>
                  </li>
                ))}
              </ul>
            </div>
          </div>
        )}
        <TextInput
          id="reason"
          label={t('doctor.field.reason')}
          value={visit.reason}
          onChange={(event) => change({ reason: event.currentTarget.value })}
          error={errorOf('reason')}
        />
        <fieldset className="th-group-fields">
          <legend>{t('doctor.field.conditions')}</legend>
          {visit.conditions.map((one) => (
            <ConditionFields
              key={one.id}
              entry={one}
              errorOf={errorOf}
              onChange={(next) => change({ conditions: replaced(visit.conditions, one.id, next) })}
            />
          ))}
          <AddButton
            label={t('doctor.add.condition')}
            onClick={() =>
              change({
                conditions: [...visit.conditions, { id: crypto.randomUUID(), text: '', certainty: 'confirmed' }],
              })
            }
          />
        </fieldset>
        <fieldset className="th-group-fields">
          <legend>{t('doctor.field.observations')}</legend>
          {visit.observations.map((one) => (
            <ObservationFields
              key={one.id}
              entry={one}
              errorOf={errorOf}
              onChange={(next) => change({ observations: replaced(visit.observations, one.id, next) })}
            />
          ))}
          <AddButton
            label={t('doctor.add.observation')}
            onClick={() =>
              change({
                observations: [
                  ...visit.observations,
                  { id: crypto.randomUUID(), text: '', values: [''], low: '', high: '' },
                ],
              })
            }
          />
        </fieldset>
        <fieldset className="th-group-fields">
          <legend>{t('doctor.field.medicines')}</legend>
          {visit.medicines.map((one) => (
            <MedicineFields
              key={one.id}
              entry={one}
              errorOf={errorOf}
              onChange={(next) => change({ medicines: replaced(visit.medicines, one.id, next) })}
            />
          ))}
          <AddButton
            label={t('doctor.add.medicine')}
            onClick={() =>
              change({ medicines: [...visit.medicines, { id: crypto.randomUUID(), text: '', dosage: '', days: '' }] })
            }
          />
        </fieldset>
        <Textarea
          id="note"
          label={t('doctor.field.note')}
          autosize
          minRows={4}
          value={visit.note}
          onChange={(event) => change({ note: event.currentTarget.value })}
          error={errorOf('note')}
        />
        <p className="th-dimmed">
          {savedMs === undefined ? t('doctor.draft.none') : t('doctor.draft.saved', { time: time(savedMs) })}
        </p>
        {signing === undefined ? undefined : <Recording signedMs={signing.signedMs} />}
        {sign.isError ? <Problem error={sign.error} again={() => sign.mutate()} /> : undefined}
        {begin.isError ? <Problem error={begin.error} /> : undefined}
        <div className="th-actions">
          <Button type="submit" leftSection={<IconSignature size={18} aria-hidden />} loading={sign.isPending}>
            {t('doctor.write.sign')}
          </Button>
          {isGroup ? (
            <Button
              variant="default"
              loading={begin.isPending}
              disabled={visit.note.trim() === ''}
              onClick={() => begin.mutate()}
            >
              {t('doctor.group.begin')}
            </Button>
          ) : undefined}
        </div>
        {isGroup ? <p className="th-dimmed">{t('doctor.group.begin.line')}</p> : undefined}
      </form>
    </section>
  )
}

function focusField(event: { preventDefault: () => void }, field: string): void {
  event.preventDefault()
  document.getElementById(field)?.focus()
}

/** Without `next` the entry is taken out. */
function replaced<T extends { readonly id: string }>(all: readonly T[], id: string, next: T | undefined): readonly T[] {
  return all.flatMap((one) => (one.id !== id ? [one] : next === undefined ? [] : [next]))
}

function AddButton({ label, onClick }: { readonly label: string; readonly onClick: () => void }): ReactNode {
  return (
    <Button size="xs" variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={onClick}>
      {label}
    </Button>
  )
}
