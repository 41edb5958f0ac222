/**
 * Destroying a record's key: shows what is lost and what stays, and asks for the record's own code. What the law obliges a
 * hospital to keep is not asked about: the page says until when, and how to ask the hospital.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { codeOfError } from '../session/portal-error.ts'
import { Sheet } from '../shell/sheet.tsx'
import type { OpenedRecord } from '../session/opened-record.ts'
import { Ask } from './ask.tsx'
import type { KeptRecord } from './patient-area.ts'
import { patient } from './queries.ts'

const CODE_LENGTH = 6
/** Nearer than this a year alone would mislead. */
const YEAR_MS = 366 * 86_400_000

interface EraseProps {
  readonly id: string
  readonly opened: OpenedRecord
  readonly title: string
}

export function Erase({ id, opened, title }: EraseProps): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [, navigate] = useLocation()
  const [isOpen, setIsOpen] = useState(false)
  const [typed, setTyped] = useState('')
  const code = id.slice(-CODE_LENGTH)
  const look = useMutation({
    mutationFn: () => patient.retention(id, opened.version),
    retry: 1,
    // Without an answer the sheet says so, and the record server decides, which asks for itself.
    onSettled: (kept) => setIsOpen(kept === undefined || kept === null),
  })
  const erase = useMutation({
    mutationFn: () => patient.erase(id, opened.version),
    onSuccess: async () => {
      setIsOpen(false)
      navigate('/patient')
      for (const kept of ['record', 'data']) cache.removeQueries({ queryKey: ['patient', kept, id] })
      await cache.invalidateQueries({ queryKey: ['patient'] })
    },
    // Now it is known that it must be kept: by whom and until when is asked again.
    onError: (error) => (codeOfError(error) === 'RETENTION_APPLIES' ? look.mutate() : undefined),
  })
  return (
    <>
      <div className="th-actions">
        <Button
          variant="subtle"
          color="bad"
          className="th-flush"
          loading={look.isPending}
          onClick={() => look.mutate()}
        >
          {t('erase.open')}
        </Button>
      </div>
      {look.data === undefined || look.data === null ? undefined : <Kept id={id} title={title} kept={look.data} />}
      <Sheet isOpen={isOpen} onClose={() => setIsOpen(false)} title={t('erase.title')}>
        <h2>{t('erase.title')}</h2>
        <p>{t('erase.line')}</p>
        <p>{t('erase.stays')}</p>
        {look.isError ? (
          <div className="th-problem" data-tone="wait" role="status">
            <div>
              <p>{t('erase.unasked')}</p>
              <Button size="sm" variant="default" loading={look.isPending} onClick={() => look.mutate()}>
                {t('erase.unasked.again')}
              </Button>
            </div>
          </div>
        ) : undefined}
        {erase.isError ? <Problem error={erase.error} /> : undefined}
        <TextInput
          label={t('erase.code.label', { code })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <div className="th-actions">
          <Button
            color="bad"
            disabled={typed.trim().toLowerCase() !== code}
            loading={erase.isPending}
            onClick={() => erase.mutate()}
          >
            {t('erase.action')}
          </Button>
          <Button variant="default" onClick={() => setIsOpen(false)}>
            {t('erase.keep')}
          </Button>
        </div>
      </Sheet>
    </>
  )
}

function Kept({
  id,
  title,
  kept,
}: {
  readonly id: string
  readonly title: string
  readonly kept: KeptRecord
}): ReactNode {
  const { t, date, year } = useWords()
  const { hospital, untilMs } = kept
  const until = untilMs - Date.now() > YEAR_MS ? year(untilMs) : date(untilMs)
  return (
    <div role="status" className="th-state">
      <p>{t('erase.kept', { hospital, until })}</p>
      <Ask
        kind="question"
        about={{ kind: 'record', id }}
        label={t('erase.kept.ask')}
        beginning={t('ask.about.erase', { title, until })}
      />
    </div>
  )
}
