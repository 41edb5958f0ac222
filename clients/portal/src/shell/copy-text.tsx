/**
 * Copies a text and says so.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'

const SHOWN_MS = 3_000

export function CopyText({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const { t } = useWords()
  const [isCopied, setIsCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setIsCopied(true)
    setTimeout(() => setIsCopied(false), SHOWN_MS)
  }
  return (
    <Button
      size="sm"
      variant="subtle"
      leftSection={isCopied ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />}
      onClick={() => void copy()}
    >
      {isCopied ? t('action.copied') : label}
    </Button>
  )
}
