/**
 * What `useWords()` gives: texts of the catalogue, and dates, times and numbers as the language writes them.
 *
 * @module
 */
import type { ReactNode } from 'react'

type Values = Readonly<Record<string, string | number | Date | undefined>>

export interface Words {
  /** The text of a key. */
  readonly t: (key: string, values?: Values) => string
  /** The same with tags: `<b>…</b>` and others in the message become elements. */
  readonly rich: (key: string, values: Readonly<Record<string, unknown>>) => ReactNode
  readonly has: (key: string) => boolean
  /** 14 Nov 2026; 14-Nov-2026 for clinicians. */
  readonly date: (timeMs: number) => string
  /** Saturday, 14 Nov 2026. */
  readonly weekday: (timeMs: number) => string
  /** Dates begin with the year. */
  readonly isYearFirst: boolean
  /** 14:03. */
  readonly time: (timeMs: number) => string
  /** 14:03:22. */
  readonly seconds: (timeMs: number) => string
  /** 14 Nov 2026, 14:03. */
  readonly moment: (timeMs: number) => string
  readonly year: (timeMs: number) => string
  /** Nov 2026. */
  readonly shortMonth: (timeMs: number) => string
  /** November 2026. */
  readonly month: (timeMs: number) => string
  readonly number: (value: number) => string
  /** "one, two and three". */
  readonly list: (items: readonly string[]) => string
}
