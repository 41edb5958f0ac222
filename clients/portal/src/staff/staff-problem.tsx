/**
 * An error on a screen of staff. What the member's role does not include is no fault: it is said quietly, with who can
 * change it.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import type { ComponentProps, ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { codeOfError } from '../session/portal-error.ts'
import { queries } from './queries.ts'

const BEYOND_ROLE: ReadonlySet<string> = new Set(['TEE_FORBIDDEN', 'FHIR_FORBIDDEN'])

export function StaffProblem(props: ComponentProps<typeof Problem>): ReactNode {
  return isBeyondRole(props.error) ? <BeyondRole /> : <Problem {...props} />
}

export function isBeyondRole(error: unknown): boolean {
  return BEYOND_ROLE.has(codeOfError(error))
}

function BeyondRole(): ReactNode {
  const { t, list } = useWords()
  const me = useQuery(queries.me)
  const roles = (me.data?.staff?.roles ?? []).map((role) => t(`staff.role.${role}`))
  return (
    <div className="th-note" role="status">
      <div>
        <p>
          <b>{t('staff.beyond.title')}</b>
        </p>
        <p>{t('staff.beyond.line', { roles: list(roles) })}</p>
      </div>
    </div>
  )
}
