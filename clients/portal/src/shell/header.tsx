/**
 * Name of the product, who acts, language, light or dark.
 *
 * @module
 */
import { Button, Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import { IconChevronDown, IconFileCheck, IconHelp, IconMoon, IconPlus, IconSun, IconUser } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useLanguage, useWords } from '../i18n/i18n.tsx'
import { OFFERED } from '../i18n/locales.ts'
import { roleOf, ROLES } from '../roles.ts'
import type { IdentityCard, ServerFacts } from '../session/core-area.ts'
import { chooseIdentity } from './active-identity.ts'

interface HeaderProps {
  readonly me?: IdentityCard
  readonly all: readonly IdentityCard[]
  readonly server?: ServerFacts
  readonly tools?: ReactNode
}

export function Header({ me, all, server, tools }: HeaderProps): ReactNode {
  const { t } = useWords()
  const [path, navigate] = useLocation()
  const hasTools = ROLES.some((row) => row.hasTools && path.startsWith(row.path))
  // Nobody registers an auditor's name.
  const name = me?.kind === 'auditor' ? t('role.who.auditor') : (me?.name ?? '')
  return (
    <header className="th-header">
      <a
        className="th-brand"
        href="/"
        onClick={(event) => {
          event.preventDefault()
          navigate(me === undefined ? '/' : (roleOf(me.kind)?.path ?? '/'))
        }}
      >
        TrustHealth
      </a>
      {hasTools ? <div className="th-tools">{tools}</div> : undefined}
      <div className="th-header-end">
        <Languages />
        <Scheme />
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button
              variant="subtle"
              size="sm"
              aria-label={me === undefined ? t('shell.menu') : t('shell.menu.of', { name })}
              rightSection={<IconChevronDown size={16} aria-hidden />}
              leftSection={<IconUser size={18} aria-hidden />}
            >
              <span className="th-who">{me === undefined ? t('shell.menu') : name}</span>
            </Button>
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
      </div>
    </header>
  )
}

const NAMES = { en: 'EN', 'zh-Hans': '中文' } as const

function Languages(): ReactNode {
  const { t } = useWords()
  const { locale, setLocale } = useLanguage()
  return (
    <div className="th-languages" role="group" aria-label={t('shell.language')}>
      {OFFERED.map((one) => (
        <UnstyledButton
          key={one}
          className="th-language"
          lang={one}
          aria-pressed={locale === one}
          onClick={() => setLocale(one)}
        >
          {NAMES[one]}
        </UnstyledButton>
      ))}
    </div>
  )
}

function Scheme(): ReactNode {
  const { t } = useWords()
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const isDark =
    colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches)
  return (
    <UnstyledButton
      className="th-scheme"
      aria-pressed={isDark}
      aria-label={t('shell.dark')}
      onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
    >
      {isDark ? <IconMoon size={18} aria-hidden /> : <IconSun size={18} aria-hidden />}
    </UnstyledButton>
  )
}
