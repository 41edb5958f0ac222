/**
 * The recovery file: made, saved, its six words written down, two of them asked for.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { IconPrinter } from '@tabler/icons-react'
import { lazy, Suspense, useState, type FormEvent, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { saveFile } from '../shell/save-file.ts'
import { patient } from './queries.ts'

const RecoveryPaper = lazy(async () => ({ default: (await import('./recovery-paper.tsx')).RecoveryPaper }))

/** Places of the words that are asked for, from 0. */
const ASKED = [1, 4] as const

export function RecoveryFile({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t, date } = useWords()
  const cache = useQueryClient()
  const [step, setStep] = useState<'idle' | 'words' | 'confirm'>('idle')
  const [typed, setTyped] = useState<readonly [string, string]>(['', ''])
  const make = useMutation({
    mutationFn: () => patient.makeRecoveryFile(),
    onSuccess: async ({ file }) => {
      saveFile('trusthealth-recovery.json', file)
      setStep('words')
      await cache.invalidateQueries({ queryKey: ['patient', 'keys'] })
    },
  })
  const words = make.data?.words ?? []
  const isRight = ASKED.every((place, i) => typed[i]?.trim().toLowerCase() === words[place])
  const confirm = useMutation({
    mutationFn: () => patient.recoverySaved(),
    onSuccess: async () => {
      setStep('idle')
      make.reset()
      await cache.invalidateQueries({ queryKey: ['identities'] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isRight) confirm.mutate()
  }
  return (
    <section>
      <h2>{t('recovery.title')}</h2>
      <p>{t('recovery.line')}</p>
      {make.isError ? <Problem error={make.error} /> : undefined}
      {step === 'idle' ? (
        <>
          <p className="th-dimmed">
            {me.recoverySavedMs === undefined
              ? t('recovery.none')
              : t('recovery.saved', { date: date(me.recoverySavedMs) })}
          </p>
          <div className="th-actions">
            <Button
              variant={me.recoverySavedMs === undefined ? 'filled' : 'default'}
              loading={make.isPending}
              onClick={() => make.mutate()}
            >
              {t(me.recoverySavedMs === undefined ? 'recovery.action' : 'recovery.again')}
            </Button>
          </div>
        </>
      ) : undefined}
      {step === 'words' ? (
        <div className="th-card">
          <p>{t('recovery.words')}</p>
          <ol className="th-words">
            {words.map((word) => (
              <li key={word}>
                <b>{word}</b>
              </li>
            ))}
          </ol>
          <div className="th-actions">
            <Button onClick={() => setStep('confirm')}>{t('recovery.written')}</Button>
            <Button
              variant="default"
              leftSection={<IconPrinter size={18} aria-hidden />}
              onClick={() => globalThis.print()}
            >
              {t('recovery.print')}
            </Button>
          </div>
          <p className="th-dimmed">{t('recovery.print.line')}</p>
          <Suspense>
            <RecoveryPaper file={make.data?.file ?? ''} me={me} />
          </Suspense>
        </div>
      ) : undefined}
      {step === 'confirm' ? (
        <form className="th-card th-form" onSubmit={submit}>
          <p>{t('recovery.confirm')}</p>
          {ASKED.map((place, i) => (
            <TextInput
              key={place}
              label={t('recovery.word', { number: place + 1 })}
              value={typed[i] ?? ''}
              onChange={(event) => {
                const { value } = event.currentTarget
                setTyped(([first, second]) => (i === 0 ? [value, second] : [first, value]))
              }}
              autoComplete="off"
              spellCheck={false}
            />
          ))}
          <div className="th-actions">
            <Button type="submit" disabled={!isRight} loading={confirm.isPending}>
              {t('recovery.done')}
            </Button>
            <Button variant="default" onClick={() => setStep('words')}>
              {t('recovery.back')}
            </Button>
          </div>
        </form>
      ) : undefined}
    </section>
  )
}
