/**
 * A table of facts: on a phone each row becomes a card, whose lines are named by `data-label` of their cells.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

interface SheetTableProps {
  readonly caption: ReactNode
  /** Where the names of the columns are in the catalogue: `words.column`. */
  readonly words: string
  readonly columns: readonly string[]
  /** Rows. */
  readonly children: ReactNode
}

export function SheetTable({ caption, words, columns, children }: SheetTableProps): ReactNode {
  const { t } = useWords()
  return (
    <div className="th-sheet-wrap">
      <table className="th-sheet">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {t(`${words}.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
