/**
 * The menu of who acts: others of this browser, the pages that need nobody. Loaded when it is first opened, and then open.
 *
 * @module
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Popover.css'
import '@mantine/core/styles/Menu.css'
import { Menu } from '@mantine/core'
import { IconFileCheck, IconHelp, IconPlus, IconUser } from '@tabler/icons-react'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard, ServerFacts } from '../session/core-area.ts'
import { chooseIdentity } from './active-identity.ts'
import { WhoButton } from './who-button.tsx'

export interface HeaderProps {
  readonly me: IdentityCard | undefined
  readonly all: readonly IdentityCard[]
  readonly server: ServerFacts | undefined
}

export function WhoMenu({ me, all, server }: HeaderProps): ReactNode {
  const { t } = useWords()
  const [, navigate] = useLocation()
  const [isOpen, setIsOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    // It took the place of the button that had the focus; the focus comes back here when the menu closes.
    button.current?.focus()
    setIsOpen(true)
  }, [])
  return (
    <Menu position="bottom-end" withinPortal opened={isOpen} onChange={setIsOpen}>
      <Menu.Target>
        <WhoButton me={me} ref={button} />
      </Menu.Target>
      <Menu.Dropdown>
        {me === undefined ? undefined : (
          <>
            <Menu.Label>{t(`role.${me.kind}`, { hospital: me.hospital.name })}</Menu.Label>
            {server === undefined ? undefined : (
              <Menu.Label>
                {t(server.simulated ? 'shell.server.simulated' : 'shell.server.hardware', {
                  program: `${server.measurement.slice(0, 4)}…${server.measurement.slice(-2)}`,
                })}
              </Menu.Label>
            )}
            <Menu.Divider />
          </>
        )}
        {all
          .filter(({ id }) => id !== me?.id)
          .map((other) => (
            <Menu.Item
              key={other.id}
              leftSection={<IconUser size={18} aria-hidden />}
              onClick={() => {
                chooseIdentity(other.id)
                location.assign('/')
              }}
            >
              {t('shell.switch', { name: other.name, role: t(`role.short.${other.kind}`) })}
            </Menu.Item>
          ))}
        <Menu.Item leftSection={<IconPlus size={18} aria-hidden />} onClick={() => navigate('/join')}>
          {t('shell.join')}
        </Menu.Item>
        <Menu.Item leftSection={<IconFileCheck size={18} aria-hidden />} onClick={() => navigate('/verify')}>
          {t('shell.verify')}
        </Menu.Item>
        <Menu.Item leftSection={<IconHelp size={18} aria-hidden />} onClick={() => navigate('/help')}>
          {t('shell.help')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
