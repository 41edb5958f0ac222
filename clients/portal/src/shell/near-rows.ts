/**
 * The rows of a long list that are near the window: the others are not on the page, but for the one that has the focus. What
 * is left out keeps its height, so that the page scrolls as if all were there. Rows stand in the order of the list and in the
 * flow of the page: the Tab key and a screen reader go from one to the next, and further rows come as the page scrolls.
 *
 * @module
 */
import { defaultRangeExtractor, useWindowVirtualizer, type Range } from '@tanstack/react-virtual'
import { useCallback, useLayoutEffect, useRef, useState, type FocusEvent, type RefObject } from 'react'

/** Rows above and below the window. */
const FURTHER = 8

export interface NearRow {
  readonly index: number
  /** Pixels of rows that are left out before this one. */
  readonly gap: number
}

interface NearRows<E extends Element> {
  /** Of the element that holds the rows. */
  readonly place: RefObject<E | null>
  readonly rows: readonly NearRow[]
  /** Pixels of rows that are left out after the last one. */
  readonly rest: number
  /** For `ref` of each row, which also needs `data-index`. */
  readonly measure: (row: Element | null) => void
  /** For the element that holds the rows. */
  readonly onFocus: (event: FocusEvent) => void
  readonly onBlur: () => void
}

interface NearRowsOptions {
  readonly count: number
  /** The same row has the same key when others come before it. */
  readonly keyOf: (index: number) => string | number
  /** Pixels, until the row was measured. */
  readonly heightOf: (index: number) => number
}

export function useNearRows<E extends Element>({ count, keyOf, heightOf }: NearRowsOptions): NearRows<E> {
  const place = useRef<E>(null)
  const [scrollMargin, setScrollMargin] = useState(0)
  const [focused, setFocused] = useState<number>()
  const rangeExtractor = useCallback(
    (range: Range) => {
      const near = defaultRangeExtractor(range)
      if (focused === undefined || focused >= range.count || near.includes(focused)) return near
      return [...near, focused].toSorted((a, b) => a - b)
    },
    [focused],
  )
  const virtualizer = useWindowVirtualizer({
    count,
    getItemKey: keyOf,
    estimateSize: heightOf,
    overscan: FURTHER,
    scrollMargin,
    rangeExtractor,
    // Rows that come in between leave where they are those that somebody reads.
    anchorTo: 'end',
  })
  useLayoutEffect(() => {
    // What stands above may have another height by now.
    const top = place.current?.getBoundingClientRect().top
    if (top !== undefined) setScrollMargin(Math.round(top + window.scrollY))
  })
  let end = scrollMargin
  const rows = virtualizer.getVirtualItems().map((item) => {
    const gap = Math.max(0, item.start - end)
    end = item.end
    return { index: item.index, gap }
  })
  return {
    place,
    rows,
    rest: Math.max(0, scrollMargin + virtualizer.getTotalSize() - end),
    measure: virtualizer.measureElement,
    onFocus: ({ target }) => setFocused(indexOf(target)),
    onBlur: () => setFocused(undefined),
  }
}

function indexOf(target: Element): number | undefined {
  const row = target.closest('[data-index]')
  return row === null ? undefined : Number(row.getAttribute('data-index'))
}
