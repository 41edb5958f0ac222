/**
 * The doctor's part of the header: find a patient or a command; whether record server and shared ledger answer, and how many
 * signed visits wait on this device.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { IconCircle, IconCircleDashed, IconCircleFilled } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import type { ToolsPlace } from '../role-module.ts'
import { Palette } from '../shell/palette.tsx'
import { bornText } from './born.ts'
import { queries } from './queries.ts'

export function Tools({ commands, isServerUp }: ToolsPlace): ReactNode {
  const words = useWords()
  const [isOpen, setIsOpen] = useState(false)
  const day = useQuery(queries.day)
  const outbox = useQuery(queries.outbox)
  const rows = new Map([...(day.data?.rows ?? []), ...(day.data?.others ?? [])].map((row) => [row.patient, row]))
  const patients = [...rows.values()].map(({ patient, name, birthDate }) => ({
    label: name,
    note: birthDate === undefined ? words.t('palette.patient') : bornText(words, birthDate),
    href: `/doctor/patient/${patient}`,
  }))
  const waiting = outbox.data?.length
  const isOutboxEmpty = waiting === undefined ? undefined : waiting === 0
  return (
    <>
      <Palette isOpen={isOpen} onChange={setIsOpen} items={[...patients, ...commands]} />
      <ul className="th-lights" aria-label={words.t('doctor.light.title')}>
        <Light part="server" isGood={isServerUp} />
        <Light part="ledger" isGood={day.data?.isLedgerUp} />
        <Light part="outbox" isGood={isOutboxEmpty} count={waiting} />
      </ul>
    </>
  )
}

interface LightProps {
  readonly part: 'server' | 'ledger' | 'outbox'
  /** Undefined: not known yet. */
  readonly isGood: boolean | undefined
  readonly count?: number | undefined
}

/** The form says it as well as the colour, and words say it to who sees neither. */
function Light({ part, isGood, count }: LightProps): ReactNode {
  const { t } = useWords()
  const state = isGood === undefined ? 'unknown' : isGood ? 'good' : 'waits'
  const Mark = { unknown: IconCircleDashed, good: IconCircleFilled, waits: IconCircle }[state]
  const name = t(`doctor.light.${part}`)
  return (
    <li data-state={state}>
      <Mark size={12} aria-hidden />
      {part === 'outbox' ? <Link href="/doctor/outbox">{name}</Link> : name}
      {/* Its place is there before the number is. */}
      {part === 'outbox' ? <span className="th-light-count">{count === 0 ? '' : count}</span> : undefined}
      <span className="th-hidden">{t(`doctor.light.${part}.${state}`)}</span>
    </li>
  )
}
