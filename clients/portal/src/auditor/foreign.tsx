/**
 * A ledger of Hyperledger Fabric: said before anything is pressed, and wherever a list is empty for that reason.
 *
 * @module
 */
import { IconQuestionMark } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

export function Foreign(): ReactNode {
  const { t } = useWords()
  return (
    <div className="th-note">
      <IconQuestionMark size={20} aria-hidden />
      <div>
        <p>
          <b>{t('auditor.foreign.title')}</b>
        </p>
        <p>{t('auditor.foreign.line')}</p>
        <p>
          <code>trusthealth ledger verify</code>
        </p>
      </div>
    </div>
  )
}
