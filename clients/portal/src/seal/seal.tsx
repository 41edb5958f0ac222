/**
 * The integrity seal: a button with its word beside its icon. Green exists only for checks that ran in this tab.
 *
 * @module
 */
import { UnstyledButton } from '@mantine/core'
import {
  IconClockShield,
  IconFileShredder,
  IconFlask,
  IconHistory,
  IconShieldCheck,
  IconShieldHalf,
  IconShieldQuestion,
  IconShieldX,
  type Icon,
} from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { SealInput, SealState } from '../../../sdk/src/seal.ts'
import { useWords } from '../i18n/i18n.tsx'
import { sealView } from './seal-view.ts'

const ICONS: Readonly<Record<SealState, Icon>> = {
  wrong: IconShieldX,
  'old-copy': IconHistory,
  'split-view': IconShieldX,
  'not-fully-checked': IconShieldQuestion,
  'not-checked': IconShieldQuestion,
  'being-recorded': IconClockShield,
  'checked-earlier': IconShieldHalf,
  replaced: IconHistory,
  erased: IconFileShredder,
  verified: IconShieldCheck,
}

interface SealProps {
  /** Absent: nothing has run. */
  readonly report: SealInput | undefined
  /** The checks are running now. */
  readonly isRunning?: boolean
  /** Short name of the record, for who cannot see it. */
  readonly title: string
  /** The short word, for tables. */
  readonly isShort?: boolean
  readonly onOpen: () => void
}

export function Seal({ report, isRunning = false, title, isShort = false, onOpen }: SealProps): ReactNode {
  const words = useWords()
  const view = sealView(words, report)
  if (isRunning && report === undefined) {
    return (
      <span className="th-seal" data-tone="none" data-state="running">
        <IconShieldQuestion size={18} aria-hidden />
        <span>{words.t('seal.running')}</span>
      </span>
    )
  }
  const Shown = view.isPractice ? IconFlask : ICONS[view.state]
  return (
    <UnstyledButton
      className="th-seal"
      data-tone={view.tone}
      data-state={view.state}
      onClick={onOpen}
      aria-label={words.t('seal.open', { word: view.word, title })}
    >
      <Shown size={18} aria-hidden />
      <span>{isShort ? view.short : view.word}</span>
    </UnstyledButton>
  )
}

/** "12 verified unchanged, 1 not fully checked": one line for a list. */
export function SealSummary({ reports }: { readonly reports: readonly (SealInput | undefined)[] }): ReactNode {
  const words = useWords()
  const counts = new Map<SealState, number>()
  for (const report of reports) {
    const { state } = sealView(words, report)
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  const parts = [...counts].map(([state, count]) => words.t(`seal.${state}.count`, { count }))
  return (
    <p className="th-dimmed" role="status">
      {words.list(parts)}
    </p>
  )
}
