/**
 * The dialog of Ctrl K. Arrows choose, Enter goes, Esc closes.
 *
 * @module
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Modal.css'
import { Modal, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useId, useState, type KeyboardEvent as Key, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import { matching, type Found } from './matching.ts'

export interface PaletteProps {
  readonly isOpen: boolean
  readonly onChange: (isOpen: boolean) => void
  /** People first, then commands. */
  readonly items: readonly Found[]
}

export function PaletteDialog({ isOpen, onChange, items }: PaletteProps): ReactNode {
  const { t } = useWords()
  return (
    <Modal.Root opened={isOpen} onClose={() => onChange(false)} size="lg" lockScroll={false}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Modal.Header: a second header element would be a second banner of the page. */}
        <div className="th-dialog-head">
          <Modal.Title>{t('palette.title')}</Modal.Title>
          <Modal.CloseButton aria-label={t('action.close')} />
        </div>
        <Modal.Body>
          <Search items={items} onDone={() => onChange(false)} />
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

function Search({ items, onDone }: { readonly items: readonly Found[]; readonly onDone: () => void }): ReactNode {
  const { t } = useWords()
  const [, navigate] = useLocation()
  const [wanted, setWanted] = useState('')
  const [place, setPlace] = useState(0)
  const listId = useId()
  const found = matching(items, wanted)
  const chosen = Math.min(place, found.length - 1)
  const go = (one: Found | undefined) => {
    if (one === undefined) return
    onDone()
    navigate(one.href)
  }
  const onKey = (event: Key) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 } as Readonly<Record<string, number>>
    const step = steps[event.key]
    if (event.key === 'Enter') go(found[chosen])
    else if (step !== undefined && found.length > 0) setPlace((chosen + step + found.length) % found.length)
    else return
    event.preventDefault()
  }
  return (
    <>
      <TextInput
        data-autofocus
        role="combobox"
        aria-label={t('palette.title')}
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={found.length === 0 ? undefined : `${listId}-${chosen}`}
        autoComplete="off"
        leftSection={<IconSearch size={18} aria-hidden />}
        value={wanted}
        onChange={(event) => {
          setWanted(event.currentTarget.value)
          setPlace(0)
        }}
        onKeyDown={onKey}
      />
      <ul className="th-palette" id={listId} role="listbox" aria-label={t('palette.found')}>
        {found.map((one, i) => (
          // The keys of an option are those of the field, which keeps the focus.
          <li key={one.href} id={`${listId}-${i}`} role="option" aria-selected={i === chosen} onClick={() => go(one)}>
            <span>{one.label}</span>
            <span className="th-dimmed">{one.note}</span>
          </li>
        ))}
      </ul>
      <p role="status" className="th-dimmed">
        {found.length === 0 ? t('palette.none', { wanted }) : t('palette.count', { count: found.length })}
      </p>
    </>
  )
}
