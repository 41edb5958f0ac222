/**
 * Says that this is a practice system. It cannot be closed.
 *
 * @module
 */
import { IconFlask } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

export function PracticeStrip({ isSimulated }: { readonly isSimulated: boolean }): ReactNode {
  const { t } = useWords()
  return (
    <aside className="th-strip" aria-label={t('strip.practice.name')}>
      <IconFlask size={18} aria-hidden />
      <span>{t(isSimulated ? 'strip.practice.simulated' : 'strip.practice.ledger')}</span>
    </aside>
  )
}
