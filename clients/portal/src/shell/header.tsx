/**
 * Name of the product, who acts, language, light or dark.
 *
 * @module
 */
import { UnstyledButton, useMantineColorScheme } from '@mantine/core'
import { IconMoon, IconSun } from '@tabler/icons-react'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { useLanguage, useWords } from '../i18n/i18n.tsx'
import { OFFERED } from '../i18n/locales.ts'
import { roleOf, ROLES } from '../roles.ts'
import { WhoButton } from './who-button.tsx'
import type { HeaderProps } from './who-menu.tsx'

const loadMenu = async () => ({ default: (await import('./who-menu.tsx')).WhoMenu })
const WhoMenu = lazy(loadMenu)

export function Header({ me, all, server, tools }: HeaderProps & { readonly tools: ReactNode }): ReactNode {
  const [path, navigate] = useLocation()
  const hasTools = ROLES.some((row) => row.hasTools && path.startsWith(row.path))
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
        <Who all={all} me={me} server={server} />
      </div>
    </header>
  )
}

/** The button alone until somebody opens the menu. */
function Who(props: HeaderProps): ReactNode {
  const { me } = props
  const [isAsked, setIsAsked] = useState(false)
  const button = (
    <WhoButton
      me={me}
      aria-expanded={false}
      onPointerEnter={() => void loadMenu()}
      onFocus={() => void loadMenu()}
      onClick={() => setIsAsked(true)}
    />
  )
  return isAsked ? (
    <Suspense fallback={button}>
      <WhoMenu {...props} />
    </Suspense>
  ) : (
    button
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
