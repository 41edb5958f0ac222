/**
 * A message to the hospital about an access, an emergency access or a record. What it is about is written already; the
 * hospital's staff answer under Messages.
 *
 * @module
 */
import { Button, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import type { NewQuestion } from '../../../sdk/src/hospital-answers/reviews.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { patient } from './queries.ts'

/** With what it is about it has at most the 2,048 that the hospital takes. */
const MAX_CHARACTERS = 1_500

export interface AskProps extends Pick<NewQuestion, 'kind' | 'about'> {
  /** Of the button that opens it. */
  readonly label: string
  /** What the message begins with: what it is about. */
  readonly beginning: string
  readonly size?: 'sm' | 'compact-sm'
  readonly variant?: 'default' | 'subtle'
}

export function AskMessage({
  kind,
  about,
  beginning,
  title,
  onClose,
}: Pick<AskProps, 'kind' | 'about' | 'beginning'> & {
  readonly title: string
  readonly onClose: () => void
}): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [text, setText] = useState('')
  const send = useMutation({
    mutationFn: () => patient.ask({ kind, about, text: `${beginning}\n${text}`.trim() }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient', 'questions'] }),
  })
  if (send.isSuccess) {
    return (
      <>
        <h2>{title}</h2>
        <p role="status">{t('ask.sent')}</p>
        <div className="th-actions">
          <Button component={Link} href="/patient/messages" data-autofocus>
            {t('ask.sent.action')}
          </Button>
          <Button variant="default" onClick={onClose}>
            {t('action.close')}
          </Button>
        </div>
      </>
    )
  }
  return (
    <>
      <h2>{title}</h2>
      <p>{t(`ask.line.${kind}`)}</p>
      {send.isError ? <Problem error={send.error} /> : undefined}
      <blockquote className="th-quote">{beginning}</blockquote>
      <Textarea
        data-autofocus
        label={t('ask.text')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        maxLength={MAX_CHARACTERS}
        autosize
        minRows={4}
        mb="sm"
      />
      <div className="th-actions">
        <Button
          disabled={kind === 'question' && text.trim() === ''}
          loading={send.isPending}
          onClick={() => send.mutate()}
        >
          {t('ask.action')}
        </Button>
        <Button variant="default" onClick={onClose}>
          {t('ask.keep')}
        </Button>
      </div>
    </>
  )
}
