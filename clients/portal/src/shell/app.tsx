/**
 * The page around every role: header, who acts, the strip about the server, navigation; and the pages that need nobody:
 * joining with a code, checking a downloaded file, help.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, type ReactNode } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { FullStop } from '../errors/full-stop.tsx'
import { isWrongServer } from '../errors/error-words.ts'
import { Problem } from '../errors/problem.tsx'
import { areaOf } from '../session/client.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { roleOf } from '../roles.ts'
import { activeIdentity, chooseIdentity, hasActed } from './active-identity.ts'
import { Frame, NavPlace } from './frame.tsx'
import { Loading } from './loading.tsx'
import { RoleFrame } from './role-frame.tsx'
import { Welcome } from './welcome.tsx'

const Join = lazy(async () => ({ default: (await import('../join/join.tsx')).Join }))
const VerifyFile = lazy(async () => ({ default: (await import('../verify-file/verify-file.tsx')).VerifyFile }))

const Help = lazy(async () => ({ default: (await import('../help/help.tsx')).Help }))

const AllowApp = lazy(async () => ({ default: (await import('../apps/allow-app.tsx')).AllowApp }))

const core = areaOf('core')

export function App(): ReactNode {
  return (
    <Switch>
      <Route path="/join">
        <Frame>
          <Suspense fallback={<Loading />}>
            <Join />
          </Suspense>
        </Frame>
      </Route>
      <Route path="/verify">
        <Frame>
          <Suspense fallback={<Loading />}>
            <VerifyFile />
          </Suspense>
        </Frame>
      </Route>
      <Route path="/help">
        <Frame>
          <Suspense fallback={<Loading />}>
            <Help />
          </Suspense>
        </Frame>
      </Route>
      <Route path="/approve">
        <Approving />
      </Route>
      <Route>
        <SignedIn />
      </Route>
    </Switch>
  )
}

/** An app's own page leads here, in a tab of its own. */
function Approving(): ReactNode {
  const identities = useQuery({ queryKey: ['identities'], queryFn: () => core.identities() })
  if (identities.isPending) return <Frame>{<Loading />}</Frame>
  if (identities.isError) return <Frame>{<Problem error={identities.error} again={identities.refetch} />}</Frame>
  const me = activeIdentity(identities.data)
  return (
    <Frame all={identities.data} {...(me === undefined ? {} : { me })}>
      <Suspense fallback={<Loading />}>
        <AllowApp me={me} />
      </Suspense>
    </Frame>
  )
}

function SignedIn(): ReactNode {
  const identities = useQuery({ queryKey: ['identities'], queryFn: () => core.identities() })
  if (identities.isPending) return <Frame nav={hasActed() ? <NavPlace /> : undefined}>{<Loading />}</Frame>
  if (identities.isError) return <Frame>{<Problem error={identities.error} again={identities.refetch} />}</Frame>
  const me = activeIdentity(identities.data)
  if (me === undefined) {
    return (
      <Frame>
        <Welcome />
      </Frame>
    )
  }
  return <Acting key={me.id} me={me} all={identities.data} />
}

/** Makes the identity act, proves the server, then shows the role. */
function Acting({ me, all }: { readonly me: IdentityCard; readonly all: readonly IdentityCard[] }): ReactNode {
  const [path, navigate] = useLocation()
  const acting = useQuery({
    queryKey: ['acting', me.id],
    queryFn: () => core.actAs(me.id),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  })
  const server = useQuery({
    queryKey: ['server', me.id],
    queryFn: () => core.server(),
    enabled: acting.isSuccess && (me.kind === 'patient' || me.kind === 'practitioner'),
    staleTime: 60_000,
  })
  const role = roleOf(me.kind)
  useEffect(() => chooseIdentity(me.id), [me.id])
  useEffect(() => {
    if (role !== undefined && !path.startsWith(role.path)) navigate(role.path, { replace: true })
  }, [role, path, navigate])
  const wrong = [acting.error, server.error].find((error) => error !== null && isWrongServer(error))
  const frame = { me, all, ...(server.data === undefined ? {} : { server: server.data }) }
  if (wrong !== undefined && wrong !== null) {
    return (
      <Frame {...frame}>
        <FullStop error={wrong} again={() => void Promise.all([acting.refetch(), server.refetch()])} />
      </Frame>
    )
  }
  if (acting.isError) {
    return (
      <Frame {...frame}>
        <Problem error={acting.error} again={acting.refetch} />
      </Frame>
    )
  }
  if (acting.isPending || role === undefined) {
    return (
      <Frame {...frame} nav={<NavPlace />}>
        <Loading />
      </Frame>
    )
  }
  return <RoleFrame {...frame} row={role} serverError={server.error} />
}
