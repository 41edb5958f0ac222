/**
 * Ctrl K or ⌘ K, from every screen of a role: finds a person or a command and goes there. The dialog comes when it is asked
 * for.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { PaletteProps } from './palette-dialog.tsx'

const PaletteDialog = lazy(async () => ({ default: (await import('./palette-dialog.tsx')).PaletteDialog }))

export function Palette(props: PaletteProps): ReactNode {
  const { isOpen, onChange } = props
  const { t } = useWords()
  const [wasOpened, setWasOpened] = useState(false)
  if (isOpen && !wasOpened) setWasOpened(true)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return
      event.preventDefault()
      onChange(true)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [onChange])
  return (
    <>
      <Button
        size="sm"
        variant="default"
        className="th-palette-open"
        leftSection={<IconSearch size={16} aria-hidden />}
        onClick={() => onChange(true)}
      >
        <span className="th-palette-word">{t('palette.title')}</span>
        <kbd aria-hidden>{t('palette.keys')}</kbd>
      </Button>
      {wasOpened ? (
        <Suspense>
          <PaletteDialog {...props} />
        </Suspense>
      ) : undefined}
    </>
  )
}
