/**
 * One number against its usual range: blocks with words, the value marked. The number, unit and range stand as text beside it.
 *
 * @module
 */
import type { ReactNode } from 'react'
import type { Measured } from '../fhir/read.ts'
import { useWords } from '../i18n/i18n.tsx'

/** How far the bar goes beyond the range, in widths of the range. */
const BEYOND = 0.6

export function RangeBar({ measured }: { readonly measured: Measured }): ReactNode {
  const { t } = useWords()
  const { number, low, high, text, unit, comparator } = measured
  if (number === undefined || comparator !== undefined || (low === undefined && high === undefined)) return undefined
  const bottom = low ?? Math.min(0, number)
  const top = high ?? Math.max(bottom * 2, number)
  const width = top - bottom
  if (!(width > 0)) return undefined
  const start = low === undefined ? bottom : Math.min(bottom - BEYOND * width, number)
  const end = high === undefined ? top : Math.max(top + BEYOND * width, number)
  const percent = (value: number) => (100 * (value - start)) / (end - start)
  return (
    <div className="th-bar" aria-hidden>
      <div className="th-bar-blocks">
        {low === undefined ? undefined : (
          <span className="th-bar-block" style={{ width: `${percent(bottom)}%` }}>
            {t('value.block.low')}
          </span>
        )}
        <span className="th-bar-block" data-usual style={{ width: `${percent(top) - percent(bottom)}%` }}>
          {t('value.block.usual')}
        </span>
        {high === undefined ? undefined : (
          <span className="th-bar-block" style={{ width: `${100 - percent(top)}%` }}>
            {t('value.block.high')}
          </span>
        )}
      </div>
      <span className="th-bar-mark" style={{ left: `${Math.min(Math.max(percent(number), 1), 99)}%` }}>
        <span>
          {text} {unit}
        </span>
      </span>
    </div>
  )
}
