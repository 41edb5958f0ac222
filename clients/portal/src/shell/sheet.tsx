/**
 * A sheet from the right, a full page on a phone. Its head is no `header` element: a page has one banner. What of its
 * contents has `data-autofocus` gets the focus, else what can have it first.
 *
 * @module
 */
import { CloseButton, Drawer } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { type ReactNode, useLayoutEffect } from 'react'
import { useWords } from '../i18n/i18n.tsx'

interface SheetProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  /** Name of the dialog, shown small above its contents. */
  readonly title: string
  readonly children: ReactNode
}

const PHONE = '(max-width: 767px)'
const WIDTH = 480

export function Sheet({ isOpen, onClose, title, children }: SheetProps): ReactNode {
  const { t } = useWords()
  useFocusReturned(isOpen)
  const isPhone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false })
  return (
    <Drawer.Root
      opened={isOpen}
      onClose={onClose}
      position="right"
      size={isPhone ? '100%' : WIDTH}
      lockScroll={false}
      returnFocus={false}
    >
      <Drawer.Overlay />
      <Drawer.Content aria-label={title}>
        <Drawer.Body>
          <div className="th-sheet-head">
            <span className="th-panel-over">{title}</span>
            <CloseButton aria-label={t('action.close')} onClick={onClose} size="lg" />
          </div>
          {children}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
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
