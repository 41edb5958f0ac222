/**
 * What a permission allows now, as one short phrase.
 *
 * @module
 */
import { IconCheck, IconClock, IconLock } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { PermissionState } from './model/permission.ts'

const ICONS = { holds: IconCheck, later: IconClock, waiting: IconClock } as const

export function PermissionText({ permission }: { readonly permission: PermissionState }): ReactNode {
  const { t, moment, date, list } = useWords()
  const { state } = permission
  const Icon = state === 'holds' || state === 'later' || state === 'waiting' ? ICONS[state] : IconLock
  const tone = state === 'holds' ? 'ok' : state === 'later' || state === 'waiting' ? 'wait' : 'none'
  const words = (): string => {
    switch (permission.state) {
      case 'holds': {
        const until = date(permission.untilMs)
        if (permission.kinds.includes('*')) return t('doctor.permission.holds', { until, days: permission.days })
        return t('doctor.permission.kinds', {
          until,
          kinds: list(permission.kinds.map((kind) => t(`kind.${kind}.many`))),
        })
      }
      case 'later':
        return t('doctor.permission.later', { from: moment(permission.fromMs) })
      case 'ended':
        return t('doctor.permission.ended', { moment: moment(permission.endedMs) })
      case 'taken-back':
        return t('doctor.permission.takenback', { moment: moment(permission.takenBackMs) })
      default:
        return t(`doctor.permission.${permission.state}`)
    }
  }
  return (
    <span className="th-state" data-tone={tone} data-permission={state}>
      <Icon size={16} aria-hidden />
      <span>{words()}</span>
    </span>
  )
}
