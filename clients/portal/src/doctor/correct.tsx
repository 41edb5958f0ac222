/**
 * Correcting a record: what the form can hold of it, filled in; one signature makes its next version. The old one stays
 * readable. A record that was never true of this patient is marked as written in error.
 *
 * @module
 */
import { Button, Checkbox, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconSignature } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import type { Correctable, Signing } from './doctor-area.ts'
import { ConditionFields, MedicineFields, ObservationFields } from './entry-fields.tsx'
import { isSameCorrection, visitOfCorrection, type Correction } from './model/correction.ts'
import { problemsOf } from './model/visit.ts'
import { doctor } from './queries.ts'
import { Recording } from './recording.tsx'
import { Signed } from './signed.tsx'

interface CorrectProps {
  readonly patient: string
  readonly record: string
  readonly title: string
  readonly onClose: () => void
}

export function Correct({ patient, record, title, onClose }: CorrectProps): ReactNode {
  const { t, moment } = useWords()
  const found = useQuery({
    queryKey: ['doctor', 'correctable', record],
    queryFn: () => doctor.correctable(record),
    gcTime: 0,
    refetchOnWindowFocus: false,
  })
  return (
    <section className="th-correct" aria-label={t('doctor.correct.title', { title })}>
      <h3>{t('doctor.correct.title', { title })}</h3>
      {found.isPending ? (
        <Loading rows={2} />
      ) : found.isError ? (
        <Problem error={found.error} again={found.refetch} />
      ) : (
        <>
          <p>
            {found.data.storedMs === undefined
              ? t('doctor.correct.replaces.version', { version: found.data.version })
              : t('doctor.correct.replaces', { moment: moment(found.data.storedMs) })}
          </p>
          <Form patient={patient} record={record} found={found.data} onClose={onClose} />
        </>
      )}
    </section>
  )
}

interface FormProps extends Omit<CorrectProps, 'title'> {
  readonly found: Correctable
}

function Form({ patient, record, found, onClose }: FormProps): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const { version, correction: before, canBeInError } = found
  const [correction, setCorrection] = useState(before)
  const [isInError, setIsInError] = useState(false)
  const [wasTried, setWasTried] = useState(false)
  const [signing, setSigning] = useState<Signing>()
  const isChanged =
    isInError || (before !== undefined && correction !== undefined && !isSameCorrection(before, correction))
  const sign = useMutation({
    mutationFn: (change: Correction | 'in-error') => doctor.correct(patient, record, version, change, setSigning),
    onSettled: () => setSigning(undefined),
  })
  const isSigned = sign.isSuccess
  useEffect(() => {
    if (!isChanged || isSigned) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isChanged, isSigned])
  const done = () => {
    // What stands here is read again: the newest version, with its checks.
    void cache.invalidateQueries({ queryKey: ['doctor'] })
    onClose()
  }
  if (sign.isSuccess) return <Signed signed={sign.data} again={t('doctor.correct.done')} onAgain={done} />
  const problems = correction === undefined || isInError ? [] : problemsOf(visitOfCorrection(correction))
  const errorOf = (field: string): string | undefined => {
    const problem = wasTried ? problems.find((one) => one.field === field) : undefined
    return problem === undefined ? undefined : t(problem.word)
  }
  const submit = () => {
    setWasTried(true)
    if (!isChanged || problems.length > 0) return
    if (isInError) sign.mutate('in-error')
    else if (correction !== undefined) sign.mutate(correction)
  }
  return (
    <form
      className="th-fields"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      {correction === undefined ? (
        <p className="th-dimmed">{t(canBeInError ? 'doctor.correct.only-error' : 'doctor.correct.none')}</p>
      ) : isInError ? undefined : (
        <Fields correction={correction} errorOf={errorOf} onChange={setCorrection} />
      )}
      {canBeInError ? (
        <Checkbox
          label={t('doctor.correct.in-error')}
          description={t('doctor.correct.in-error.line')}
          checked={isInError}
          onChange={(event) => setIsInError(event.currentTarget.checked)}
        />
      ) : undefined}
      <p role="alert" className="th-field-error">
        {wasTried && !isChanged
          ? t('doctor.correct.unchanged')
          : problems.length > 0 && wasTried
            ? t('doctor.problem.title', { count: problems.length })
            : ''}
      </p>
      {signing === undefined ? undefined : <Recording signedMs={signing.signedMs} />}
      {sign.isError ? <Problem error={sign.error} /> : undefined}
      <div className="th-actions">
        <Button
          type="submit"
          leftSection={<IconSignature size={18} aria-hidden />}
          loading={sign.isPending}
          disabled={correction === undefined && !canBeInError}
        >
          {t('doctor.correct.sign')}
        </Button>
        <Button variant="default" onClick={onClose} disabled={sign.isPending}>
          {t('doctor.correct.keep')}
        </Button>
      </div>
    </form>
  )
}

interface FieldsProps {
  readonly correction: Correction
  readonly errorOf: (field: string) => string | undefined
  readonly onChange: (next: Correction) => void
}

function Fields({ correction, errorOf, onChange }: FieldsProps): ReactNode {
  const { t } = useWords()
  switch (correction.kind) {
    case 'observation':
      return (
        <ObservationFields
          isOnly
          entry={correction.entry}
          errorOf={errorOf}
          onChange={(entry) => (entry === undefined ? undefined : onChange({ kind: 'observation', entry }))}
        />
      )
    case 'condition':
      return (
        <ConditionFields
          isOnly
          entry={correction.entry}
          errorOf={errorOf}
          onChange={(entry) => (entry === undefined ? undefined : onChange({ kind: 'condition', entry }))}
        />
      )
    case 'medicine':
      return (
        <MedicineFields
          isOnly
          entry={correction.entry}
          errorOf={errorOf}
          onChange={(entry) => (entry === undefined ? undefined : onChange({ kind: 'medicine', entry }))}
        />
      )
    case 'note':
      return (
        <Textarea
          label={t('doctor.field.note')}
          autosize
          minRows={4}
          value={correction.text}
          error={errorOf('note') ?? errorOf('reason')}
          onChange={(event) => onChange({ kind: 'note', text: event.currentTarget.value })}
        />
      )
    case 'visit':
    default:
      return (
        <TextInput
          label={t('doctor.field.reason')}
          value={correction.reason}
          error={errorOf('reason')}
          onChange={(event) => onChange({ kind: 'visit', reason: event.currentTarget.value })}
        />
      )
  }
}
