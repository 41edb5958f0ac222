/**
 * What became of what was signed: recorded in a block, kept here because nothing answers, or refused, line by line.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconCheck, IconClock, IconInbox } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { SignedVisit } from './doctor-area.ts'

interface SignedProps {
  readonly signed: SignedVisit
  /** What the button says that goes on from here. */
  readonly again: string
  readonly onAgain: () => void
}

export function Signed({ signed, again, onAgain }: SignedProps): ReactNode {
  const { t, has, time, seconds, number } = useWords()
  const { signedMs, recordedMs, parts } = signed
  const block = parts.find((part) => part.block !== undefined)?.block
  return (
    <section aria-label={t('doctor.signed.title')} className="th-write">
      <h2>{t('doctor.signed.title')}</h2>
      <div role="status">
        {recordedMs === undefined ? (
          <p className="th-state" data-tone="wait">
            <IconInbox size={18} aria-hidden />
            <span>{t('doctor.signed.kept', { time: time(signedMs) })}</span>
          </p>
        ) : block === undefined ? (
          <p className="th-state" data-tone="wait">
            <IconClock size={18} aria-hidden />
            <span>{t('doctor.signed.refused', { time: time(signedMs) })}</span>
          </p>
        ) : (
          <p className="th-state" data-tone="ok">
            <IconCheck size={18} aria-hidden />
            <span>{t('doctor.signed.recorded', { time: seconds(recordedMs), block: number(block) })}</span>
          </p>
        )}
      </div>
      <ul>
        {parts.map(({ recordId, title, resourceType, code }) => (
          <li key={recordId}>
            {has(`doctor.part.${resourceType}`) ? t(`doctor.part.${resourceType}`) : resourceType} {title}
            {code === undefined ? undefined : (
              <>
                {' '}
                · {t(`error.${code}.what`)} <code>{code}</code>
              </>
            )}
          </li>
        ))}
      </ul>
      <Button variant="default" onClick={onAgain}>
        {again}
      </Button>
    </section>
  )
}
