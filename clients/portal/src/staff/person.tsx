/**
 * One person and what staff may do about their keys. What the ledger says of the person is proven in this browser.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconArrowLeft } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import type { PatientEntry, StaffEntry } from '../../../sdk/src/hospital-answers/people.ts'
import { FhirDate } from '../fhir/fhir-date.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import { Code } from './code.tsx'
import { NewKey } from './new-key.tsx'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

export function Person({ id }: { readonly id: string }): ReactNode {
  const { t } = useWords()
  return (
    <>
      <Link href="/staff/people" className="th-back">
        <IconArrowLeft size={18} aria-hidden /> {t('staff.person.back')}
      </Link>
      {id.startsWith('staff-') ? <Member id={id} /> : id.startsWith('d-') ? <Doctor id={id} /> : <Patient id={id} />}
    </>
  )
}

function Patient({ id }: { readonly id: string }): ReactNode {
  const { t, date } = useWords()
  const patients = useQuery(queries.patients)
  const patient = patients.data?.find(({ ref }) => ref === id)
  useTitle(patient?.name ?? t('staff.nav.people'))
  if (patients.isPending) return <Loading />
  if (patients.isError) return <StaffProblem error={patients.error} again={patients.refetch} />
  if (patient === undefined) return <Unknown />
  const { name, details, registeredMs } = patient
  const birth = details['birthDate']
  const contact = details['contact']
  const by = details['identityCheckedBy']
  return (
    <>
      <h1>{name}</h1>
      <dl className="th-facts">
        <Fact name="birth">{typeof birth === 'string' ? <FhirDate text={birth} /> : t('staff.same.unknown')}</Fact>
        {typeof contact === 'string' ? <Fact name="contact">{contact}</Fact> : undefined}
        <Fact name="registered">
          {typeof by === 'string' ? t('staff.person.checked', { date: date(registeredMs), by }) : date(registeredMs)}
        </Fact>
        <Fact name="reference">
          <code>{id}</code> <CopyText text={id} label={t('staff.person.copy')} />
        </Fact>
      </dl>
      <PatientKeys id={id} />
      <section aria-labelledby="lost">
        <h2 id="lost">{t('staff.person.lost')}</h2>
        <NewKey person={id} name={name} />
      </section>
      <TreatmentKey patient={patient} />
    </>
  )
}

function PatientKeys({ id }: { readonly id: string }): ReactNode {
  const { t, moment } = useWords()
  const keys = useQuery(queries.patientKeys(id))
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">{t('staff.person.keys')}</h2>
      <p>{t('staff.person.keys.line')}</p>
      {keys.isPending ? <Loading rows={2} /> : undefined}
      {keys.isError ? <StaffProblem error={keys.error} again={keys.refetch} /> : undefined}
      {keys.data === undefined ? undefined : (
        <SheetTable
          caption={t('staff.person.keys.caption', { count: keys.data.length })}
          words="staff.column"
          columns={['device', 'added', 'how', 'state']}
        >
          {keys.data.map(({ kid, label, kind, addedMs, removedMs, how }) => (
            <tr key={kid}>
              <td data-label={t('staff.column.device')}>
                {kind === 'recovery' ? t('staff.key.recovery') : label} <code>{kid.slice(0, 8)}</code>
              </td>
              <td data-label={t('staff.column.added')}>{moment(addedMs)}</td>
              <td data-label={t('staff.column.how')}>{t(`staff.key.how.${how}`)}</td>
              <td data-label={t('staff.column.state')}>
                {removedMs === null ? t('staff.key.active') : t('staff.key.ended', { moment: moment(removedMs) })}
              </td>
            </tr>
          ))}
        </SheetTable>
      )}
    </section>
  )
}

/** The key under which the hospital and the record server exchange a patient's records. */
function TreatmentKey({ patient }: { readonly patient: PatientEntry }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [isAsking, setIsAsking] = useState(false)
  const rotate = useMutation({
    mutationFn: () => staff.rotateKey(patient.ref),
    onSuccess: () => {
      setIsAsking(false)
      void cache.invalidateQueries({ queryKey: ['staff', 'patients'] })
    },
  })
  return (
    <section aria-labelledby="treatment">
      <h2 id="treatment">{t('staff.treatment.title')}</h2>
      <p>{t('staff.treatment.line', { version: patient.provisionedVersion })}</p>
      {rotate.isError ? <StaffProblem error={rotate.error} /> : undefined}
      {rotate.data === undefined ? undefined : (
        <p role="status">
          {t(rotate.data.provisioned ? 'staff.treatment.done' : 'staff.treatment.waits', {
            version: rotate.data.version,
          })}
        </p>
      )}
      {isAsking ? (
        <div className="th-card">
          <p>{t('staff.treatment.ask')}</p>
          <div className="th-actions">
            <Button size="sm" loading={rotate.isPending} onClick={() => rotate.mutate()}>
              {t('staff.treatment.action')}
            </Button>
            <Button size="sm" variant="default" onClick={() => setIsAsking(false)}>
              {t('staff.keep')}
            </Button>
          </div>
        </div>
      ) : (
        <div className="th-actions">
          <Button size="sm" variant="default" onClick={() => setIsAsking(true)}>
            {t('staff.treatment.action')}
          </Button>
        </div>
      )}
    </section>
  )
}

function Doctor({ id }: { readonly id: string }): ReactNode {
  const { t, moment, date } = useWords()
  const doctors = useQuery(queries.doctors)
  const summary = useQuery(queries.summary)
  const state = useQuery(queries.doctorState(id))
  const doctor = doctors.data?.find(({ ref }) => ref === id)
  useTitle(doctor?.name ?? t('staff.nav.people'))
  if (doctors.isPending) return <Loading />
  if (doctors.isError) return <StaffProblem error={doctors.error} again={doctors.refetch} />
  if (doctor === undefined) return <Unknown />
  const end = summary.data?.certificates.find(({ ref }) => ref === id)?.notAfterMs
  return (
    <>
      <h1>{doctor.name}</h1>
      <dl className="th-facts">
        <Fact name="department">{doctor.department}</Fact>
        <Fact name="ledger">
          {state.isPending ? t('staff.person.asking') : undefined}
          {state.isError ? t('staff.person.away') : undefined}
          {state.data === null ? t('staff.person.absent') : undefined}
          {state.data === undefined || state.data === null
            ? undefined
            : t(`staff.person.${state.data.flagged ? 'flagged' : state.data.status}`, {
                moment: moment(state.data.changedMs),
              })}
        </Fact>
        <Fact name="certificate">
          {end === undefined ? t('staff.people.certificate.long') : t('staff.people.certificate', { date: date(end) })}{' '}
          {t('staff.person.renewal')}
        </Fact>
        <Fact name="reference">
          <code>{id}</code> <CopyText text={id} label={t('staff.person.copy')} />
        </Fact>
      </dl>
      <section aria-labelledby="lost">
        <h2 id="lost">{t('staff.person.lost.doctor')}</h2>
        <NewKey person={id} name={doctor.name} />
      </section>
    </>
  )
}

function Member({ id }: { readonly id: string }): ReactNode {
  const { t, list, date } = useWords()
  const members = useQuery(queries.members)
  const member = members.data?.find((one) => one.id === id)
  useTitle(member?.name ?? t('staff.nav.people'))
  if (members.isPending) return <Loading />
  if (members.isError) return <StaffProblem error={members.error} again={members.refetch} />
  if (member === undefined) return <Unknown />
  return (
    <>
      <h1>{member.name}</h1>
      <dl className="th-facts">
        <Fact name="roles">{list(member.roles.map((role) => t(`staff.role.${role}`)))}</Fact>
        <Fact name="registered">{date(member.registeredMs)}</Fact>
      </dl>
      <h2>{t('staff.member.devices')}</h2>
      {member.keys.length === 0 ? <div className="th-empty">{t('staff.member.nodevice')}</div> : undefined}
      {member.keys.map((key) => (
        <StaffKey key={key.kid} member={member} entry={key} />
      ))}
      <MemberCode member={member} />
    </>
  )
}

/** One more device of a member of staff, without one that is there: after a loss. */
function MemberCode({ member }: { readonly member: StaffEntry }): ReactNode {
  const { t } = useWords()
  const make = useMutation({ mutationFn: () => staff.invite({ kind: 'staff', name: member.name, staff: member.id }) })
  if (make.data !== undefined) {
    return <Code code={make.data.code} expiresMs={make.data.expiresMs} name={member.name} />
  }
  return (
    <>
      <p>{t('staff.member.code.line', { name: member.name })}</p>
      {make.isError ? <StaffProblem error={make.error} /> : undefined}
      <div className="th-actions">
        <Button size="sm" variant="default" loading={make.isPending} onClick={() => make.mutate()}>
          {t('staff.member.code')}
        </Button>
      </div>
    </>
  )
}

function StaffKey({
  member,
  entry,
}: {
  readonly member: StaffEntry
  readonly entry: StaffEntry['keys'][number]
}): ReactNode {
  const { t, moment } = useWords()
  const cache = useQueryClient()
  const me = useQuery(queries.me)
  const [isAsking, setIsAsking] = useState(false)
  const remove = useMutation({
    mutationFn: () => staff.removeStaffKey(member.id, entry.kid),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['staff', 'members'] }),
  })
  const isThis = me.data?.kid === entry.kid
  return (
    <div className="th-card">
      <p>
        <b>{isThis ? t('staff.device.this', { label: entry.label }) : entry.label}</b>{' '}
        {t('staff.device.since', { moment: moment(entry.addedMs) })} <code>{entry.kid.slice(0, 8)}</code>
      </p>
      {remove.isError ? <StaffProblem error={remove.error} /> : undefined}
      {isAsking ? (
        <>
          <p>{t('staff.device.remove.line', { label: entry.label })}</p>
          <div className="th-actions">
            <Button size="sm" color="bad" loading={remove.isPending} onClick={() => remove.mutate()}>
              {t('staff.device.remove')}
            </Button>
            <Button size="sm" variant="default" onClick={() => setIsAsking(false)}>
              {t('staff.keep')}
            </Button>
          </div>
        </>
      ) : (
        <div className="th-actions">
          <Button
            size="sm"
            variant="default"
            aria-label={t('staff.device.remove.open', { label: entry.label })}
            onClick={() => setIsAsking(true)}
          >
            {t('staff.device.remove')}
          </Button>
        </div>
      )}
    </div>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  const { t } = useWords()
  return (
    <div>
      <dt>{t(`staff.column.${name}`)}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Unknown(): ReactNode {
  const { t } = useWords()
  return (
    <>
      <h1>{t('staff.people.title')}</h1>
      <div className="th-empty">{t('staff.person.unknown')}</div>
    </>
  )
}
