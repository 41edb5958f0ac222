/**
 * This member of staff's own device, and one more: this one shows a link, the new one opens it, six digits are compared.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { CopyText } from '../shell/copy-text.tsx'
import { QrCode } from '../shell/qr-code.tsx'
import { useTitle } from '../shell/title.ts'
import { WaitingDevices } from '../shell/waiting-devices.tsx'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

const LOOK_EVERY_MS = 1_500

export function MyDevice({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t, list, date } = useWords()
  const whoAmI = useQuery(queries.me)
  useTitle(t('staff.nav.device'))
  return (
    <>
      <h1>{t('staff.nav.device')}</h1>
      <p>{t('staff.device.line')}</p>
      <dl className="th-facts">
        <div>
          <dt>{t('staff.column.name')}</dt>
          <dd>{me.name}</dd>
        </div>
        <div>
          <dt>{t('staff.column.roles')}</dt>
          <dd>{list((whoAmI.data?.staff?.roles ?? []).map((role) => t(`staff.role.${role}`)))}</dd>
        </div>
        <div>
          <dt>{t('staff.column.device')}</dt>
          <dd>
            {me.label}, {t('staff.device.since', { moment: date(me.createdMs) })} <code>{me.kid.slice(0, 8)}</code>
          </dd>
        </div>
      </dl>
      <AddDevice />
      <h2>{t('staff.device.lost')}</h2>
      <p>{t('staff.device.lost.line')}</p>
    </>
  )
}

function AddDevice(): ReactNode {
  const { t, time } = useWords()
  const link = useMutation({ mutationFn: () => staff.makeDeviceLink() })
  const waiting = useQuery({
    queryKey: ['staff', 'waiting-devices', link.data?.text],
    queryFn: () => staff.waitingDevices(),
    enabled: link.isSuccess,
    refetchInterval: LOOK_EVERY_MS,
  })
  const answer = useMutation({
    mutationFn: ({ id, yes }: { readonly id: string; readonly yes: boolean }) => staff.answerDevice(id, yes),
    onSuccess: () => link.reset(),
  })
  const address = link.data === undefined ? '' : `${location.origin}/join#${link.data.text}`
  return (
    <section aria-labelledby="add-device">
      <h2 id="add-device">{t('staff.device.add')}</h2>
      <p>{t('staff.device.add.line')}</p>
      {answer.isSuccess && link.data === undefined ? (
        <p role="status">{t(answer.variables.yes ? 'staff.device.added' : 'staff.device.refused')}</p>
      ) : undefined}
      {link.isError ? <StaffProblem error={link.error} again={() => link.mutate()} /> : undefined}
      {link.data === undefined ? (
        <div className="th-actions">
          <Button variant="default" loading={link.isPending} onClick={() => link.mutate()}>
            {t('staff.device.add')}
          </Button>
        </div>
      ) : (
        <div className="th-card">
          <p>{t('staff.device.how', { time: time(link.data.expiresMs) })}</p>
          <QrCode text={address} label={t('staff.code.qr')} />
          <p className="th-code" data-testid="link">
            {link.data.text.replaceAll(/(.{4})(?=.)/g, '$1 ')}
          </p>
          <CopyText text={address} label={t('staff.code.copy')} />
          <WaitingDevices
            devices={waiting.data ?? []}
            ask={(label) => t('staff.device.ask', { label })}
            yes={t('staff.device.yes')}
            no={t('staff.device.no')}
            isAnswering={answer.isPending}
            problem={answer.isError ? <StaffProblem error={answer.error} /> : undefined}
            onAnswer={(given) => answer.mutate(given)}
          />
        </div>
      )}
    </section>
  )
}
