/**
 * Other versions of the record whose seal is open, where there are any, beside the one that is shown.
 *
 * @module
 */
import { lazy, Suspense, type ReactNode } from 'react'
import type { CompareProps } from './compare.tsx'

const Compare = lazy(async () => ({ default: (await import('./compare.tsx')).Compare }))

interface CorrectionsProps extends Omit<CompareProps, 'versions'> {
  /** Undefined until they are there. */
  readonly versions: CompareProps['versions'] | undefined
}

export function Corrections({ versions, ...rest }: CorrectionsProps): ReactNode {
  if (versions === undefined || versions.length < 2) return undefined
  return (
    <Suspense>
      <Compare {...rest} versions={versions} />
    </Suspense>
  )
}
