/**
 * People of this hospital and their keys: patients, doctors, members of staff. New keys that wait for a second member of
 * staff stand first.
 *
 * @module
 */
import { SegmentedControl, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { FhirDate } from '../fhir/fhir-date.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import { NewKey } from './new-key.tsx'
import { queries } from './queries.ts'
import { isBeyondRole, StaffProblem } from './staff-problem.tsx'

const KINDS = ['patients', 'doctors', 'members'] as const
/** More than that is for the search. */
const MAX_ROWS = 100

export function People(): ReactNode {
  const { t } = useWords()
  const [kind, setKind] = useState<(typeof KINDS)[number]>('patients')
  const [search, setSearch] = useState('')
  const me = useQuery(queries.me)
  useTitle(t('staff.people.title'))
  const mayMembers = me.data?.staff?.roles.includes('administrator') ?? false
  const List = { patients: Patients, doctors: Doctors, members: Members }[kind]
  return (
    <>
      <h1>{t('staff.people.title')}</h1>
      <Waiting />
      <div className="th-fields">
        <SegmentedControl
          aria-label={t('staff.people.kind')}
          value={kind}
          onChange={setKind}
          data={KINDS.filter((one) => one !== 'members' || mayMembers).map((value) => ({
            value,
            label: t(`staff.people.${value}`),
          }))}
        />
        <TextInput
          label={t('staff.people.search')}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          autoComplete="off"
        />
      </div>
      <List search={search.trim().toLowerCase()} />
    </>
  )
}

/** A first member of staff has seen the identity document; somebody else must, too. */
function Waiting(): ReactNode {
  const { t, moment } = useWords()
  const waiting = useQuery(queries.waitingRekeys)
  // The list below says it, once.
  if (waiting.isError && isBeyondRole(waiting.error)) return undefined
  if (waiting.isError) return <StaffProblem error={waiting.error} again={waiting.refetch} />
  if (waiting.data === undefined || waiting.data.length === 0) return undefined
  return (
    <section aria-labelledby="waiting" className="th-card" data-tone="wait">
      <h2 id="waiting">{t('staff.rekey.waiting')}</h2>
      {waiting.data.map(({ person, name, checkedBy, sinceMs, isOwn }) => (
        <div key={person}>
          <p>{t('staff.rekey.first', { name, by: checkedBy, moment: moment(sinceMs) })}</p>
          {isOwn ? <p className="th-dimmed">{t('staff.rekey.other')}</p> : <NewKey person={person} name={name} />}
        </div>
      ))}
    </section>
  )
}

interface ListProps {
  readonly search: string
}

function Patients({ search }: ListProps): ReactNode {
  const { t, date } = useWords()
  const patients = useQuery(queries.patients)
  if (patients.isPending) return <Loading rows={5} />
  if (patients.isError) return <StaffProblem error={patients.error} again={patients.refetch} />
  const found = patients.data.filter(({ name, ref }) => `${name} ${ref}`.toLowerCase().includes(search))
  return (
    <Table
      caption={t('staff.people.patients.caption', { count: found.length })}
      empty={t(search === '' ? 'staff.people.none' : 'staff.people.nomatch')}
      columns={['name', 'birth', 'registered', 'key']}
      rows={found.slice(0, MAX_ROWS).map(({ ref, name, details, registeredMs, provisionedVersion }) => ({
        id: ref,
        cells: [
          <Link key="name" href={`/staff/people/${ref}`}>
            {name}
          </Link>,
          typeof details['birthDate'] === 'string' ? (
            <FhirDate key="birth" text={details['birthDate']} />
          ) : (
            t('staff.same.unknown')
          ),
          date(registeredMs),
          provisionedVersion === 0
            ? t('staff.people.key.waits')
            : t('staff.people.key.version', { version: provisionedVersion }),
        ],
      }))}
    />
  )
}

function Doctors({ search }: ListProps): ReactNode {
  const { t, date } = useWords()
  const doctors = useQuery(queries.doctors)
  const summary = useQuery(queries.summary)
  if (doctors.isPending) return <Loading rows={5} />
  if (doctors.isError) return <StaffProblem error={doctors.error} again={doctors.refetch} />
  const ending = new Map((summary.data?.certificates ?? []).map(({ ref, notAfterMs }) => [ref, notAfterMs]))
  const found = doctors.data.filter((one) => `${one.name} ${one.department} ${one.ref}`.toLowerCase().includes(search))
  const certificateOf = (ref: string) => {
    if (summary.data === undefined) return ''
    const end = ending.get(ref)
    return end === undefined ? t('staff.people.certificate.long') : t('staff.people.certificate', { date: date(end) })
  }
  return (
    <Table
      caption={t('staff.people.doctors.caption', { count: found.length })}
      empty={t(search === '' ? 'staff.people.none' : 'staff.people.nomatch')}
      columns={['name', 'department', 'certificate']}
      rows={found.slice(0, MAX_ROWS).map(({ ref, name, department }) => ({
        id: ref,
        cells: [
          <Link key="name" href={`/staff/people/${ref}`}>
            {name}
          </Link>,
          department,
          certificateOf(ref),
        ],
      }))}
    />
  )
}

function Members({ search }: ListProps): ReactNode {
  const { t, list, date } = useWords()
  const members = useQuery(queries.members)
  if (members.isPending) return <Loading rows={3} />
  if (members.isError) return <StaffProblem error={members.error} again={members.refetch} />
  const found = members.data.filter(({ name }) => name.toLowerCase().includes(search))
  return (
    <Table
      caption={t('staff.people.members.caption', { count: found.length })}
      empty={t('staff.people.nomatch')}
      columns={['name', 'roles', 'registered', 'devices']}
      rows={found.map(({ id, name, roles, registeredMs, keys }) => ({
        id,
        cells: [
          <Link key="name" href={`/staff/people/${id}`}>
            {name}
          </Link>,
          list(roles.map((role) => t(`staff.role.${role}`))),
          date(registeredMs),
          t('staff.people.devices', { count: keys.length }),
        ],
      }))}
    />
  )
}

interface TableProps {
  readonly caption: string
  readonly empty: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly id: string; readonly cells: readonly ReactNode[] }[]
}

function Table({ caption, empty, columns, rows }: TableProps): ReactNode {
  const { t } = useWords()
  if (rows.length === 0) return <div className="th-empty">{empty}</div>
  return (
    <SheetTable caption={caption} words="staff.column" columns={columns}>
      {rows.map(({ id, cells }) => (
        <tr key={id}>
          {cells.map((cell, i) => (
            <td key={columns[i]} data-label={t(`staff.column.${columns[i] ?? ''}`)}>
              {cell}
            </td>
          ))}
        </tr>
      ))}
    </SheetTable>
  )
}
