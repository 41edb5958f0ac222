/**
 * The button that opens a message to the hospital about an access, an emergency access or a record.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { lazy, useState, type ReactNode } from 'react'
import type { NewQuestion } from '../../../sdk/src/hospital-answers/reviews.ts'
import { Sheet } from '../shell/sheet.tsx'

const AskMessage = lazy(async () => ({ default: (await import('./ask-message.tsx')).AskMessage }))

export interface AskProps extends Pick<NewQuestion, 'kind' | 'about'> {
  /** Of the button that opens it. */
  readonly label: string
  /** What the message begins with: what it is about. */
  readonly beginning: string
  readonly size?: 'sm' | 'compact-sm'
  readonly variant?: 'default' | 'subtle'
}

export function Ask({ label, ...about }: AskProps): ReactNode {
  const { size = 'sm', variant = 'default' } = about
  const [isOpen, setIsOpen] = useState(false)
  return (
    <>
      <Button size={size} variant={variant} className="th-ask" onClick={() => setIsOpen(true)}>
        {label}
      </Button>
      <Sheet isOpen={isOpen} onClose={() => setIsOpen(false)} title={label}>
        <AskMessage {...about} title={label} onClose={() => setIsOpen(false)} />
      </Sheet>
    </>
  )
}
