/**
 * Nobody can act in this browser yet.
 *
 * @module
 */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import { useTitle } from './title.ts'

export function Welcome(): ReactNode {
  const { t } = useWords()
  const [, navigate] = useLocation()
  useTitle(t('welcome.title'))
  return (
    <section className="th-narrow">
      <h1>{t('welcome.title')}</h1>
      <p>{t('welcome.line')}</p>
      <p>{t('welcome.how')}</p>
      <div className="th-actions">
        <Button onClick={() => navigate('/join')}>{t('welcome.action.join')}</Button>
        <Button variant="default" onClick={() => navigate('/verify')}>
          {t('welcome.action.verify')}
        </Button>
      </div>
    </section>
  )
}
