/**
 * The plain word behind the medical name of a result: HbA1c (blood sugar over 3 months). By its LOINC code; without one that
 * the catalogue knows there is none.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { loincOf, type Resource } from '../fhir/read.ts'
import { useWords } from '../i18n/i18n.tsx'

export function PlainWord({ resource }: { readonly resource: Resource }): ReactNode {
  const { t, has } = useWords()
  const key = `record.plain.${loincOf(resource) ?? ''}`
  return has(key) ? <span className="th-row-plain">({t(key)}) </span> : undefined
}
