/**
 * A new key after a lost device: two members of staff each see the identity document; the second one gets the code for
 * the person's new device.
 *
 * @module
 */
import { Button, Checkbox } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { Code } from './code.tsx'
import { staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

interface NewKeyProps {
  /** A patient or a doctor. */
  readonly person: string
  readonly name: string
}

export function NewKey({ person, name }: NewKeyProps): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [isSeen, setIsSeen] = useState(false)
  const line = useId()
  const confirm = useMutation({
    mutationFn: () => staff.newKey(person),
    onSuccess: (state) => {
      // The code is shown here: the list would take this part away with it.
      if (state.state === 'waiting') void cache.invalidateQueries({ queryKey: ['staff', 'rekeys'] })
    },
  })
  if (confirm.data?.state === 'ready') {
    return <Code code={confirm.data.code} expiresMs={confirm.data.expiresMs} name={name} />
  }
  if (confirm.data?.state === 'waiting') return <p role="status">{t('staff.same.second')}</p>
  return (
    <>
      <p id={line}>{t(person.startsWith('d-') ? 'staff.rekey.line.doctor' : 'staff.rekey.line', { name })}</p>
      <Checkbox
        label={t('staff.rekey.seen', { name })}
        checked={isSeen}
        onChange={(event) => setIsSeen(event.currentTarget.checked)}
      />
      {confirm.isError ? <StaffProblem error={confirm.error} /> : undefined}
      <div className="th-actions">
        <Button
          size="sm"
          variant="default"
          disabled={!isSeen}
          aria-describedby={line}
          loading={confirm.isPending}
          onClick={() => confirm.mutate()}
        >
          {t('staff.rekey.confirm')}
        </Button>
      </div>
    </>
  )
}
