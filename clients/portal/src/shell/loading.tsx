/**
 * A place that fills soon. It has the height of what comes, so that nothing jumps.
 *
 * @module
 */
import { Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

export function Loading({ rows = 6 }: { readonly rows?: number }): ReactNode {
  const { t } = useWords()
  return (
    <div className="th-loading" role="status" aria-label={t('shell.loading')}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={56} radius="sm" />
      ))}
    </div>
  )
}
