/**
 * A measured value: digits as recorded, unit, and a flag in words beside its shape.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { Flag, Measured } from './read.ts'

const SHAPES: Readonly<Record<Flag, string>> = {
  high: '▲',
  low: '▼',
  'critical-high': '▲▲',
  'critical-low': '▼▼',
  usual: '',
  other: '◆',
  none: '',
}

export function ValueText({ measured }: { readonly measured: Measured }): ReactNode {
  const { t } = useWords()
  const { text, unit, flag } = measured
  return (
    <span className="th-value" data-flag={flag}>
      <b>
        {text}
        {unit === '' ? '' : `\u00a0${unit}`}
      </b>{' '}
      {SHAPES[flag] === '' ? undefined : (
        <span className="th-flag">
          <span aria-hidden>{SHAPES[flag]}</span> {t(`value.flag.${flag}`)}
        </span>
      )}
    </span>
  )
}

/** "Usual range: 4.0 to 5.6 %", or that none was given. */
export function RangeText({ measured }: { readonly measured: Measured }): ReactNode {
  const { t } = useWords()
  const { low, high, unit, rangeText } = measured
  if (low !== undefined && high !== undefined) return t('value.range.both', { low, high, unit })
  if (high !== undefined) return t('value.range.high', { high, unit })
  if (low !== undefined) return t('value.range.low', { low, unit })
  return rangeText === undefined ? t('value.range.none') : t('value.range.text', { range: rangeText })
}
