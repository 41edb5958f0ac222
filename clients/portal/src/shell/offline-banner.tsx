/**
 * This device has no connection; what is on screen stays.
 *
 * @module
 */
import { IconWifiOff } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'

export function OfflineBanner(): ReactNode {
  const { t, time } = useWords()
  const [sinceMs, setSinceMs] = useState<number | undefined>(() => (navigator.onLine ? undefined : Date.now()))
  useEffect(() => {
    const online = () => setSinceMs(undefined)
    const offline = () => setSinceMs(Date.now())
    addEventListener('online', online)
    addEventListener('offline', offline)
    return () => {
      removeEventListener('online', online)
      removeEventListener('offline', offline)
    }
  }, [])
  if (sinceMs === undefined) return undefined
  return (
    <div className="th-banner" data-tone="wait" role="status">
      <IconWifiOff size={18} aria-hidden />
      <span>{t('offline.line', { time: time(sinceMs) })}</span>
      <Link href="/verify">{t('offline.action')}</Link>
    </div>
  )
}
