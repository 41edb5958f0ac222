/**
 * Help: for each role what one can do and where, what the words mean, and what to do when a seal is red. Whoever acts in
 * this browser finds the own role first.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import type { ParticipantKind } from '../../../sdk/src/identity.ts'
import { useLanguage, useWords } from '../i18n/i18n.tsx'
import { areaOf } from '../session/client.ts'
import { activeIdentity } from '../shell/active-identity.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'

const core = areaOf('core')

const ROLES = ['patient', 'practitioner', 'organization', 'auditor'] as const satisfies readonly ParticipantKind[]
/** How many lines each role has in the catalogue: `help.<role>.<number>`. */
const LINES: Readonly<Record<ParticipantKind, number>> = { patient: 7, practitioner: 6, organization: 5, auditor: 4 }
const WORDS = [
  'record',
  'seal',
  'fingerprint',
  'ledger',
  'server',
  'permission',
  'access',
  'recovery',
  'practice',
] as const
/** In words only: a seal stands where checks ran, and nowhere else. */
const SEALS = ['verified', 'practice', 'recorded', 'partly', 'none', 'bad'] as const
const STEPS = [1, 2, 3, 4] as const

export function Help(): ReactNode {
  const { t, has } = useWords()
  const { load } = useLanguage()
  const [fault, setFault] = useState(false)
  useEffect(() => {
    load('help').catch(() => setFault(true))
  }, [load])
  // Nobody can act here yet: then no role is first.
  const identities = useQuery({ queryKey: ['identities'], queryFn: () => core.identities() })
  useTitle(t('shell.help'))
  if (!has('help.title')) return fault ? <p role="alert">{t('error.PORTAL_FAULT.what')}</p> : <Loading />
  const own = activeIdentity(identities.data ?? [])?.kind
  const roles = ROLES.toSorted((a, b) => Number(b === own) - Number(a === own))
  return (
    <article className="th-help">
      <h1>{t('help.title')}</h1>
      <section>
        <h2>{t('help.red.title')}</h2>
        <p>{t('help.red.line')}</p>
        <ol>
          {STEPS.map((step) => (
            <li key={step}>{t(`help.red.${step}`)}</li>
          ))}
        </ol>
      </section>
      <section>
        <h2>{t('help.can.title')}</h2>
        {roles.map((role) => (
          <details key={role} className="th-details" open={role === own || (own === undefined && role === 'patient')}>
            <summary>{t(`help.role.${role}`)}</summary>
            <ul>
              {Array.from({ length: LINES[role] }, (_, i) => (
                <li key={i}>{t(`help.${role}.${i + 1}`)}</li>
              ))}
            </ul>
          </details>
        ))}
      </section>
      <section>
        <h2>{t('help.seal.title')}</h2>
        <p>{t('help.seal.line')}</p>
        <dl className="th-facts">
          {SEALS.map((state) => (
            <div key={state}>
              <dt>{t(`help.seal.${state}`)}</dt>
              <dd>{t(`help.seal.${state}.means`)}</dd>
            </div>
          ))}
        </dl>
        <p>{t('help.seal.not')}</p>
      </section>
      <section>
        <h2>{t('help.words.title')}</h2>
        <dl className="th-facts">
          {WORDS.map((word) => (
            <div key={word}>
              <dt>{t(`help.word.${word}`)}</dt>
              <dd>{t(`help.word.${word}.means`)}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section>
        <h2>{t('help.ask.title')}</h2>
        <p>{t('help.ask.line')}</p>
      </section>
    </article>
  )
}
