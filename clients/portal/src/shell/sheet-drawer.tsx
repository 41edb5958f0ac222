/**
 * The drawer of a sheet; loaded when the first one opens.
 *
 * @module
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Drawer.css'
import { CloseButton, Drawer } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

export interface SheetProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  /** Name of the dialog, shown small above its contents. */
  readonly title: string
  readonly children: ReactNode
}

const PHONE = '(max-width: 767px)'
const WIDTH = 480

export function SheetDrawer({ isOpen, onClose, title, children }: SheetProps): ReactNode {
  const { t } = useWords()
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
