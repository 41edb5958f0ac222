/**
 * Between signing and the answer: signed, and on its way into the shared ledger and to the record server. Normally it takes
 * seconds, which are counted for who watches and not said aloud.
 *
 * @module
 */
import { IconClockShield } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

const SECOND_MS = 1_000

export function Recording({ signedMs }: { readonly signedMs: number }): ReactNode {
  const { t, time, number } = useWords()
  const [nowMs, setNowMs] = useState(signedMs)
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), SECOND_MS)
    return () => clearInterval(timer)
  }, [])
  const seconds = Math.max(0, Math.floor((nowMs - signedMs) / SECOND_MS))
  return (
    <p className="th-state" data-tone="wait">
      <IconClockShield size={18} aria-hidden />
      <span role="status">{t('doctor.signed.recording', { time: time(signedMs) })}</span>
      <span aria-hidden>{t('doctor.signed.seconds', { seconds: number(seconds) })}</span>
    </p>
  )
}
