/**
 * A sheet from the right, a full page on a phone. Its head is no `header` element: a page has one banner. What of its
 * contents has `data-autofocus` gets the focus, else what can have it first.
 *
 * @module
 */
import { lazy, Suspense, useLayoutEffect, useState, type ReactNode } from 'react'
import type { SheetProps } from './sheet-drawer.tsx'

const SheetDrawer = lazy(async () => ({ default: (await import('./sheet-drawer.tsx')).SheetDrawer }))

export function Sheet({ isOpen, onClose, title, children }: SheetProps): ReactNode {
  const [wasOpened, setWasOpened] = useState(isOpen)
  useFocusReturned(isOpen)
  if (isOpen && !wasOpened) setWasOpened(true)
  if (!wasOpened) return undefined
  return (
    <Suspense>
      <SheetDrawer isOpen={isOpen} onClose={onClose} title={title}>
        {children}
      </SheetDrawer>
    </Suspense>
  )
}

/** Gives the focus back to what had it, at once: the drawer's own way waits, and somebody may already have gone on. */
function useFocusReturned(isOpen: boolean): void {
  useLayoutEffect(() => {
    if (!isOpen) return undefined
    const before = document.activeElement
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [isOpen])
}
