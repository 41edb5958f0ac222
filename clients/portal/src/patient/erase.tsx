/**
 * Destroying a record's key: shows what is lost and what stays, and asks for the record's own code.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Sheet } from '../shell/sheet.tsx'
import type { OpenedRecord } from '../session/opened-record.ts'
import { patient } from './queries.ts'

const CODE_LENGTH = 6

export function Erase({ id, opened }: { readonly id: string; readonly opened: OpenedRecord }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [, navigate] = useLocation()
  const [isOpen, setIsOpen] = useState(false)
  const [typed, setTyped] = useState('')
  const code = id.slice(-CODE_LENGTH)
  const erase = useMutation({
    mutationFn: () => patient.erase(id, opened.version),
    onSuccess: async () => {
      setIsOpen(false)
      await cache.invalidateQueries({ queryKey: ['patient'] })
      navigate('/patient')
    },
  })
  return (
    <>
      <div className="th-actions">
        <Button variant="subtle" color="bad" className="th-flush" onClick={() => setIsOpen(true)}>
          {t('erase.open')}
        </Button>
      </div>
      <Sheet isOpen={isOpen} onClose={() => setIsOpen(false)} title={t('erase.title')}>
        <h2>{t('erase.title')}</h2>
        <p>{t('erase.line')}</p>
        <p>{t('erase.stays')}</p>
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
