/**
 * A text before and after: long ones word by word, short ones whole.
 *
 * @module
 */
import { diffWords } from 'diff'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

interface ChangedTextProps {
  readonly before: string | undefined
  readonly after: string | undefined
}

const LONG = 40

export function ChangedText({ before, after }: ChangedTextProps): ReactNode {
  const { t } = useWords()
  if (before !== undefined && after !== undefined && Math.min(before.length, after.length) >= LONG) {
    const intlSegmenter = new Intl.Segmenter(undefined, { granularity: 'word' })
    return (
      <span className="th-document">
        {diffWords(before, after, { intlSegmenter }).map(({ value, added, removed }, i) =>
          added ? <ins key={i}>{value}</ins> : removed ? <del key={i}>{value}</del> : <span key={i}>{value}</span>,
        )}
      </span>
    )
  }
  return (
    <>
      {before === undefined ? undefined : (
        <p>
          <span className="th-dimmed">{t('compare.before')}</span> <del>{before}</del>
        </p>
      )}
      {after === undefined ? undefined : (
        <p>
          <span className="th-dimmed">{t('compare.after')}</span> <ins>{after}</ins>
        </p>
      )}
    </>
  )
}
