/**
 * A reference by its short name and a bar of its own colour; the whole stands in the title and is what is copied.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { hueOf, shortOf } from './short-name.ts'

const WIDTH = 4
const HEIGHT = 16

export function RefName({ value }: { readonly value: string }): ReactNode {
  return (
    <span className="th-ref" title={value}>
      <svg width={WIDTH} height={HEIGHT} aria-hidden>
        <rect width={WIDTH} height={HEIGHT} rx={2} fill={`hsl(${hueOf(value)} 60% 50%)`} />
      </svg>
      <code>{shortOf(value)}</code>
    </span>
  )
}
