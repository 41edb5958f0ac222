/**
 * In the place of a record's text when a check failed: what was found, and what a person can do. The hospital can look
 * for the record that was signed, so it is who is asked.
 *
 * @module
 */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { sealView } from '../seal/seal-view.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import { Ask } from './ask.tsx'

interface FailedCheckProps {
  readonly opened: OpenedRecord
  readonly title: string
  /** The text is shown all the same. */
  readonly onShow: () => void
}

export function FailedCheck({ opened, title, onShow }: FailedCheckProps): ReactNode {
  const words = useWords()
  const { t } = words
  const { recordId, version, report } = opened
  const { state, line } = sealView(words, report)
  const code = report.checks.find(({ result }) => result === 'fail')?.code ?? ''
  return (
    <div className="th-problem" data-tone="bad" role="alert">
      <div>
        <p>
          <b>{line}</b>
        </p>
        <p>{t(`record.hidden.${state}`)}</p>
        <p>{t('record.failed.next')}</p>
        <div className="th-actions">
          <Ask
            kind="question"
            about={{ kind: 'record', id: recordId }}
            label={t('record.failed.ask')}
            beginning={t('ask.about.record', { title, version, line, code })}
          />
          <Button size="sm" variant="default" onClick={onShow}>
            {t('record.anyway')}
          </Button>
        </div>
      </div>
    </div>
  )
}
