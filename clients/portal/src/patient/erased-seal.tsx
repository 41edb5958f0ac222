/**
 * In the place of a record's seal where the record server says that the record was erased: the marker that stays is read
 * and checked, and only then the seal says so.
 *
 * @module
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { SealPanel } from '../seal/seal-panel.tsx'
import { Seal } from '../seal/seal.tsx'
import { patient, queries } from './queries.ts'

interface ErasedSealProps {
  readonly id: string
  /** Not before the row is in sight. */
  readonly isAsked: boolean
}

export function ErasedSeal({ id, isAsked }: ErasedSealProps): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [isOpen, setIsOpen] = useState(false)
  const { queryKey } = queries.erased(id)
  const erased = useQuery({ ...queries.erased(id), enabled: isAsked })
  const again = useMutation({
    mutationFn: () => patient.erased(id),
    onSuccess: (fresh) => cache.setQueryData(queryKey, fresh),
  })
  const title = t('record.title')
  if (erased.isError) {
    return (
      <span className="th-seal" data-tone="none" data-state="not-checked">
        {t('record.unread')}
      </span>
    )
  }
  return (
    <>
      <Seal report={erased.data?.report} isRunning={!erased.isSuccess} title={title} onOpen={() => setIsOpen(true)} />
      {erased.data === undefined ? undefined : (
        <SealPanel
          isOpen={isOpen}
          onClose={() => setIsOpen(false)}
          report={erased.data.report}
          isRunning={again.isPending}
          onCheckAgain={() => again.mutate()}
          facts={{
            title,
            authorName: '',
            hospitalName: '',
            dateMs: erased.data.writtenMs,
            details: erased.data.details,
          }}
        >
          {again.isError ? <Problem error={again.error} /> : undefined}
        </SealPanel>
      )}
    </>
  )
}
