/**
 * The full-page stop: the server that answered is not the one that was approved. There is no way past it.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconShieldX } from '@tabler/icons-react'
import { useEffect, useRef, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { useTitle } from '../shell/title.ts'
import { errorWords } from './error-words.ts'

export function FullStop({ error, again }: { readonly error: Error; readonly again: () => void }): ReactNode {
  const words = useWords()
  const { t, moment } = words
  const { code, what, means, next } = errorWords(words, error)
  const heading = useRef<HTMLHeadingElement>(null)
  useTitle(t('stop.title'))
  useEffect(() => heading.current?.focus(), [])
  const report = [t('stop.title'), code, location.origin, moment(Date.now()), error.message].join('\n')
  return (
    <section className="th-stop" role="alert">
      <IconShieldX size={48} aria-hidden />
      <h1 ref={heading} tabIndex={-1}>
        {t('stop.title')}
      </h1>
      <p>
        {what} {means}
      </p>
      <p>{t('stop.line')}</p>
      <p>{next}</p>
      <p>
        <code>{code}</code>
      </p>
      <div className="th-actions">
        <Button onClick={again}>{t('action.again')}</Button>
        <CopyText text={report} label={t('stop.report')} />
      </div>
    </section>
  )
}
