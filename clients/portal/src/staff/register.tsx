/**
 * Registering somebody: what the front desk writes down, who may be the same already, then a code and a QR for the person's
 * own device, which makes the key. For a lost key two members of staff see the person's identity.
 *
 * @module
 */
import { Button, Checkbox, SegmentedControl, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { CopyText } from '../shell/copy-text.tsx'
import { QrCode } from '../shell/qr-code.tsx'
import { useTitle } from '../shell/title.ts'
import {
  birthDateOf,
  EMPTY_REGISTRATION,
  findSame,
  registrationProblems,
  type RegistrationForm,
} from './model/registration.ts'
import { queries, staff } from './queries.ts'

const KINDS = ['patient', 'practitioner', 'staff'] as const

export function Register({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [form, setForm] = useState<RegistrationForm>(EMPTY_REGISTRATION)
  const [wasTried, setWasTried] = useState(false)
  const patients = useQuery(queries.patients)
  useTitle(t('staff.nav.register'))
  const invite = useMutation({
    mutationFn: () => staff.invite(invitationOf(form, me.name)),
    onSuccess: () => void cache.invalidateQueries({ queryKey: ['staff'] }),
  })
  const change = (changes: Partial<RegistrationForm>) => setForm({ ...form, ...changes })
  const problems = wasTried ? registrationProblems(form) : []
  const errorOf = (field: string) => (problems.some((one) => one === field) ? t(`staff.problem.${field}`) : undefined)
  const known = (patients.data ?? []).map(({ ref, name, details }) => ({
    ref,
    name,
    birthDate: typeof details['birthDate'] === 'string' ? details['birthDate'] : undefined,
  }))
  const same = form.kind === 'patient' ? findSame(form, known) : []
  if (invite.isSuccess) {
    return (
      <Code
        code={invite.data.code}
        expiresMs={invite.data.expiresMs}
        name={form.name}
        onAgain={() => {
          invite.reset()
          setForm({ ...EMPTY_REGISTRATION, kind: form.kind })
          setWasTried(false)
        }}
      />
    )
  }
  return (
    <>
      <h1>{t('staff.nav.register')}</h1>
      <form
        className="th-fields"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setWasTried(true)
          if (registrationProblems(form).length === 0) invite.mutate()
        }}
      >
        <SegmentedControl
          aria-label={t('staff.register.kind')}
          value={form.kind}
          onChange={(kind) => change({ kind })}
          data={KINDS.map((kind) => ({ value: kind, label: t(`staff.kind.${kind}`) }))}
        />
        <TextInput
          label={t('staff.register.name')}
          autoComplete="off"
          value={form.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={errorOf('name')}
        />
        {form.kind === 'patient' ? (
          <fieldset className="th-group-fields">
            <legend>{t('staff.register.birth')}</legend>
            <div className="th-fields-row">
              {(['day', 'month', 'year'] as const).map((part) => (
                <TextInput
                  key={part}
                  label={t(`staff.register.${part}`)}
                  inputMode="numeric"
                  value={form[part]}
                  onChange={(event) => change({ [part]: event.currentTarget.value })}
                  error={part === 'day' ? errorOf('birth') : undefined}
                />
              ))}
            </div>
          </fieldset>
        ) : undefined}
        {form.kind === 'patient' ? (
          <TextInput
            label={t('staff.register.contact')}
            description={t('staff.register.contact.line')}
            value={form.contact}
            onChange={(event) => change({ contact: event.currentTarget.value })}
          />
        ) : undefined}
        {form.kind === 'practitioner' ? (
          <>
            <TextInput
              label={t('staff.register.department')}
              value={form.department}
              onChange={(event) => change({ department: event.currentTarget.value })}
              error={errorOf('department')}
            />
            <Checkbox
              label={t('staff.register.emergency')}
              checked={form.emergency}
              onChange={(event) => change({ emergency: event.currentTarget.checked })}
            />
          </>
        ) : undefined}
        <Checkbox
          label={t('staff.register.identity', { name: me.name })}
          checked={form.isIdentityChecked}
          onChange={(event) => change({ isIdentityChecked: event.currentTarget.checked })}
          error={errorOf('identity')}
        />
        {same.length === 0 ? undefined : (
          <div className="th-problem" data-tone="wait" role="status">
            <div>
              <p>
                <b>{t('staff.same.title')}</b>
              </p>
              <ul>
                {same.map((one) => (
                  <SamePerson key={one.ref} patient={one} />
                ))}
              </ul>
            </div>
          </div>
        )}
        {invite.isError ? <Problem error={invite.error} /> : undefined}
        <div className="th-actions">
          <Button type="submit" loading={invite.isPending}>
            {t(same.length === 0 ? 'staff.register.action' : 'staff.register.another')}
          </Button>
        </div>
      </form>
    </>
  )
}

function invitationOf(form: RegistrationForm, by: string) {
  const { kind, name, contact, department, emergency } = form
  const birthDate = birthDateOf(form)
  return {
    kind,
    name: name.trim(),
    identityCheckedBy: by,
    ...(kind === 'patient' && birthDate !== undefined && birthDate !== '' ? { birthDate } : {}),
    ...(kind === 'patient' && contact.trim() !== '' ? { contact: contact.trim() } : {}),
    ...(kind === 'practitioner' ? { department: department.trim(), emergency } : {}),
    ...(kind === 'staff' ? { roles: ['front-desk'] as const } : {}),
  }
}

/** Somebody who is known already, and a new key for who lost the old one. */
function SamePerson({
  patient,
}: {
  readonly patient: { readonly ref: string; readonly name: string; readonly birthDate: string | undefined }
}): ReactNode {
  const { t, moment } = useWords()
  const key = useMutation({ mutationFn: () => staff.newKey(patient.ref) })
  return (
    <li>
      {t('staff.same.line', { name: patient.name, birth: patient.birthDate ?? t('staff.same.unknown') })}{' '}
      <Button size="xs" variant="default" loading={key.isPending} onClick={() => key.mutate()}>
        {t('staff.same.key')}
      </Button>
      {key.isError ? <Problem error={key.error} /> : undefined}
      {key.data === undefined ? undefined : key.data.state === 'waiting' ? (
        <p role="status">{t('staff.same.second')}</p>
      ) : (
        <p role="status">{t('staff.same.code', { code: key.data.code, moment: moment(key.data.expiresMs) })}</p>
      )}
    </li>
  )
}

function Code({
  code,
  expiresMs,
  name,
  onAgain,
}: {
  readonly code: string
  readonly expiresMs: number
  readonly name: string
  readonly onAgain: () => void
}): ReactNode {
  const { t, moment } = useWords()
  const link = `${location.origin}/join#${code}`
  return (
    <>
      <h1>{t('staff.code.title', { name })}</h1>
      <p>{t('staff.code.line')}</p>
      <QrCode text={link} label={t('staff.code.qr')} />
      <p className="th-code" data-testid="code">
        {code.replaceAll(/(.{4})(?=.)/g, '$1 ')}
      </p>
      <p>{t('staff.code.type', { host: location.host })}</p>
      <p className="th-dimmed">{t('staff.code.until', { moment: moment(expiresMs) })}</p>
      <div className="th-actions">
        <CopyText text={link} label={t('staff.code.copy')} />
        <Button variant="default" onClick={() => print()}>
          {t('action.print')}
        </Button>
        <Button variant="default" onClick={onAgain}>
          {t('staff.code.again')}
        </Button>
      </div>
    </>
  )
}
