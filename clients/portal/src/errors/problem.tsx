/**
 * One error: what happened, what it means, what to do next, and its code to copy.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { errorWords, isAway } from './error-words.ts'

interface ProblemProps {
  readonly error: unknown
  /** Asks again. */
  readonly again?: () => unknown
}

export function Problem({ error, again }: ProblemProps): ReactNode {
  const words = useWords()
  const { code, what, means, next } = errorWords(words, error)
  const away = isAway(error)
  return (
    <section className="th-problem" data-tone={away ? 'wait' : 'bad'} role={away ? 'status' : 'alert'}>
      {away ? <IconPlugConnectedX size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
      <div>
        <p>
          <b>{what}</b>
        </p>
        <p>{means}</p>
        <p>{next}</p>
        <div className="th-actions">
          {again === undefined ? undefined : (
            <Button size="sm" variant="default" onClick={() => again()}>
              {words.t('action.again')}
            </Button>
          )}
          <CopyText text={code} label={words.t('action.copy.code')} />
        </div>
      </div>
    </section>
  )
}
