/**
 * One more device: this one shows a link, as a picture and as characters; the new one opens it; six digits are compared.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { WaitingDevices } from '../shell/waiting-devices.tsx'
import { patient } from './queries.ts'

const QrCode = lazy(async () => ({ default: (await import('../shell/qr-code.tsx')).QrCode }))
const LOOK_EVERY_MS = 1_500

export function AddDevice(): ReactNode {
  const { t, time } = useWords()
  const cache = useQueryClient()
  const link = useMutation({ mutationFn: () => patient.makeDeviceLink() })
  const waiting = useQuery({
    queryKey: ['patient', 'waiting-devices', link.data?.text],
    queryFn: () => patient.waitingDevices(),
    enabled: link.isSuccess,
    refetchInterval: LOOK_EVERY_MS,
  })
  const answer = useMutation({
    mutationFn: ({ id, yes }: { readonly id: string; readonly yes: boolean }) =>
      yes ? patient.approveDevice(id) : patient.refuseDevice(id),
    onSuccess: async () => {
      link.reset()
      await cache.invalidateQueries({ queryKey: ['patient', 'keys'] })
    },
  })
  const address = link.data === undefined ? '' : `${location.origin}/join#${link.data.text}`
  return (
    <section>
      <h2>{t('device.title')}</h2>
      <p>{t('device.line')}</p>
      {link.isError ? <Problem error={link.error} again={() => link.mutate()} /> : undefined}
      {link.data === undefined ? (
        <div className="th-actions">
          <Button variant="default" loading={link.isPending} onClick={() => link.mutate()}>
            {t('device.action')}
          </Button>
        </div>
      ) : (
        <div className="th-card">
          <p>{t('device.how', { time: time(link.data.expiresMs) })}</p>
          <Suspense>
            <QrCode text={address} label={t('device.qr')} />
          </Suspense>
          <p>{t('device.type', { address: `${location.host}/join` })}</p>
          <p className="th-code">{grouped(link.data.text)}</p>
          <CopyText text={address} label={t('device.copy')} />
          <WaitingDevices
            devices={waiting.data ?? []}
            ask={(label) => t('device.ask', { label })}
            yes={t('device.yes')}
            no={t('device.no')}
            isAnswering={answer.isPending}
            problem={answer.isError ? <Problem error={answer.error} /> : undefined}
            onAnswer={(given) => answer.mutate(given)}
          />
        </div>
      )}
    </section>
  )
}

function grouped(text: string): string {
  return text.replaceAll(/(.{4})(?=.)/g, '$1 ')
}
