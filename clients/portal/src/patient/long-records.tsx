/**
 * Records of a long list, in groups as in a short one: only those near the window are on the page.
 *
 * @module
 */
import { useEffect, useMemo, type ReactNode } from 'react'
import { useNearRows, type NearRow } from '../shell/near-rows.ts'
import type { Choice } from './choices.ts'
import type { RecordLine } from './patient-area.ts'
import { RecordRow } from './record-row.tsx'

const HEADING_PX = 49
const ROW_PX = 62
/** More is asked for this many lines before the end. */
const ASK_BEFORE = 20

/** Records under one heading. */
export interface RecordGroup {
  readonly name: string
  readonly items: readonly RecordLine[]
}

interface LongRecordsProps {
  readonly groups: readonly RecordGroup[]
  readonly choices: readonly Choice[]
  /** Asks for more; absent while there is nothing to ask. */
  readonly onNearEnd: (() => void) | undefined
}

interface Heading {
  readonly key: string
  readonly group: string
}

interface Entry extends Heading {
  readonly item: RecordLine
  /** Of its group, from 1. */
  readonly place: number
  readonly of: number
}

type Line = Heading | Entry

export function LongRecords({ groups, choices, onNearEnd }: LongRecordsProps): ReactNode {
  const lines = useMemo(
    () =>
      groups.flatMap(({ name, items }): readonly Line[] => [
        { key: name, group: name },
        ...items.map((item, i) => ({ key: item.record, group: name, item, place: i + 1, of: items.length })),
      ]),
    [groups],
  )
  const { place, rows, rest, measure, onFocus, onBlur } = useNearRows<HTMLDivElement>({
    count: lines.length,
    keyOf: (index) => lines[index]?.key ?? index,
    heightOf: (index) => (lines[index] !== undefined && 'item' in lines[index] ? ROW_PX : HEADING_PX),
  })
  const last = rows.at(-1)?.index ?? 0
  const isNearEnd = last >= lines.length - ASK_BEFORE
  useEffect(() => {
    if (isNearEnd) onNearEnd?.()
  }, [isNearEnd, onNearEnd])
  return (
    <div ref={place} className="th-near" onFocus={onFocus} onBlur={onBlur}>
      {sectionsOf(lines, rows).map(({ group, heading, records }) => (
        <section key={group} aria-label={group}>
          {heading === undefined ? undefined : (
            <div
              ref={measure}
              data-index={heading.index}
              className="th-near-heading"
              style={{ marginTop: heading.gap }}
            >
              <h2 className="th-group">{group}</h2>
            </div>
          )}
          <ul className="th-list">
            {records.map(({ line: { item, place: nth, of }, index, gap }) => (
              <RecordRow key={item.record} item={item} choices={choices} near={{ measure, index, gap, nth, of }} />
            ))}
          </ul>
        </section>
      ))}
      <div style={{ height: rest }} />
    </div>
  )
}

interface Section {
  readonly group: string
  readonly heading: NearRow | undefined
  readonly records: (NearRow & { readonly line: Entry })[]
}

/** Those near the window, each heading with its records; of the first group the heading may be left out. */
function sectionsOf(lines: readonly Line[], rows: readonly NearRow[]): readonly Section[] {
  const sections: Section[] = []
  for (const row of rows) {
    const line = lines[row.index]
    if (line === undefined) continue
    if (!('item' in line)) {
      sections.push({ group: line.group, heading: row, records: [] })
      continue
    }
    if (sections.length === 0) sections.push({ group: line.group, heading: undefined, records: [] })
    sections.at(-1)?.records.push({ ...row, line })
  }
  return sections
}
