/**
 * One role: its catalogue, navigation and screens, loaded when it is needed.
 *
 * @module
 */
import { UnstyledButton } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { Suspense, useEffect, useState, type ReactNode } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { AwayBanner } from '../errors/away-banner.tsx'
import { DateFormProvider, useLanguage, useWords } from '../i18n/i18n.tsx'
import type { NavItem, RoleModule } from '../role-module.ts'
import type { ROLES } from '../roles.ts'
import type { IdentityCard, ServerFacts } from '../session/core-area.ts'
import { Frame, NavPlace } from './frame.tsx'
import { Loading } from './loading.tsx'

interface RoleFrameProps {
  readonly me: IdentityCard
  readonly all: readonly IdentityCard[]
  readonly server?: ServerFacts
  readonly serverError: Error | null
  readonly row: (typeof ROLES)[number]
}

/** How many entries the bar at the bottom of a phone has, beside "More". */
const BAR_ITEMS = 4

export function RoleFrame({ row, serverError, ...frame }: RoleFrameProps): ReactNode {
  const { load } = useLanguage()
  const { t } = useWords()
  const [role, setRole] = useState<RoleModule>()
  const [fault, setFault] = useState<unknown>()
  useEffect(() => {
    Promise.all([row.load(), load(row.catalogue)]).then(([module]) => setRole(module), setFault)
  }, [row, load])
  if (fault !== undefined) return <Frame {...frame}>{<Problem error={fault} />}</Frame>
  if (role === undefined) {
    return (
      <Frame {...frame} nav={<NavPlace />}>
        <Loading />
      </Frame>
    )
  }
  const { screens, nav, width, density, dates, tools } = role
  const { me } = frame
  const commands = nav.map((item) => ({
    label: t(item.label),
    note: t('palette.command'),
    href: hrefOf(row.path, item),
  }))
  const isServerUp = serverError === null ? (frame.server === undefined ? undefined : true) : false
  const first = screens.find(({ path }) => path === '')
  return (
    <Frame
      {...frame}
      width={width}
      density={density}
      tools={<DateFormProvider value={dates}>{tools?.({ commands, isServerUp })}</DateFormProvider>}
      nav={<Navigation base={row.path} nav={nav} />}
    >
      <DateFormProvider value={dates}>
        {serverError === null ? undefined : <AwayBanner error={serverError} />}
        <Suspense fallback={<Loading />}>
          <Switch>
            {screens
              .filter((screen) => screen !== first)
              .map(({ path, show }) => (
                <Route key={path} path={`${row.path}/${path}`}>
                  {(params) => show({ me, params })}
                </Route>
              ))}
            <Route>{(params) => first?.show({ me, params })}</Route>
          </Switch>
        </Suspense>
      </DateFormProvider>
    </Frame>
  )
}

function hrefOf(base: string, item: NavItem): string {
  return item.path === '' ? base : `${base}/${item.path}`
}

function Navigation({ base, nav }: { readonly base: string; readonly nav: readonly NavItem[] }): ReactNode {
  const { t } = useWords()
  const [path] = useLocation()
  const [isOpen, setIsOpen] = useState(false)
  const isCurrent = (item: NavItem) =>
    item.path === ''
      ? !nav.some((other) => other.path !== '' && path.startsWith(`${base}/${other.path}`))
      : path.startsWith(hrefOf(base, item))
  const entry = (item: NavItem, place: 'bar' | 'more') => (
    <li key={item.path} data-place={place}>
      <Link
        href={hrefOf(base, item)}
        className="th-nav-link"
        aria-current={isCurrent(item) ? 'page' : undefined}
        onClick={() => setIsOpen(false)}
      >
        <item.icon size={20} aria-hidden />
        <span>{t(item.label)}</span>
      </Link>
    </li>
  )
  const hasMore = nav.length > BAR_ITEMS
  return (
    <nav className="th-nav" aria-label={t('shell.nav')} data-open={isOpen}>
      <ul>
        {nav.map((item, i) => entry(item, i < BAR_ITEMS ? 'bar' : 'more'))}
        {hasMore ? (
          <li data-place="button">
            <UnstyledButton
              className="th-nav-link"
              data-current={nav.slice(BAR_ITEMS).some(isCurrent)}
              aria-expanded={isOpen}
              onClick={() => setIsOpen(!isOpen)}
            >
              <IconDots size={20} aria-hidden />
              <span>{t('shell.more')}</span>
            </UnstyledButton>
          </li>
        ) : undefined}
      </ul>
    </nav>
  )
}
