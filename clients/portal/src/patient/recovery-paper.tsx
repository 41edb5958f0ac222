/**
 * The recovery file as a code on paper: not seen on the screen, and the only thing on the page when it is printed. The six
 * words are not on it.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { createPortal } from 'react-dom'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { QrCode } from '../shell/qr-code.tsx'

const PIXELS = 420

export function RecoveryPaper({ file, me }: { readonly file: string; readonly me: IdentityCard }): ReactNode {
  const { t, date } = useWords()
  return createPortal(
    <section className="th-paper">
      <h1>{t('recovery.paper.title', { name: me.name })}</h1>
      <p>{t('recovery.paper.line', { hospital: me.hospital.name, date: date(Date.now()) })}</p>
      <QrCode text={file.trim()} label={t('recovery.paper.code')} pixels={PIXELS} />
      <p>{t('recovery.paper.how', { address: `${location.host}/join` })}</p>
      <p>
        <b>{t('recovery.paper.apart')}</b>
      </p>
      <p>{t('keys.never')}</p>
    </section>,
    document.body,
  )
}
