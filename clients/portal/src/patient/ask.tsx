/**
 * The button that opens a message to the hospital about an access, an emergency access or a record.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { lazy, useState, type ReactNode } from 'react'
import { Sheet } from '../shell/sheet.tsx'
import type { AskProps } from './ask-message.tsx'

const AskMessage = lazy(async () => ({ default: (await import('./ask-message.tsx')).AskMessage }))

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
