/**
 * An app shows a code and asks for a person's yes: who it is, what it asks for in words, whose records; any of it can be
 * kept back. The answer is signed on this device; the app's own window goes on by itself.
 *
 * @module
 */
import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { IconCheck } from '@tabler/icons-react'
import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import type { AppRequest } from '../../../sdk/src/hospital-answers/apps.ts'
import { Problem } from '../errors/problem.tsx'
import { useLanguage, useWords } from '../i18n/i18n.tsx'
import { areaOf } from '../session/client.ts'
import { codeOfError } from '../session/portal-error.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { isForRecords, scopeWords } from './scope-words.ts'

const core = areaOf('core')
const apps = areaOf('apps')

/** @param me absent: nobody can say yes in this browser. */
export function AllowApp({ me }: { readonly me: IdentityCard | undefined }): ReactNode {
  const { t, has } = useWords()
  const { load } = useLanguage()
  const [fault, setFault] = useState<unknown>()
  useEffect(() => {
    load('apps').catch(setFault)
  }, [load])
  if (fault !== undefined) return <Problem error={fault} />
  if (!has('apps.title')) return <Loading />
  return (
    <section className="th-narrow">
      {me === undefined ? <Nobody /> : <Code key={me.id} me={me} title={t('apps.title')} />}
    </section>
  )
}

function Nobody(): ReactNode {
  const { t } = useWords()
  const [, navigate] = useLocation()
  useTitle(t('apps.title'))
  return (
    <>
      <h1>{t('apps.title')}</h1>
      <p>{t('apps.nobody')}</p>
      <code className="th-command">trusthealth app approve {location.hash.slice(1)}</code>
      <div className="th-actions">
        <Button onClick={() => navigate('/join')}>{t('welcome.action.join')}</Button>
      </div>
    </>
  )
}

function Code({ me, title }: { readonly me: IdentityCard; readonly title: string }): ReactNode {
  const { t } = useWords()
  // The fragment is sent nowhere.
  const [code, setCode] = useState(() => location.hash.slice(1))
  const [typed, setTyped] = useState('')
  const acting = useQuery({ queryKey: ['acting', me.id], queryFn: () => core.actAs(me.id), staleTime: Infinity })
  const request = useQuery({
    queryKey: ['apps', code],
    queryFn: () => apps.request(code),
    enabled: acting.isSuccess && code !== '',
    // A code that was answered is not there any more.
    refetchOnWindowFocus: false,
    staleTime: Infinity,
  })
  useTitle(title)
  if (acting.isError) return <Problem error={acting.error} again={acting.refetch} />
  if (request.data !== undefined) return <Asked me={me} request={request.data} />
  if (code !== '' && !request.isError) return <Loading />
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setCode(typed.trim())
  }
  return (
    <>
      <h1>{title}</h1>
      {request.isError ? (
        codeOfError(request.error) === 'INVITATION_UNKNOWN' ? (
          <p role="alert">{t('apps.unknown')}</p>
        ) : (
          <Problem error={request.error} again={request.refetch} />
        )
      ) : undefined}
      <form className="th-form" onSubmit={submit}>
        <TextInput
          label={t('apps.code')}
          description={t('apps.code.description')}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <div className="th-actions">
          <Button type="submit" disabled={typed.trim() === ''}>
            {t('apps.look')}
          </Button>
        </div>
      </form>
    </>
  )
}

function Asked({ me, request }: { readonly me: IdentityCard; readonly request: AppRequest }): ReactNode {
  const words = useWords()
  const { t, rich, time } = words
  const { code, app, scopes, needsPatient, patient, expiresMs } = request
  const [kept, setKept] = useState<readonly string[]>([])
  const [chosen, setChosen] = useState('')
  const patients = useQuery({ queryKey: ['apps', 'patients'], queryFn: () => apps.patients(), enabled: needsPatient })
  const given = scopes.filter((scope) => !kept.includes(scope))
  const allow = useMutation({
    mutationFn: () => apps.allow(code, { scopes: given, ...(needsPatient ? { patient: chosen } : {}) }),
  })
  const refuse = useMutation({ mutationFn: () => apps.refuse(code) })
  const name = app.name
  if (allow.isSuccess || refuse.isSuccess) {
    return (
      <div role="status">
        <h1>
          {allow.isSuccess ? <IconCheck size={28} aria-hidden /> : undefined}{' '}
          {t(allow.isSuccess ? 'apps.allowed' : 'apps.refused')}
        </h1>
        <p>{t(allow.isSuccess ? 'apps.allowed.line' : 'apps.refused.line', { name })}</p>
      </div>
    )
  }
  const records = scopes.filter(isForRecords)
  const others = [
    ...new Set(scopes.filter((scope) => !isForRecords(scope)).flatMap((scope) => scopeWords(words, scope) ?? [])),
  ]
  const isEmpty = records.length > 0 && !given.some(isForRecords)
  return (
    <>
      <h1>{t('apps.allow.title', { name })}</h1>
      <p className="th-sentence">
        {rich('apps.sentence', {
          name,
          host: app.redirectHost,
          hospital: me.hospital.name,
          whose: patient === undefined ? 'none' : patient.ref === me.ref ? 'own' : 'other',
          patient: patient?.name ?? '',
        })}
      </p>
      {needsPatient ? (
        <>
          {patients.isError ? <Problem error={patients.error} again={patients.refetch} /> : undefined}
          <NativeSelect
            label={t('apps.patient')}
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[
              { value: '', label: t('apps.patient.none') },
              ...(patients.data ?? []).map((one) => ({
                value: one.ref,
                label: `${one.name} · ${one.ref.slice(0, 8)}`,
              })),
            ]}
          />
        </>
      ) : undefined}
      {records.length === 0 ? undefined : (
        <fieldset className="th-card">
          <legend>{t('apps.asks')}</legend>
          <div className="th-choices">
            {records.map((scope) => (
              <Checkbox
                key={scope}
                label={scopeWords(words, scope)}
                description={<code>{scope}</code>}
                checked={!kept.includes(scope)}
                onChange={(event) =>
                  setKept(event.currentTarget.checked ? kept.filter((one) => one !== scope) : [...kept, scope])
                }
              />
            ))}
          </div>
        </fieldset>
      )}
      {others.length === 0 ? undefined : (
        <>
          <p>{t('apps.others')}</p>
          <ul>
            {others.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </>
      )}
      <p>{t('apps.stays', { name })}</p>
      {allow.isError ? <Problem error={allow.error} /> : undefined}
      {refuse.isError ? <Problem error={refuse.error} /> : undefined}
      <div className="th-actions">
        <Button
          loading={allow.isPending}
          disabled={isEmpty || (needsPatient && chosen === '')}
          onClick={() => allow.mutate()}
        >
          {t('apps.allow', { name })}
        </Button>
        <Button variant="default" loading={refuse.isPending} onClick={() => refuse.mutate()}>
          {t('apps.refuse')}
        </Button>
      </div>
      <p className="th-dimmed">{t('apps.until', { time: time(expiresMs) })}</p>
    </>
  )
}
