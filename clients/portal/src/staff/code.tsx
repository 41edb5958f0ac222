/**
 * A code for a person's own device: as a picture, as characters, as a link.
 *
 * @module
 */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { QrCode } from '../shell/qr-code.tsx'

interface CodeProps {
  readonly code: string
  readonly expiresMs: number
  readonly name: string
  /** For who registers one after the other. */
  readonly onAgain?: () => void
}

export function Code({ code, expiresMs, name, onAgain }: CodeProps): ReactNode {
  const { t, moment } = useWords()
  const link = `${location.origin}/join#${code}`
  return (
    <section aria-label={t('staff.code.title', { name })} role="status">
      <p>{t('staff.code.line')}</p>
      <QrCode text={link} label={t('staff.code.qr')} />
      <p className="th-code" data-testid="code">
        {code.replaceAll(/(.{4})(?=.)/g, '$1 ')}
      </p>
      <p>{t('staff.code.type', { host: location.host })}</p>
      <p className="th-dimmed">{t('staff.code.until', { moment: moment(expiresMs) })}</p>
      <div className="th-actions">
        <CopyText text={link} label={t('staff.code.copy')} />
        <Button variant="default" onClick={() => print()}>
          {t('action.print')}
        </Button>
        {onAgain === undefined ? undefined : (
          <Button variant="default" onClick={onAgain}>
            {t('staff.code.again')}
          </Button>
        )}
      </div>
    </section>
  )
}
