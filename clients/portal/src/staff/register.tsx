/**
 * Registering somebody: what the front desk writes down, who may be the same already, then a code and a QR for the person's
 * own device, which makes the key. For a lost key two members of staff see the person's identity.
 *
 * @module
 */
import { Button, Checkbox, SegmentedControl, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import type { StaffRole } from '../../../sdk/src/hospital-answers/people.ts'
import { fhirDateText } from '../fhir/fhir-date.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { dayText } from '../shell/day.ts'
import { DayField } from '../shell/day-field.tsx'
import { useTitle } from '../shell/title.ts'
import { Code } from './code.tsx'
import { EMPTY_REGISTRATION, findSame, registrationProblems, type RegistrationForm } from './model/registration.ts'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

const KINDS = ['patient', 'practitioner', 'staff'] as const
const ROLES = ['front-desk', 'records', 'technical', 'administrator'] as const satisfies readonly StaffRole[]

export function Register({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [form, setForm] = useState<RegistrationForm>(EMPTY_REGISTRATION)
  const [wasTried, setWasTried] = useState(false)
  const patients = useQuery(queries.patients)
  const whoAmI = useQuery(queries.me)
  // Only who may: the hospital refuses the others.
  const mayStaff = whoAmI.data?.staff?.roles.includes('administrator') ?? false
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
      <>
        <h1>{t('staff.code.title', { name: form.name })}</h1>
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
      </>
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
          data={KINDS.filter((kind) => kind !== 'staff' || mayStaff).map((kind) => ({
            value: kind,
            label: t(`staff.kind.${kind}`),
          }))}
        />
        <TextInput
          label={t('staff.register.name')}
          autoComplete="off"
          value={form.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={errorOf('name')}
        />
        {form.kind === 'patient' ? (
          <DayField
            label={t('staff.register.birth')}
            value={form}
            onChange={({ day, month, year }) => change({ day, month, year })}
            error={errorOf('birth')}
          />
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
        {form.kind === 'staff' ? (
          <Checkbox.Group
            label={t('staff.register.roles')}
            description={t('staff.register.roles.line')}
            value={[...form.roles]}
            onChange={(roles) => change({ roles: ROLES.filter((role) => roles.includes(role)) })}
            error={errorOf('roles')}
          >
            <div className="th-choices">
              {ROLES.map((role) => (
                <Checkbox
                  key={role}
                  value={role}
                  label={t(`staff.role.${role}`)}
                  description={t(`staff.role.${role}.line`)}
                />
              ))}
            </div>
          </Checkbox.Group>
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
        {invite.isError ? <StaffProblem error={invite.error} /> : undefined}
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
  const birthDate = dayText(form)
  return {
    kind,
    name: name.trim(),
    identityCheckedBy: by,
    ...(kind === 'patient' && birthDate !== undefined && birthDate !== '' ? { birthDate } : {}),
    ...(kind === 'patient' && contact.trim() !== '' ? { contact: contact.trim() } : {}),
    ...(kind === 'practitioner' ? { department: department.trim(), emergency } : {}),
    ...(kind === 'staff' ? { roles: form.roles } : {}),
  }
}

/** Somebody who is known already: that person's page has the keys, and a new one after a lost device. */
function SamePerson({
  patient,
}: {
  readonly patient: { readonly ref: string; readonly name: string; readonly birthDate: string | undefined }
}): ReactNode {
  const words = useWords()
  const { t } = words
  return (
    <li>
      {t('staff.same.line', {
        name: patient.name,
        birth: patient.birthDate === undefined ? t('staff.same.unknown') : fhirDateText(words, patient.birthDate),
      })}{' '}
      <Link href={`/staff/people/${patient.ref}`}>{t('staff.same.open')}</Link>
    </li>
  )
}
