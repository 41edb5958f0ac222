/**
 * What was signed and has not been taken yet: encrypted on this device until it is sent again, or refused and looked at.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconSend } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { doctor, queries } from './queries.ts'

export function Outbox(): ReactNode {
  const { t, moment } = useWords()
  const cache = useQueryClient()
  const outbox = useQuery(queries.outbox)
  const send = useMutation({
    mutationFn: () => doctor.sendWaiting(),
    onSettled: () => void cache.invalidateQueries({ queryKey: ['doctor'] }),
  })
  useTitle(t('doctor.nav.outbox'))
  return (
    <>
      <h1>{t('doctor.nav.outbox')}</h1>
      <p>{t('doctor.outbox.line')}</p>
      {outbox.isPending ? <Loading rows={3} /> : undefined}
      {outbox.isError ? <Problem error={outbox.error} again={outbox.refetch} /> : undefined}
      {outbox.data === undefined ? undefined : outbox.data.length === 0 ? (
        <div className="th-empty">{t('doctor.outbox.empty')}</div>
      ) : (
        <>
          <ul>
            {outbox.data.map(({ id, name, signedMs, count }) => (
              <li key={id}>{t('doctor.outbox.item', { name, count, moment: moment(signedMs) })}</li>
            ))}
          </ul>
          {send.isError ? <Problem error={send.error} /> : undefined}
          <Button
            leftSection={<IconSend size={18} aria-hidden />}
            loading={send.isPending}
            onClick={() => send.mutate()}
          >
            {t('doctor.outbox.send')}
          </Button>
        </>
      )}
    </>
  )
}
