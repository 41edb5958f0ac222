/**
 * Header, strip about the server, main part.
 *
 * @module
 */
import type { ReactNode } from 'react'
import type { IdentityCard, ServerFacts } from '../session/core-area.ts'
import { useWords } from '../i18n/i18n.tsx'
import { Header } from './header.tsx'
import { OfflineBanner } from './offline-banner.tsx'
import { PracticeStrip } from './practice-strip.tsx'

export interface FrameProps {
  readonly me?: IdentityCard
  readonly all?: readonly IdentityCard[]
  readonly server?: ServerFacts
  readonly nav?: ReactNode
  /** Of the role, in the header. */
  readonly tools?: ReactNode
  readonly width?: 'narrow' | 'full'
  readonly density?: 'comfortable' | 'compact'
  readonly children: ReactNode
}

/** Room for the navigation while it is loaded, so that nothing moves when it comes. */
export function NavPlace(): ReactNode {
  return <div className="th-nav" aria-hidden />
}

export function Frame({
  me,
  all = [],
  server,
  nav,
  tools,
  width = 'narrow',
  density = 'comfortable',
  children,
}: FrameProps): ReactNode {
  const { t } = useWords()
  const isPractice = server === undefined ? me?.practice === true : server.simulated || server.ledgerIsPractice
  return (
    <div className="th-frame" data-width={width} data-density={density}>
      <a className="th-skip" href="#main">
        {t('shell.skip')}
      </a>
      <Header all={all} me={me} server={server} tools={tools} />
      {isPractice ? <PracticeStrip isSimulated={server?.simulated ?? true} /> : undefined}
      <OfflineBanner />
      <div className="th-body">
        {nav}
        <main id="main" className="th-main" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  )
}
