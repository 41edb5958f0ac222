/**
 * The button with the name of who acts.
 *
 * @module
 */
import { Button, type ButtonProps } from '@mantine/core'
import { IconChevronDown, IconUser } from '@tabler/icons-react'
import type { ComponentProps, ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'

interface WhoButtonProps extends Omit<ComponentProps<'button'>, keyof ButtonProps> {
  readonly me: IdentityCard | undefined
}

export function WhoButton({ me, ...others }: WhoButtonProps): ReactNode {
  const { t } = useWords()
  // Nobody registers an auditor's name.
  const name = me?.kind === 'auditor' ? t('role.who.auditor') : (me?.name ?? '')
  return (
    <Button
      variant="subtle"
      size="sm"
      aria-label={me === undefined ? t('shell.menu') : t('shell.menu.of', { name })}
      aria-haspopup="menu"
      rightSection={<IconChevronDown size={16} aria-hidden />}
      leftSection={<IconUser size={18} aria-hidden />}
      {...others}
    >
      <span className="th-who">{me === undefined ? t('shell.menu') : name}</span>
    </Button>
  )
}
